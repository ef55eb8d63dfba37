/** One door: its line in the list, its large buttons, and everything about it on one screen. */
import { counts, isDone, isOpen, markOf, my } from "./day.js";
import { chip, clock, el, icon, openSheet, say, words } from "./doorstep.js";
import { comeAgain, replan } from "./order.js";
import { openRecorder } from "./recorder.js";
import { record, undo } from "./records.js";

const DOUBLE_TAP_MS = 300; // the second tap of a double tap decides nothing

const about = (door, more = {}) => ({ door, on: my.day.on, timezone: my.day.timezone, hours: my.day.hours, materials: my.day.materials, ...more });
export const recordInFull = (door, more) => openRecorder(about(door, more), (visit) => record([door], visit));

/** The three large buttons of a door; 见到了 opens the choice in their place. @param {() => void} leave */
function acts(door, leave = () => {}) {
  const box = el("div.acts", { role: "group", aria: { label: door.label } });
  const once = (work) => {
    let used = false;
    return () => { if (!used) { used = true; leave(); work(); } };
  };
  const inFull = (more) => () => { plain(); leave(); recordInFull(door, more); };
  function plain() {
    const met = el("button.act.met", { onclick: choose }, icon("check-lg"), words.met);
    box.classList.remove("choosing");
    box.replaceChildren(
      met,
      el("button.act.nobody", { onclick: once(() => record([door], { result: "nobody" })) }, words.nobody),
      el("button.act.more", { aria: { label: `${door.label} ${words.more}` }, onclick: inFull({ result: "met" }) }, icon("three-dots")),
    );
    return met;
  }
  function choose() {
    const since = performance.now();
    const given = new Set();
    const awake = (work) => () => { if (performance.now() - since > DOUBLE_TAP_MS) work(); };
    const same = el("button.act.met", {
      onclick: awake(once(() => record([door], { result: "met", materials: [...given] }))),
    }, icon("check-lg"), words.no_change);
    const bring = my.day.materials.filter((m) => door.materials.includes(m.id)).map((m) => el("button.pick", {
      aria: { pressed: false },
      onclick: ({ currentTarget }) => {
        if (!given.delete(m.id)) given.add(m.id);
        currentTarget.setAttribute("aria-pressed", String(given.has(m.id)));
      },
    }, say(words.delivered_material, { name: m.name })));
    box.classList.add("choosing");
    box.replaceChildren(
      ...(bring.length ? [el("div.picks", {}, ...bring)] : []),
      same,
      el("button.act", { onclick: awake(inFull({ result: "met", open: "need" })) }, icon("chat-dots"), words.has_need),
      el("button.act.more", { aria: { label: words.cancel }, onclick: () => plain().focus() }, icon("x")),
    );
    same.focus();
  }
  plain();
  return box;
}

export const tagsOf = (door) => [
  ...door.groups.map((group) => el("span.tag", {}, group)),
  ...(door.pinned ? [chip({ words: say(words.promised, { from: clock(door.pinned.from_s), until: clock(door.pinned.until_s) }), tone: "pin", icon: "calendar-check" })] : []),
  ...(door.due.length ? door.due : door.reasons).filter(({ code }) => code !== "group" && !(door.pinned && code === "promise")).map(chip),
];
const lastOf = (door) => (door.last ? say(words.last, { what: door.last }) : words.never);

/** What became of a door: result, and where its record is now. */
export function stateOf(door) {
  const mark = markOf(door);
  const result = words.results[mark?.result] ?? "";
  if (!mark?.id) return result;
  const slip = my.waiting.get(mark.id);
  if (slip?.state === "refused") return `${result} · ${slip.words ?? ""}`;
  if (mark.state === "dropped") return `${result} · ${mark.words ?? ""}`;
  return `${result} · ${slip ? words.kept : mark.state === "held" ? words.held : words.delivered}`;
}

export function doorRow(door, withActs) {
  if (isDone(door)) {
    return el("li.door.done", { data: { household: String(door.household_id) } },
      el("button.door-open", { onclick: () => openDoor(door) }, el("span.label", {}, door.label), el("span.info", {}, icon("check-lg"), stateOf(door) || words.done)));
  }
  return el("li.door", { data: { household: String(door.household_id) } },
    el("button.door-open", { aria: { haspopup: "dialog" }, onclick: () => openDoor(door) },
      el("span.label", {}, door.label),
      el("span.info", {}, el("span.tags", {}, ...tagsOf(door)), el("span.last", {}, lastOf(door)),
        markOf(door)?.state === "dropped" && el("span.last", {}, stateOf(door)))),
    withActs && acts(door));
}

/** Everything about one door on one screen. */
export function openDoor(door) {
  const list = (title, rows, empty) => (rows.length || empty) && el("section.ask", {}, el("h3", {}, title),
    rows.length ? el("ul.lines", {}, ...rows.map((row) => el("li", {}, row))) : el("p.quiet", {}, empty));
  const { box } = openSheet(door.label, (close) => {
    const reason = (one) => el("span.line", {}, icon(one.icon), one.words);
    const body = [
      el("p.tags", {}, ...tagsOf(door)),
      el("p.last", {}, lastOf(door)),
      list(words.due, door.due.map(reason)),
      list(words.members, door.members.map((m) => el("span.line", {}, el("strong", {}, m.name), el("span.quiet", {}, words.relations[m.relation] ?? m.relation))), words.nobody_registered),
      list(words.open_needs, door.needs.map((need) => el("span.line", {}, el("span.tag.tone-plain", {}, words.needs[need.kind] ?? ""), need.summary))),
      list(words.bring, my.day.materials.filter((m) => door.materials.includes(m.id)).map((m) => m.name)),
      list(words.why, door.reasons.filter((one) => !door.due.some((due) => due.words === one.words)).map(reason)),
      isOpen(door) && el("p.quiet", {}, say(words.chance, { n: door.chance })),
      el("div.minor", {}, ...minorActs(door, close), el("a.button", { href: `/households/${door.household_id}` }, icon("person"), words.open_card)),
    ].filter(Boolean);
    return { body, foot: isDone(door) ? [] : [acts(door, close)], note: door.address };
  });
  box.classList.add("door-sheet");
}

function minorActs(door, close) {
  const act = (symbol, word, work) => el("button.button", { onclick: () => { close(); work(); } }, icon(symbol), word);
  if (isOpen(door)) return [act("arrow-right", words.skip, () => replan({ skipped: [door.household_id] }))];
  const mark = markOf(door);
  if (!counts(mark)) return [];
  const made = [act("arrow-counterclockwise", words.withdraw, () => undo([{ door, ids: [mark.id] }]))];
  if (mark.result === "nobody") {
    made.unshift(act("arrow-repeat", words.again_today, () => comeAgain(door, "today")), act("calendar3", words.another_day, () => comeAgain(door, "another_day")));
  }
  return made;
}
