/** What was just done, with a way back for eight seconds; and what went wrong. */
import { el, icon, say, words } from "./doorstep.js";
import { UNDO_MS } from "./keeping.js";

const SHOWN_MS = 5_000;
const at = (id) => document.getElementById(id);
let toastTimer = 0;
let undoTimer = 0;

/** One sentence at the bottom; a bad one stays. @param {{bad?: boolean, act?: Node|null}} how */
export function tell(sentence, { bad = false, act = null } = {}) {
  clearTimeout(toastTimer);
  const box = at("toast");
  const line = el(bad ? "div.notice.bad" : "div.notice.calm", { role: bad ? "alert" : "status" }, el("p", {}, sentence), act);
  box.replaceChildren(...(sentence ? [line] : []));
  if (sentence && !bad) toastTimer = setTimeout(() => box.replaceChildren(), SHOWN_MS);
}

/** @returns {string} what became of some doors, in words; a refusal without any pressure */
export function toldOf(doors, result) {
  if (result === "refused") return words.quiet_refusal;
  const word = words.results[result];
  return doors.length > 1 ? say(words.kept_many, { n: doors.length, result: word }) : say(words.kept_one, { door: doors[0].label, result: word });
}

/** @param {() => void} back @param {(() => void)|null} again  come again today */
export function offerUndo(sentence, back, again = null) {
  const bar = at("undo");
  clearTimeout(undoTimer);
  const after = (work) => () => { clearTimeout(undoTimer); bar.hidden = true; work(); };
  bar.replaceChildren(
    el("p", {}, icon("check-lg"), sentence),
    el("div.backs", {}, again && el("button.way-back", { onclick: after(again) }, words.again_today),
      el("button.way-back", { onclick: after(back) }, icon("arrow-counterclockwise"), words.undo)),
    el("span.sand", { aria: { hidden: true } }),
  );
  bar.hidden = false;
  at("live").textContent = sentence;
  undoTimer = setTimeout(() => { bar.hidden = true; }, UNDO_MS);
}

/** The browser kept nothing: say so, and offer the records as a file. @param {{file: () => Promise<Blob>}} fault */
export function offerFile(fault, on) {
  const save = async () => {
    const link = el("a", { href: URL.createObjectURL(await fault.file()), download: `gridmap-${on}.json` });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  };
  tell(words.fault_file, { bad: true, act: el("button.button", { onclick: save }, icon("download"), words.file) });
}
