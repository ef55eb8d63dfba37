/** Another order of what is left: the server's, and without a network one of the phone's own. */
import { SKIPPED, errandDone, errandMark, errandOpen, everyDoor, inOwnOrder, isDone, isLeft, isOpen, my, now, remember, setDay } from "./day.js";
import { el, icon, localNow, openSheet, say, words } from "./doorstep.js";
import { tell } from "./notices.js";
import { reorder } from "./reorder.js";

const REPLAN_WITHIN_MS = 8_000;

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
export async function replan(wish) {
  tell(words.replanning);
  const notHome = Object.entries(my.marks).filter(([, mark]) => mark.again)
    .map(([id, mark]) => ({ household_id: Number(id), again: mark.again }));
  const body = {
    plan_id: my.day.plan_id,
    done: everyDoor().filter(isDone).map((door) => door.household_id),
    skipped: [],
    skipped_errands: Object.values(my.marks).filter((mark) => mark.result === SKIPPED).map((mark) => mark.errandId),
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
  const hidden = new Set([...(my.day.local?.skipped ?? []), ...skipped, ...tooMany(minutesLeft, emergency)]);
  const away = new Set(notHome.filter(({ again }) => again === "another_day").map(({ household_id: id }) => id));
  const rest = (stop) => (stop.errand ? errandOpen(stop) : stop.doors.some((d) => !isDone(d) && !hidden.has(d.household_id) && !away.has(d.household_id)));
  const doneStops = my.day.stops.filter((stop) => (stop.errand ? errandDone(stop) : stop.doors.every(isDone))).map((stop) => stop.number);
  const skippedStops = my.day.stops.filter((stop) => !doneStops.includes(stop.number) && !rest(stop)).map((stop) => stop.number);
  const stateNow = (door) => ({ ...door, state: isDone(door) ? "done" : hidden.has(door.household_id) ? "skipped" : door.state });
  const seen = { ...my.day, stops: my.day.stops.map((stop) => ({ ...stop, doors: stop.doors.map(stateNow) })) };
  const found = reorder(seen, { atS: localNow(my.day.timezone).s, doneStops, skippedStops, notHome, minutesLeft });
  const order = [...doneStops, ...found.order];
  if (emergency) {
    const first = my.day.stops.find((stop) => stop.doors.some((door) => door.household_id === emergency));
    if (first) order.splice(doneStops.length, 0, first.number);
  }
  const local = { order: [...new Set(order)], dropped: found.dropped, skipped: [...hidden, ...away] };
  setDay(inOwnOrder(my.day, local));
  tell(words.own_order);
}

/** The doors of the stop at hand for which no time is left: a tower is not given up as a whole. */
function tooMany(minutesLeft, emergency) {
  const here = my.day.stops.find(isLeft);
  if (minutesLeft === null || !here) return [];
  let left = 60 * minutesLeft;
  const fits = (door) => { left -= door.service_s + door.vertical_s; return left >= 0; };
  return here.doors.filter(isOpen).filter((door) => door.household_id !== emergency && !fits(door)).map((door) => door.household_id);
}

/** Nobody was home: come again later today, or on another day. */
export async function comeAgain(door, again) {
  const mark = my.marks[door.household_id];
  if (again === "today" && mark) my.marks[door.household_id] = { ...mark, again, at: now() };
  await remember();
  await replan({ not_home: [{ household_id: door.household_id, again }] });
}

/** An errand that is not done today; it is asked for again on another day. What is done is told by its record alone. */
export async function skipErrand(stop) {
  const { id } = stop.errand;
  my.marks[errandMark(id)] = { result: SKIPPED, id: null, at: now(), errandId: id, title: stop.title };
  await remember();
  await replan({});
}

export async function bringBack(errandId) {
  delete my.marks[errandMark(errandId)];
  await remember();
  await replan({});
}

// --- what one may wish ------------------------------------------------------------------------------------------------

export function openReplan() {
  const next = my.day.stops.find(isLeft);
  openSheet(words.replan, (close) => {
    const go = (wish) => () => { close(); replan(wish); };
    const minutes = [20, 40, 60, 90].map((n) => el("button.pick", { onclick: go({ minutes_left: n }) }, say(words.minutes, { n })));
    const body = [el("section.ask", {}, el("h3", {}, words.minutes_left), el("div.picks.minutes-left", { role: "group", aria: { label: words.minutes_left } }, ...minutes))];
    const rows = [];
    if (next?.errand) {
      rows.push(el("button.row-button", { onclick: () => { close(); skipErrand(next); } }, icon("arrow-right"), el("span", {}, words.skip_errand, el("small", {}, next.title))));
    } else if (next) {
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
  my.day.left_out.forEach(add);
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
