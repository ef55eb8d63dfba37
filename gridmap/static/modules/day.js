/**
 * What this page knows of its worker's day: the day itself, what was recorded on this phone, what is done and what is
 * left of it. What was recorded here lies in `my.marks` until the server's own day says so.
 */
import { block } from "./doorstep.js";
import { loadDay, saveDay, saveMarks } from "./snapshot.js";
import { accounts } from "./storage.js";

export const WITHDRAWN = "withdrawn";
export const SKIPPED = "skipped";
export const at = (id) => document.getElementById(id);
export const now = () => new Date().toISOString();

/**
 * @type {{day: any, marks: Record<string, {result: string, id: string|null, at: string, again?: string, state?: string,
 *   errandId?: number, title?: string}>,
 *   waiting: Map<string, any>, outbox: Promise<import("./outbox.js").Outbox>|null, told: any, active: number,
 *   allDoors: boolean}}
 * waiting: id -> what the outbox says of it; active: the household whose buttons are open, when not simply the next
 */
export const my = { day: null, marks: {}, waiting: new Map(), outbox: null, told: null, active: 0, allDoors: false };

let draw = () => {};
/** Say what draws the page; whoever changes something calls `render`. */
export const drawnBy = (work) => { draw = work; };
export const render = () => draw();

// --- what is done, what is next --------------------------------------------------------------------------------------

export const markOf = (door) => my.marks[door.household_id] ?? null;
export const counts = (mark) => mark && mark.result !== WITHDRAWN && mark.state !== "dropped" && !mark.again;
export const isDone = (door) => { const mark = markOf(door); return mark ? Boolean(counts(mark)) : door.state === "done"; };
export const isSkipped = (door) => !isDone(door) && (door.state === "skipped" || Boolean(my.day.local?.skipped?.includes(door.household_id)));
export const isOpen = (door) => !isDone(door) && !isSkipped(door);
export const errandMark = (id) => `errand ${id}`; // its name among the marks
export const errandDone = (stop) => Boolean(stop.done || my.marks[errandMark(stop.errand.id)]?.result === "done");
export const errandOpen = (stop) => !errandDone(stop) && my.marks[errandMark(stop.errand.id)]?.result !== SKIPPED;
export const isLeft = (stop) => !my.day.local?.dropped?.includes(stop.number) && (stop.errand ? errandOpen(stop) : stop.doors.some(isOpen));
export const everyDoor = () => my.day.stops.flatMap((stop) => stop.doors);

/** Doors done and all, and what the rest takes: the server's figures, moved on by what was recorded here since. */
export function progress() {
  let { done, left_s: left } = my.day.progress;
  for (const stop of my.day.stops) {
    for (const door of stop.doors) {
      const change = Number(isDone(door)) - Number(door.state === "done");
      done += change;
      left -= change * (door.service_s + door.vertical_s);
    }
    if (!stop.done && stop.walk && stop.doors.length && !stop.doors.some(isOpen)) left -= stop.walk.s;
  }
  const open = my.day.stops.some(isLeft);
  return { done, all: Math.max(my.day.progress.all, done), left_s: open ? Math.max(60, left) : 0 };
}

// --- keeping ---------------------------------------------------------------------------------------------------------

export async function remember() {
  try {
    await saveMarks(my.day.account_id, my.day.on, my.marks);
  } catch (fault) {
    if (fault.name !== "StorageFault") throw fault; // the outbox has said so already: its records are what counts
  }
}

export async function setDay(next) {
  my.day = next;
  my.allDoors = false;
  render();
  try {
    await saveDay(my.day.account_id, my.day);
  } catch (fault) {
    if (fault.name !== "StorageFault") throw fault; // told by the outbox; the day is on the screen
  }
}

export function inOwnOrder(which, local) {
  const place = (stop) => { const i = local.order.indexOf(stop.number); return i < 0 ? local.order.length + stop.number : i; };
  return { ...which, local, stops: [...which.stops].sort((a, b) => place(a) - place(b)) };
}

/** The day the server sent, in the order the phone had found for it; without a server the one that was kept. */
export async function findDay() {
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
