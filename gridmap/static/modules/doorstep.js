/**
 * What the day's list and the recorder share: the page's words, elements made of text, a bottom sheet, local time.
 * Nothing here or there ever reads a text as HTML.
 */
const SVG = "http://www.w3.org/2000/svg";

/** @returns {any} the JSON in a block of the page, or null */
export function block(id) {
  const found = document.getElementById(id);
  return found ? JSON.parse(found.textContent) : null;
}

const told = block("words");
/** The page's sentences, and its tables of code -> word in their own order. */
export const words = { ...told.sentences, weekdays: told.weekdays };
for (const [name, pairs] of Object.entries(told.tables)) words[name] = Object.fromEntries(pairs);

/** @param {string} sentence @param {Record<string, string|number>} values */
export const say = (sentence, values = {}) => sentence.replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));

/**
 * @param {string} name  "button.act.met" makes a button with two classes
 * @param {Record<string, any>} props  on…: a listener; data, aria: their own tables; all else properties
 * @param {...(Node|string|null|undefined|false)} children
 */
export function el(name, props = {}, ...children) {
  const [tag, ...classes] = name.split(".");
  const made = document.createElement(tag);
  if (classes.length) made.className = classes.join(" ");
  if (tag === "button") made.type = "button";
  for (const [key, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (key === "data") Object.assign(made.dataset, value);
    else if (key === "aria") for (const [k, v] of Object.entries(value)) made.setAttribute(`aria-${k}`, String(v));
    else if (key in made && key !== "role") made[key] = value;
    else made.setAttribute(key, String(value));
  }
  made.append(...children.filter((child) => child || child === 0).map((child) => (typeof child === "number" ? String(child) : child)));
  return made;
}

/** A bootstrap icon from the page's own sprite. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "i");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("focusable", "false");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `${document.body.dataset.icons}#${name}`);
  svg.append(use);
  return svg;
}

/** @param {{words: string, tone: string, icon: string}} reason */
export const chip = (reason) => el(`span.tag.tone-${reason.tone}`, {}, icon(reason.icon), reason.words);

/** @param {number} seconds of the local day @returns {string} 54300 is 15:05 */
export function clock(seconds) {
  const minutes = Math.floor(seconds / 60);
  return `${String(Math.floor(minutes / 60)).padStart(2, "0")}:${String(minutes % 60).padStart(2, "0")}`;
}

/** @returns {{on: string, s: number}} the date and second of the day in a place's own time */
export function localNow(timezone, at = new Date()) {
  const parts = Object.fromEntries(
    new Intl.DateTimeFormat("en-GB", {
      timeZone: timezone, hourCycle: "h23", year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit",
    }).formatToParts(at).map(({ type, value }) => [type, value]),
  );
  return { on: `${parts.year}-${parts.month}-${parts.day}`, s: 3600 * Number(parts.hour) + 60 * Number(parts.minute) + Number(parts.second) };
}

/** @returns {string} the ISO moment at which clocks of a place show that minute of that date */
export function momentOf(on, minutes, timezone) {
  const wanted = Date.parse(`${on}T00:00:00Z`) + 60_000 * minutes;
  let at = wanted;
  for (let turn = 0; turn < 2; turn += 1) { // twice, for the hours around a change of clocks
    const shown = localNow(timezone, new Date(at));
    at += wanted - (Date.parse(`${shown.on}T00:00:00Z`) + 1000 * shown.s);
  }
  return new Date(at).toISOString();
}

/** @returns {string} the date so many days later */
export const later = (on, days) => new Date(Date.parse(`${on}T00:00:00Z`) + 86_400_000 * days).toISOString().slice(0, 10);

/** @returns {number} 0 on Mondays */
export const weekdayOf = (on) => (new Date(`${on}T00:00:00Z`).getUTCDay() + 6) % 7;

/**
 * A sheet from below, a dialog on a desk; Escape, the ground behind and the cross close it.
 * @param {string} title
 * @param {(close: () => void) => {body: Node[], foot?: Node[], note?: string}} fill
 */
export function openSheet(title, fill) {
  const id = `sheet-${openSheet.count = (openSheet.count ?? 0) + 1}`;
  const box = el("dialog.sheet", { "aria-labelledby": id });
  const before = document.activeElement;
  const close = () => box.close();
  const { body, foot = [], note = "" } = fill(close);
  box.append(
    el("header", {}, el("div", {}, el("h2", { id, tabIndex: -1 }, title), note && el("p.quiet", {}, note)),
      el("button.tool", { aria: { label: words.close }, onclick: close }, icon("x"))),
    el("div.sheet-body", {}, ...body),
  );
  if (foot.length) box.append(el("footer.sheet-foot", {}, ...foot));
  box.addEventListener("click", (event) => { if (event.target === box) close(); });
  box.addEventListener("close", () => {
    box.remove();
    if (before?.isConnected) before.focus({ preventScroll: true });
  });
  document.body.append(box);
  box.showModal();
  box.querySelector("h2").focus();
  return { box, close };
}
