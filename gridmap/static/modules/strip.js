/** Where the records are; signing in again, refusals and wrong clocks are told by modules/offline.js. */
import { at, my } from "./day.js";
import { el, icon, say, words } from "./doorstep.js";
import { offerFile } from "./notices.js";

const LATE_MS = 12_000; // a record that waits longer than this is told about

export function drawStrip() {
  const strip = at("strip");
  const late = [...my.waiting.values()].filter((slip) => slip.state === "waiting" && Date.now() - Date.parse(slip.capturedAt) > LATE_MS).length;
  const button = (word, work) => el("button.link", { onclick: work }, word);
  const again = button(words.send_now, async () => (await my.outbox).flush({ now: true, again: true }));
  const n = my.told.pending;
  let line = null;
  if (my.told.fault) line = ["bad", "exclamation-triangle", words.fault, button(words.file, () => offerFile({ file: async () => (await my.outbox).exportFile() }, my.day.on))];
  else if (!my.told.online) line = ["soon", "cloud-slash", n ? say(words.offline, { n }) : words.offline_none, null];
  else if (late) line = ["soon", "clock", say(words.sending, { n: late }), again];
  else if (my.told.held) line = ["soon", "clock", say(words.held_some, { n: my.told.held }), null];
  strip.hidden = !line;
  if (!line) { strip.replaceChildren(); return; }
  const [tone, symbol, sentence, act] = line;
  strip.className = `strip ${tone}`;
  if (strip.querySelector("p")?.textContent === sentence) return; // said already
  strip.replaceChildren(icon(symbol), el("p", {}, sentence), act ?? "");
}
