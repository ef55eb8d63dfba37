/**
 * The worker's day: draws the list from the day's JSON, records a door in one tap, finds another order.
 *
 * The server has drawn the header and the next stop already; everything here is drawn again from the same data, so
 * that the page is the same without a network. What was recorded on this phone lies in `marks` until the server's
 * own day says so.
 */
import { block, chip, clock, el, icon, localNow, openSheet, say, words } from "./doorstep.js";
import { UNDO_MS, keepVisit, takeBack } from "./keeping.js";
import { offerFile, offerUndo, tell, toldOf } from "./notices.js";
import { openOutbox } from "./outbox.js";
import { openRecorder } from "./recorder.js";
import { reorder } from "./reorder.js";
import { loadDay, loadMarks, saveDay, saveMarks } from "./snapshot.js";
import { accounts } from "./storage.js";
import { drawTower } from "./tower.js";

const DOUBLE_TAP_MS = 300; // the second tap of a double tap decides nothing
const LATE_MS = 12_000; // a record that waits longer than this is told about
const REPLAN_WITHIN_MS = 8_000;
const SHOWN_DOORS = 12;
const WITHDRAWN = "withdrawn";
const at = (id) => document.getElementById(id);
const now = () => new Date().toISOString();

/** @type {any} */
let day = null;
/** @type {Record<string, {result: string, id: string|null, at: string, again?: string, state?: string}>} */
let marks = {};
let waiting = new Map(); // id -> what the outbox says of it
let outbox = null;
let told = null;
let active = 0; // the household whose buttons are open, when it is not simply the next
let allDoors = false;
let drawn = ""; // what the list says of its records

// --- what is done, what is next --------------------------------------------------------------------------------------

const markOf = (door) => marks[door.household_id] ?? null;
const counts = (mark) => mark && mark.result !== WITHDRAWN && !mark.again;
const isDone = (door) => { const mark = markOf(door); return mark ? Boolean(counts(mark)) : door.state === "done"; };
const isSkipped = (door) => !isDone(door) && (door.state === "skipped" || Boolean(day.local?.skipped?.includes(door.household_id)));
const isOpen = (door) => !isDone(door) && !isSkipped(door);
const errandDone = (stop) => Boolean(stop.done || marks[`errand ${stop.errand.id}`]);
const isLeft = (stop) => !day.local?.dropped?.includes(stop.number) && (stop.errand ? !errandDone(stop) : stop.doors.some(isOpen));
const everyDoor = () => day.stops.flatMap((stop) => stop.doors);

/** Doors done and all, and what the rest takes: the server's figures, moved on by what was recorded here since. */
function progress() {
  let { done, left_s: left } = day.progress;
  for (const stop of day.stops) {
    for (const door of stop.doors) {
      const change = Number(isDone(door)) - Number(door.state === "done");
      done += change;
      left -= change * (door.service_s + door.vertical_s);
    }
    if (!stop.done && stop.walk && stop.doors.length && !stop.doors.some(isOpen)) left -= stop.walk.s;
  }
  const open = day.stops.some(isLeft);
  return { done, all: Math.max(day.progress.all, done), left_s: open ? Math.max(60, left) : 0 };
}

function duration(seconds) {
  const minutes = Math.ceil(seconds / 60);
  if (minutes < 90) return say(words.left_min, { n: minutes });
  const h = Math.round(minutes / 30) / 2; // of hours nobody needs to know the minute
  return say(words.left_h, { h });
}

// --- keeping ---------------------------------------------------------------------------------------------------------

async function remember() {
  try {
    await saveMarks(day.account_id, day.on, marks);
  } catch (fault) {
    if (fault.name !== "StorageFault") throw fault; // the outbox has said so already: its records are what counts
  }
}

/** Record some doors alike and offer to undo it; a door is marked as done when its record is kept. */
async function record(doors, visit) {
  const box = await outbox;
  const kept = [];
  let fault = null;
  for (const door of doors) {
    const one = await keepVisit(box, door, visit, day.on, day.plan_id);
    marks[door.household_id] = { result: visit.result, id: one.ids[0] ?? null, at: now() };
    kept.push({ door, ids: one.ids });
    fault ||= one.fault;
  }
  active = 0;
  render();
  if (fault) offerFile(fault, day.on);
  else {
    const again = visit.result === "nobody" && doors.length === 1 && doors[0].state ? () => comeAgain(doors[0], "today") : null;
    offerUndo(toldOf(doors, visit.result), () => undo(kept), again);
  }
  await remember();
  return true;
}

async function undo(kept) {
  const box = await outbox;
  let withdrawn = false;
  for (const { door, ids } of kept) {
    const sent = await takeBack(box, door, ids, day.on);
    if (sent || door.state === "done") marks[door.household_id] = { result: WITHDRAWN, id: ids[0] ?? null, at: now() };
    else delete marks[door.household_id];
    withdrawn ||= sent;
  }
  active = kept.length === 1 ? kept[0].door.household_id : 0;
  await remember();
  render();
  tell(withdrawn ? words.withdrawn : words.undone);
}

// --- another order ---------------------------------------------------------------------------------------------------

async function setDay(next) {
  day = next;
  allDoors = false;
  render();
  try {
    await saveDay(day.account_id, day);
  } catch (fault) {
    if (fault.name !== "StorageFault") throw fault; // told by the outbox; the day is on the screen
  }
}

async function post(body) {
  const giveUp = new AbortController();
  const timer = setTimeout(() => giveUp.abort(), REPLAN_WITHIN_MS);
  try {
    return await fetch("/today/replan", {
      method: "POST", credentials: "same-origin", cache: "no-store", signal: giveUp.signal,
      headers: { "Content-Type": "application/json", "X-Gridmap": "1" }, body: JSON.stringify(body),
    });
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Ask the server for another order of what is left; without it the phone finds one of its own and says so.
 * @param {{skipped?: number[], not_home?: object[], minutes_left?: number, emergency?: number, here?: number[]}} wish
 */
async function replan(wish) {
  tell(words.replanning);
  const notHome = Object.entries(marks).filter(([, mark]) => mark.again)
    .map(([id, mark]) => ({ household_id: Number(id), again: mark.again }));
  const body = {
    plan_id: day.plan_id,
    done: everyDoor().filter(isDone).map((door) => door.household_id),
    skipped: [],
    not_home: notHome,
    minutes_left: null,
    emergency: null,
    here: null,
    ...wish,
  };
  let answer = null;
  let said = null;
  try {
    answer = await post(body);
    said = await answer.json();
  } catch {
    ownOrder(body); // no network, or no answer of ours
    return;
  }
  if (answer.ok) {
    await setDay(said);
    tell(words.replanned);
  } else if (answer.status === 409) {
    const fresh = await fetch("/today.json", { headers: { Accept: "application/json", "X-Gridmap": "1" }, cache: "no-store" });
    if (fresh.ok) await setDay(await fresh.json());
    tell(words.stale);
  } else if (answer.status >= 500) ownOrder(body);
  else tell(said.error, { bad: true });
}

/** The phone's own order, from the matrix it has. */
function ownOrder({ skipped, not_home: notHome, minutes_left: minutesLeft, emergency }) {
  const hidden = new Set([...(day.local?.skipped ?? []), ...skipped, ...tooMany(minutesLeft, emergency)]);
  const away = new Set(notHome.filter(({ again }) => again === "another_day").map(({ household_id: id }) => id));
  const rest = (stop) => (stop.errand ? !errandDone(stop) : stop.doors.some((d) => !isDone(d) && !hidden.has(d.household_id) && !away.has(d.household_id)));
  const doneStops = day.stops.filter((stop) => (stop.errand ? errandDone(stop) : stop.doors.every(isDone))).map((stop) => stop.number);
  const skippedStops = day.stops.filter((stop) => !doneStops.includes(stop.number) && !rest(stop)).map((stop) => stop.number);
  const stateNow = (door) => ({ ...door, state: isDone(door) ? "done" : hidden.has(door.household_id) ? "skipped" : door.state });
  const seen = { ...day, stops: day.stops.map((stop) => ({ ...stop, doors: stop.doors.map(stateNow) })) };
  const found = reorder(seen, { atS: localNow(day.timezone).s, doneStops, skippedStops, notHome, minutesLeft });
  const order = [...doneStops, ...found.order];
  if (emergency) {
    const first = day.stops.find((stop) => stop.doors.some((door) => door.household_id === emergency));
    if (first) order.splice(doneStops.length, 0, first.number);
  }
  const local = { order: [...new Set(order)], dropped: found.dropped, skipped: [...hidden, ...away] };
  setDay(inOwnOrder(day, local));
  tell(words.own_order);
}

/** The doors of the stop at hand for which no time is left: a tower is not given up as a whole. */
function tooMany(minutesLeft, emergency) {
  const here = day.stops.find(isLeft);
  if (minutesLeft === null || !here) return [];
  let left = 60 * minutesLeft;
  const fits = (door) => { left -= door.service_s + door.vertical_s; return left >= 0; };
  return here.doors.filter(isOpen).filter((door) => door.household_id !== emergency && !fits(door)).map((door) => door.household_id);
}

function inOwnOrder(which, local) {
  const place = (stop) => { const i = local.order.indexOf(stop.number); return i < 0 ? local.order.length + stop.number : i; };
  return { ...which, local, stops: [...which.stops].sort((a, b) => place(a) - place(b)) };
}

/** Nobody was home: come again later today, or on another day. */
async function comeAgain(door, again) {
  const mark = marks[door.household_id];
  if (again === "today" && mark) marks[door.household_id] = { ...mark, again, at: now() };
  await remember();
  await replan({ not_home: [{ household_id: door.household_id, again }] });
}

function openReplan() {
  const next = day.stops.find(isLeft);
  openSheet(words.replan, (close) => {
    const go = (wish) => () => { close(); replan(wish); };
    const minutes = [20, 40, 60, 90].map((n) => el("button.pick", { onclick: go({ minutes_left: n }) }, say(words.minutes, { n })));
    const body = [el("section.ask", {}, el("h3", {}, words.minutes_left), el("div.picks", { role: "group", aria: { label: words.minutes_left } }, ...minutes))];
    const rows = [];
    if (next?.doors.length) {
      const skipped = next.doors.filter(isOpen).map((door) => door.household_id);
      rows.push(el("button.row-button", { onclick: go({ skipped }) }, icon("arrow-right"), el("span", {}, words.skip_stop, el("small", {}, next.title))));
    }
    rows.push(el("button.row-button", { onclick: () => { close(); fromHere(); } }, icon("crosshair"), el("span", {}, words.from_here, el("small", {}, words.from_here_note))));
    body.push(el("div.rows-of-buttons", {}, ...rows), urgentChoice(close));
    return { body };
  });
}

function urgentChoice(close) {
  const select = el("select", { name: "emergency" }, el("option", { value: "" }, words.choose_door));
  const add = ({ household_id: id, address }) => select.append(el("option", { value: String(id) }, address));
  everyDoor().filter(isOpen).forEach(add);
  day.left_out.forEach(add);
  const go = el("button.button.main", { onclick: () => { if (select.value) { close(); replan({ emergency: Number(select.value) }); } else select.focus(); } }, words.go_first);
  return el("section.ask", {}, el("h3", {}, words.emergency), el("div.urgent", {}, el("label.field", {}, el("span.unseen", {}, words.choose_door), select), go));
}

function fromHere() {
  if (!navigator.geolocation) { tell(words.nowhere, { bad: true }); return; }
  navigator.geolocation.getCurrentPosition(
    ({ coords }) => replan({ here: [coords.longitude, coords.latitude] }),
    () => tell(words.nowhere, { bad: true }),
    { enableHighAccuracy: true, timeout: 10_000 },
  );
}

// --- at the door -----------------------------------------------------------------------------------------------------

const about = (door, more = {}) => ({ door, on: day.on, timezone: day.timezone, hours: day.hours, materials: day.materials, ...more });
const recordInFull = (door, more) => openRecorder(about(door, more), (visit) => record([door], visit));

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
    const bring = day.materials.filter((m) => door.materials.includes(m.id)).map((m) => el("button.pick", {
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

const tagsOf = (door) => [
  ...door.groups.map((group) => el("span.tag", {}, group)),
  ...(door.pinned ? [chip({ words: say(words.promised, { from: clock(door.pinned.from_s), until: clock(door.pinned.until_s) }), tone: "pin", icon: "calendar-check" })] : []),
  ...(door.due.length ? door.due : door.reasons).filter(({ code }) => code !== "group" && !(door.pinned && code === "promise")).map(chip),
];
const lastOf = (door) => (door.last ? say(words.last, { what: door.last }) : words.never);

/** What became of a door: result, and where its record is now. */
function stateOf(door) {
  const mark = markOf(door);
  const result = words.results[mark?.result] ?? "";
  if (!mark?.id) return result;
  const slip = waiting.get(mark.id);
  if (slip?.state === "refused") return `${result} · ${slip.words ?? ""}`;
  return `${result} · ${slip ? words.kept : mark.state === "held" ? words.held : words.delivered}`;
}

function doorRow(door, withActs) {
  if (isDone(door)) {
    return el("li.door.done", { data: { household: String(door.household_id) } },
      el("button.door-open", { onclick: () => openDoor(door) }, el("span.label", {}, door.label), el("span.info", {}, icon("check-lg"), stateOf(door) || words.done)));
  }
  return el("li.door", { data: { household: String(door.household_id) } },
    el("button.door-open", { aria: { haspopup: "dialog" }, onclick: () => openDoor(door) },
      el("span.label", {}, door.label),
      el("span.info", {}, el("span.tags", {}, ...tagsOf(door)), el("span.last", {}, lastOf(door)))),
    withActs && acts(door));
}

/** Everything about one door on one screen. */
function openDoor(door) {
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
      list(words.bring, day.materials.filter((m) => door.materials.includes(m.id)).map((m) => m.name)),
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

// --- a whole floor, a whole tower ------------------------------------------------------------------------------------

const towerOf = (stop) => day.towers.find((tower) => tower.building_id === stop.building_id) ?? null;

/** The doors of a floor as they can be recorded: those of the plan, and the others of the stairwell. */
function floorDoors(stop, floor) {
  const tower = towerOf(stop);
  const unit = tower?.units.find((one) => one.entrance_id === stop.entrance_id);
  const rooms = unit?.floors.find((one) => one.floor === floor)?.rooms ?? [];
  const planned = new Map(everyDoor().map((door) => [door.household_id, door]));
  const found = rooms.map((room) => planned.get(room.household_id) ?? unplanned(room, tower, unit));
  return found.length ? found : stop.doors.filter((door) => door.floor === floor);
}

const unplanned = (room, tower, unit) => ({
  household_id: room.household_id, grid_id: room.grid_id, label: room.room, address: `${tower.title} ${unit.unit} ${room.room}`,
  members: [], materials: [], purposes: ["routine"], state: "", due: [], reasons: [], groups: [], needs: [],
});

function openFloor(stop, floor, done = () => {}) {
  const doors = floorDoors(stop, floor).filter((door) => !isDone(door));
  const planned = doors.filter((door) => door.state === "planned");
  const chosen = new Set((planned.length ? planned : doors).map((door) => door.household_id));
  openSheet(say(words.floor_who, { n: floor }), (close) => {
    const save = el("button.act.main");
    const picks = doors.map((door) => el("button.pick", { data: { household: String(door.household_id) } }, door.label));
    const show = () => {
      for (const pick of picks) pick.setAttribute("aria-pressed", String(chosen.has(Number(pick.dataset.household))));
      save.replaceChildren(say(words.floor_save, { n: chosen.size }));
      save.disabled = !chosen.size;
    };
    picks.forEach((pick, i) => pick.addEventListener("click", () => {
      if (!chosen.delete(doors[i].household_id)) chosen.add(doors[i].household_id);
      show();
    }));
    save.addEventListener("click", () => {
      const some = doors.filter((door) => chosen.has(door.household_id));
      close();
      done();
      record(some, { result: "nobody" });
    });
    const all = el("button.button", { onclick: () => { doors.forEach((door) => chosen.add(door.household_id)); show(); } }, words.floor_all);
    show();
    return { body: [el("div.picks.rooms", { role: "group", aria: { label: say(words.floor, { n: floor }) } }, ...picks), all], foot: [save], note: stop.title };
  });
}

function openTower(stop) {
  const tower = towerOf(stop);
  openSheet(tower.title, (close) => {
    const planned = new Map(everyDoor().map((door) => [door.household_id, door]));
    const choose = (room) => {
      const unit = tower.units.find((one) => one.floors.some(({ rooms }) => rooms.includes(room)));
      close();
      if (planned.has(room.household_id)) openDoor(planned.get(room.household_id));
      else recordInFull(unplanned(room, tower, unit), { result: "met" });
    };
    const chooseFloor = (floor, unit) => openFloor({ ...stop, entrance_id: unit.entrance_id, title: tower.title }, floor, close);
    const done = new Set(everyDoor().filter(isDone).map((door) => door.household_id));
    const key = at("tower-key").content.cloneNode(true);
    return { body: [drawTower(tower, { choose, chooseFloor, entranceId: stop.entrance_id, done }), key] };
  }).box.classList.add("tower-sheet");
}

// --- the list --------------------------------------------------------------------------------------------------------

const walkOf = (stop) => (stop.walk ? say(words.walk_m, { n: stop.walk.m }) : words.no_way);

function stopHead(stop) {
  const tower = towerOf(stop);
  const walk = el("span.walk", {}, walkOf(stop));
  return el("div.stop-head", {}, icon(stop.errand ? "flag" : "building"), el("div.stop-name", {}, el("h3", {}, stop.title), tower && walk),
    !tower && walk,
    tower && el("button.button.tower-open", { aria: { haspopup: "dialog" }, onclick: () => openTower(stop) }, icon("grid-3x3"), words.tower),
    ...(stop.links ?? []).map((link) => el("a.button.go", { href: link.url, rel: "noopener noreferrer", target: "_blank" }, icon("geo-alt"), say(words.navigate, { name: link.name }))));
}

/** The doors of a stop in walking order; a floor with several gets a line of its own. */
function doorList(stop, doors, current) {
  const floors = Map.groupBy ? Map.groupBy(doors, (door) => door.floor) : doors.reduce((m, d) => m.set(d.floor, [...(m.get(d.floor) ?? []), d]), new Map());
  const rows = [];
  for (const [floor, some] of floors) {
    const open = some.filter(isOpen);
    if (some.length > 1 && open.length) {
      rows.push(el("li.floor-line", {}, el("span", {}, say(words.floor, { n: floor }), el("small", {}, say(words.doors, { n: some.length }))),
        el("button.button", { aria: { haspopup: "dialog" }, onclick: () => openFloor(stop, floor) }, icon("door-closed"), words.whole_floor)));
    }
    rows.push(...some.map((door) => doorRow(door, door === current)));
  }
  return el("ol.doors", {}, ...rows);
}

/** An errand is done with one tap, and as long as a door's record it can be undone. */
async function recordErrand(stop) {
  const name = `errand ${stop.errand.id}`;
  const box = await outbox;
  try {
    const body = { errand_id: stop.errand.id, in_grid_id: stop.errand.grid_id ?? day.grids[0]?.id, done_at: now() };
    const { id } = await box.keep("errand", body, { holdMs: UNDO_MS, on: day.on });
    marks[name] = { result: "done", id, at: now() };
    offerUndo(`${stop.title} · ${words.kept}`, () => undoErrand(name, id));
  } catch (fault) {
    if (fault.name !== "StorageFault") throw fault;
    marks[name] = { result: "done", id: null, at: now() };
    offerFile(fault, day.on);
  }
  render();
  await remember();
}

async function undoErrand(name, id) {
  if (!(await (await outbox).cancel(id))) { tell(words.delivered); return; } // on its way already: it was done
  delete marks[name];
  await remember();
  render();
  tell(words.undone);
}

function errandCard(stop) {
  const done = ({ currentTarget }) => { currentTarget.disabled = true; recordErrand(stop); };
  return el("div.errand", {}, el("p.quiet", {}, words.errands[stop.errand.kind] ?? ""), el("div.acts", {}, el("button.act.met", { onclick: done }, icon("check-lg"), words.errand_done)));
}

function nextCard(stop) {
  const doors = stop.doors.filter((door) => !isSkipped(door));
  const current = doors.find((door) => door.household_id === active && isOpen(door)) ?? doors.find(isOpen);
  const from = Math.max(0, doors.indexOf(current) - 2);
  const some = allDoors || doors.length <= SHOWN_DOORS ? doors : doors.slice(from, from + SHOWN_DOORS);
  return el("article.stop", { data: { stop: String(stop.number) } }, stopHead(stop),
    stop.errand ? errandCard(stop) : doorList(stop, some, current),
    some.length < doors.length && el("button.button.wide", { onclick: () => { allDoors = true; render(); } }, say(words.more_doors, { n: doors.length - some.length })));
}

/** One of the stops after the next: a line; its doors when it is opened. */
function laterStop(stop) {
  const open = stop.doors.filter(isOpen);
  const worst = open.flatMap((door) => door.due).find(({ tone }) => tone === "bad");
  const pinned = open.find((door) => door.pinned);
  const inside = el("div.inside");
  const box = el("details.stop", { data: { stop: String(stop.number) } },
    el("summary", {}, el("span.number", {}, String(stop.number)),
      el("span.what", {}, el("strong", {}, stop.title),
        el("span.quiet", {}, stop.errand ? words.errands[stop.errand.kind] ?? "" : say(words.doors, { n: open.length }), " · ", say(words.around, { at: clock(stop.arrive_s) }), " · ", walkOf(stop)),
        (pinned || worst) && el("span.tags", {}, ...[pinned && tagsOf(pinned).find((tag) => tag.classList.contains("tone-pin")), worst && chip(worst)].filter(Boolean))),
      icon("chevron-down")), inside);
  box.addEventListener("toggle", () => {
    if (box.open && !inside.firstChild) inside.append(...(stop.errand ? [errandCard(stop)] : [doorList(stop, stop.doors, null)]));
  });
  return box;
}

const fold = (title, count, rows, name) => rows.length > 0 && el("details.fold", { data: { fold: name } },
  el("summary", {}, el("span", {}, title), el("span.number", {}, String(count)), icon("chevron-down")), el("ul.rows", {}, ...rows));

function doneRows() {
  return everyDoor().filter(isDone).map((door) => el("li", {}, el("button.plain-row", { aria: { haspopup: "dialog" }, onclick: () => openDoor(door) },
    el("strong", {}, door.address), el("span.quiet", {}, stateOf(door) || words.done))));
}

function leftOutRows() {
  return day.left_out.map((left) => el("li", {}, el("a", { href: `/households/${left.household_id}` },
    el("strong", {}, left.address), el("span.tags", {}, ...left.reasons.slice(0, 2).map(chip)), el("span.quiet", {}, left.words))));
}

function postponedRows() {
  const late = day.stops.filter((stop) => day.local?.dropped?.includes(stop.number)).flatMap((stop) => stop.doors).filter((door) => !isDone(door));
  const row = (door, sentence) => el("li", {}, el("button.plain-row", { aria: { haspopup: "dialog" }, onclick: () => openDoor(door) }, el("strong", {}, door.address), el("span.quiet", {}, sentence)));
  return [...everyDoor().filter(isSkipped).map((door) => row(door, words.skip)), ...late.map((door) => row(door, words.no_time))];
}

function drawHead() {
  const { done, all, left_s: left } = progress();
  at("day-title").textContent = day.title;
  at("day-line").textContent = `${day.dated} · ${day.worker.name}`;
  const bar = at("day-bar");
  bar.setAttribute("aria-valuenow", String(done));
  bar.setAttribute("aria-valuemax", String(all));
  bar.setAttribute("aria-valuetext", say(words.walked, { done, all }));
  bar.firstElementChild.style.width = `${all ? (100 * done) / all : 0}%`;
  at("day-done").textContent = say(words.walked, { done, all });
  at("day-left").textContent = left ? duration(left) : "";
}

function render() {
  const kept = focused();
  drawHead();
  const left = day.stops.filter(isLeft);
  const [next, ...rest] = left;
  const head = el("div.list-title", {}, el("h2", {}, words.next), el("button.link", { aria: { haspopup: "dialog" }, onclick: openReplan }, words.change));
  at("next").replaceChildren(...(next ? [head, nextCard(next)] : [el("p.empty", {}, everyDoor().length ? words.all_done : words.nothing)]));
  at("then").replaceChildren(...(rest.length ? [el("h2", {}, words.then), ...rest.map(laterStop)] : []));
  const carry = day.materials.map((m) => el("li", {}, el("span", {}, m.name), el("span.number", {}, `×${m.count}`)));
  const postponed = postponedRows();
  at("rest").replaceChildren(...[
    carry.length && el("section.carry", {}, el("h2", {}, icon("bag"), words.carry), el("ul", {}, ...carry)),
    fold(words.done, everyDoor().filter(isDone).length, doneRows(), "done"),
    fold(words.postponed, postponed.length, postponed, "postponed"),
    fold(words.left_out, day.left_out.length, leftOutRows(), "left"),
  ].filter(Boolean));
  if (day.local) at("rest").append(el("p.quiet.own", {}, words.own_order));
  refocus(kept);
}

/** Where the keyboard was, so that drawing anew does not throw it to the top. */
function focused() {
  const here = document.activeElement;
  return here && at("list").contains(here) ? here.closest("[data-household], [data-stop], [data-fold]")?.dataset ?? {} : null;
}

function refocus(kept) {
  for (const fold of at("rest").querySelectorAll("details")) if (kept?.fold === fold.dataset.fold) fold.open = true;
  if (!kept) return;
  const place = kept.household ? `#next [data-household="${kept.household}"]:not(.done) .acts button`
    : kept.fold ? `[data-fold="${kept.fold}"] > summary` : kept.stop ? `details[data-stop="${kept.stop}"] > summary` : "#next .link";
  const target = at("list").querySelector(place) || at("next").querySelector(".acts button") || at("next").querySelector("button");
  target?.focus({ preventScroll: true });
  const card = target?.closest(".door, .stop");
  if (card) card.scrollIntoView({ block: "nearest" });
}

// --- the network -----------------------------------------------------------------------------------------------------

/** Where the records are; signing in again, refusals and wrong clocks are told by modules/offline.js. */
function drawStrip() {
  const strip = at("strip");
  const late = [...waiting.values()].filter((slip) => slip.state === "waiting" && Date.now() - Date.parse(slip.capturedAt) > LATE_MS).length;
  const button = (word, work) => el("button.link", { onclick: work }, word);
  const again = button(words.send_now, async () => (await outbox).flush({ now: true, again: true }));
  const n = told.pending;
  let line = null;
  if (told.fault) line = ["bad", "exclamation-triangle", words.fault, button(words.file, () => offerFile({ file: async () => (await outbox).exportFile() }, day.on))];
  else if (!told.online) line = ["soon", "cloud-slash", n ? say(words.offline, { n }) : words.offline_none, null];
  else if (late) line = ["soon", "clock", say(words.sending, { n: late }), again];
  else if (told.held) line = ["soon", "clock", say(words.held_some, { n: told.held }), null];
  strip.hidden = !line;
  if (!line) { strip.replaceChildren(); return; }
  const [tone, symbol, sentence, act] = line;
  strip.className = `strip ${tone}`;
  if (strip.querySelector("p")?.textContent === sentence) return; // said already
  strip.replaceChildren(icon(symbol), el("p", {}, sentence), act ?? "");
}

async function changed(detail) {
  told = detail;
  const before = waiting;
  try {
    waiting = new Map((await (await outbox).pending()).map((slip) => [slip.id, slip]));
    if ([...before.keys()].some((id) => !waiting.has(id))) {
      for (const [id, mark] of Object.entries(await loadMarks(day.account_id, day.on))) {
        if (marks[id] && marks[id].id === mark.id) marks[id].state = mark.state;
      }
    }
  } catch (fault) {
    if (fault.name !== "StorageFault") throw fault;
    told = { ...detail, fault };
  }
  drawStrip();
  const seen = JSON.stringify([[...waiting.values()].map(({ id, state }) => [id, state]), Object.values(marks).map(({ state }) => state)]);
  if (seen === drawn || document.querySelector(".choosing") || at("list").querySelector("details[open]")) return;
  drawn = seen; // while somebody chooses or reads, the list waits
  render();
}

// --- begin -----------------------------------------------------------------------------------------------------------

/** The day the server sent, in the order the phone had found for it; without a server the one that was kept. */
async function findDay() {
  const served = block("day");
  try {
    for (const account of served ? [served.account_id] : await accounts()) {
      const kept = await loadDay(account);
      if (!kept) continue;
      const same = served && kept.day.on === served.on;
      if (!served || (same && kept.day.plan_id > served.plan_id)) return kept.day; // the page is older than the list
      if (same && kept.day.plan_id === served.plan_id && kept.day.local) return inOwnOrder(served, kept.day.local);
    }
  } catch (fault) {
    if (fault.name !== "StorageFault") throw fault; // the list works without; recording says so at once
  }
  return served;
}

async function begin() {
  day = await findDay();
  if (!day) {
    at("next").replaceChildren(el("p.empty", {}, words.no_day));
    return;
  }
  outbox = openOutbox({ accountId: day.account_id, key: day.key, name: day.worker.name });
  try {
    marks = await loadMarks(day.account_id, day.on);
  } catch (fault) {
    if (fault.name !== "StorageFault") throw fault;
  }
  await setDay(day);
  const box = await outbox;
  box.addEventListener("change", ({ detail }) => changed(detail));
  await changed(await box.told());
  setInterval(async () => changed(await box.told()), 15_000);
  document.documentElement.dataset.ready = "yes"; // for whoever waits: tests, screenshots
}

begin();
