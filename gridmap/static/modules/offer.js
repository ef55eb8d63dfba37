/**
 * Better hours for a walk, in one line: asked for once the page is drawn, taken with one tap, never by itself.
 *
 * Nothing is said while there is nothing to gain, no network, or the walk has begun: the line is an extra, and the
 * day is whole without it.
 */
const ASK = { credentials: "same-origin", cache: "no-store", headers: { Accept: "application/json", "X-Gridmap": "1" } };
const address = (planId) => `/plans/${planId}/hours`;

async function asked(planId) {
  try {
    const answer = await fetch(address(planId), ASK);
    return answer.ok ? await answer.json() : null;
  } catch {
    return null; // no network: nothing is offered
  }
}

/** Let a walk begin at another time. @returns {Promise<{ok: boolean, said: any}>} said: the answer, or why not */
export async function setOutAt(planId, startS) {
  const headers = { ...ASK.headers, "Content-Type": "application/json" };
  try {
    const answer = await fetch(address(planId), { ...ASK, method: "POST", headers, body: JSON.stringify({ start_s: startS }) });
    return { ok: answer.ok, said: await answer.json() };
  } catch {
    return { ok: false, said: {} };
  }
}

/** Draw something above what one may be about to tap without moving that under the thumb. */
function still(box, draw) {
  const below = box.nextElementSibling;
  const before = below?.getBoundingClientRect().top ?? 0;
  draw();
  if (below) scrollBy({ top: below.getBoundingClientRect().top - before, behavior: "instant" });
}

/**
 * Ask for better hours and offer them in a box of the page.
 * @param {HTMLElement} box  hidden while there is nothing to offer
 * @param {{planId: number, begun?: () => boolean, done: (said: any, offer: any) => void, failed: (sentence?: string) => void}} how
 *   begun: he has set out meanwhile
 */
export async function offerHours(box, { planId, begun = () => false, done, failed }) {
  box.hidden = true;
  const found = planId && !begun() ? await asked(planId) : null;
  if (!found?.offer || begun()) return;
  const { offer, may_take: mayTake } = found;
  const parts = [Object.assign(document.createElement("p"), { textContent: offer.words })];
  if (mayTake) {
    const button = Object.assign(document.createElement("button"), { type: "button", className: "button", textContent: offer.take });
    button.addEventListener("click", async () => {
      button.disabled = true;
      const { ok, said } = await setOutAt(planId, offer.start_s);
      if (ok) {
        box.hidden = true;
        done(said, offer);
      } else {
        button.disabled = false;
        failed(said.error);
      }
    });
    parts.push(button);
  }
  still(box, () => {
    box.replaceChildren(...parts);
    box.hidden = false;
  });
}

/** A leader's page of one plan: its box says of which. */
const page = document.querySelector("[data-hours-of]");
if (page instanceof HTMLElement) {
  offerHours(page, {
    planId: Number(page.dataset.hoursOf),
    done: ({ url }) => location.assign(url),
    failed: (sentence) => { page.querySelector("p").textContent = sentence ?? page.dataset.failed; },
  });
}
