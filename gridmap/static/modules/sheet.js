/**
 * The phone's sheet: three heights, by dragging, by two buttons, by keyboard. On a desk it is a plain panel.
 */

const HEIGHTS = ["low", "half", "full"];

/** @param {(height: string) => void} changed  called after each change */
export function sheet(changed) {
  const body = document.body;
  const panel = document.getElementById("panel");
  const grip = panel.querySelector(".grip");
  const [up, down] = [panel.querySelector("[data-sheet-up]"), panel.querySelector("[data-sheet-down]")];
  const height = () => body.dataset.sheet || "half";

  /** @param {string} next */
  function set(next) {
    body.dataset.sheet = next;
    up.disabled = next === "full";
    down.disabled = next === "low";
    changed(next);
  }
  const step = (by) => set(HEIGHTS[Math.min(2, Math.max(0, HEIGHTS.indexOf(height()) + by))]);
  up.addEventListener("click", () => step(1));
  down.addEventListener("click", () => step(-1));

  let start = null;
  grip.addEventListener("pointerdown", (event) => {
    if (event.target.closest("button")) return;
    start = { y: event.clientY, tall: panel.offsetHeight };
    grip.setPointerCapture(event.pointerId);
    panel.classList.add("dragging");
  });
  grip.addEventListener("pointermove", (event) => {
    if (start) panel.style.height = `${start.tall + start.y - event.clientY}px`;
  });
  const end = (event) => {
    if (!start) return;
    const tall = start.tall + start.y - event.clientY;
    panel.classList.remove("dragging");
    panel.style.height = "";
    start = null;
    const room = window.innerHeight;
    set(tall < room * 0.32 ? "low" : tall < room * 0.66 ? "half" : "full");
  };
  grip.addEventListener("pointerup", end);
  grip.addEventListener("pointercancel", end);
  set(height());
  return { height, set };
}

/** Tell whether the sheet is in use: the same limit as in map.css. */
export const isPhone = () => matchMedia("(max-width: 54em)").matches;
