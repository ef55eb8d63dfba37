/** Keeping visits in the outbox, and taking them back. */
import { visitBody } from "./recorder.js";

export const UNDO_MS = 8_000; // so long nothing is sent, and undoing leaves no trace

/**
 * Keep a visit, and its photo; only without a fault the page may say that it is stored.
 * @returns {Promise<{ids: string[], fault: Error|null}>} fault: the browser kept nothing; the outbox goes on sending
 *   it from memory as long as the page lives
 */
export async function keepVisit(outbox, door, visit, on, planId) {
  const more = { holdMs: UNDO_MS, householdId: door.household_id, on };
  const ids = [];
  try {
    ids.push((await outbox.keep("visit", visitBody(door, visit, planId), more)).id);
    if (visit.photo) {
      const photo = { visit_id: ids[0], household_id: door.household_id, in_grid_id: door.grid_id, ...visit.photo };
      ids.push((await outbox.keep("photo", photo, more)).id);
    }
    return { ids, fault: null };
  } catch (fault) {
    if (fault.name !== "StorageFault") throw fault;
    return { ids, fault };
  }
}

/**
 * Take a visit back: gone when it was never sent, withdrawn openly when it may have been.
 * @returns {Promise<boolean>} whether it had to be withdrawn
 */
export async function takeBack(outbox, door, [visit, ...photos], on) {
  for (const id of photos) await outbox.cancel(id); // a photo that was sent goes with its visit
  if (!visit || await outbox.cancel(visit)) return false;
  const body = { visit_id: visit, household_id: door.household_id, in_grid_id: door.grid_id };
  await outbox.keep("withdrawal", body, { householdId: door.household_id, on });
  return true;
}
