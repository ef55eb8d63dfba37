/** Recording doors and errands from the list, and taking it back. */
import { WITHDRAWN, errandMark, my, now, remember, render } from "./day.js";
import { words } from "./doorstep.js";
import { UNDO_MS, keepVisit, takeBack } from "./keeping.js";
import { offerFile, offerUndo, tell, toldOf } from "./notices.js";
import { comeAgain } from "./order.js";

/** Record some doors alike and offer to undo it; a door is marked as done when its record is kept. */
export async function record(doors, visit) {
  const box = await my.outbox;
  const kept = [];
  let fault = null;
  for (const door of doors) {
    const one = await keepVisit(box, door, visit, my.day.on, my.day.plan_id);
    my.marks[door.household_id] = { result: visit.result, id: one.ids[0] ?? null, at: now() };
    kept.push({ door, ids: one.ids });
    fault ||= one.fault;
  }
  my.active = 0;
  render();
  if (fault) offerFile(fault, my.day.on);
  else {
    const again = visit.result === "nobody" && doors.length === 1 && doors[0].state ? () => comeAgain(doors[0], "today") : null;
    offerUndo(toldOf(doors, visit.result), () => undo(kept), again);
  }
  await remember();
  return true;
}

export async function undo(kept) {
  const box = await my.outbox;
  let withdrawn = false;
  for (const { door, ids } of kept) {
    const sent = await takeBack(box, door, ids, my.day.on);
    if (sent || door.state === "done") my.marks[door.household_id] = { result: WITHDRAWN, id: ids[0] ?? null, at: now() };
    else delete my.marks[door.household_id];
    withdrawn ||= sent;
  }
  my.active = kept.length === 1 ? kept[0].door.household_id : 0;
  await remember();
  render();
  tell(withdrawn ? words.withdrawn : words.undone);
}

/** An errand is done with one tap, and as long as a door's record it can be undone. */
export async function recordErrand(stop) {
  const name = errandMark(stop.errand.id);
  const box = await my.outbox;
  try {
    const body = { errand_id: stop.errand.id, in_grid_id: stop.errand.grid_id, done_at: now() };
    const { id } = await box.keep("errand", body, { holdMs: UNDO_MS, on: my.day.on });
    my.marks[name] = { result: "done", id, at: now() };
    offerUndo(`${stop.title} · ${words.kept}`, () => undoErrand(name, id));
  } catch (fault) {
    if (fault.name !== "StorageFault") throw fault;
    my.marks[name] = { result: "done", id: null, at: now() };
    offerFile(fault, my.day.on);
  }
  render();
  await remember();
}

async function undoErrand(name, id) {
  if (!(await (await my.outbox).cancel(id))) { tell(words.delivered); return; } // on its way already: it was done
  delete my.marks[name];
  await remember();
  render();
  tell(words.undone);
}
