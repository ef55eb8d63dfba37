/**
 * The day as this phone last saw it, to go on without a network: locked with the phone's own key, gone after 72 hours.
 * On addresses where browsers lend no cryptography nothing of it is kept.
 */
import { canSeal } from "./seal.js";
import { storeOf } from "./storage.js";

const KEEP_MS = 72 * 3600 * 1000;
const HELD_MS = 10 * KEEP_MS; // what waits for a leader is asked about for a month; its mark tells no more than that

/** @returns {Promise<boolean>} whether it is kept */
export const saveDay = (accountId, day) => save(accountId, "day", day);

/** @returns {Promise<{day: object, savedAt: string}|null>} */
export async function loadDay(accountId) {
  const found = await load(accountId, "day");
  return found && { day: found.value, savedAt: new Date(found.savedAt).toISOString() };
}

/** @param {Record<number, {result: string, id: string, at: string, state?: string}>} marks  household -> what was recorded here */
export const saveMarks = (accountId, on, marks) => save(accountId, `marks ${on}`, marks);

/**
 * What was recorded on this phone on a day. A record that reached the outbox is among it even when the page died
 * before it could save its marks.
 * @returns {Promise<Record<number, {result: string, id: string, at: string}>>}
 */
export async function loadMarks(accountId, on) {
  const store = storeOf(accountId);
  const marks = { ...(await load(accountId, `marks ${on}`))?.value };
  for (const kept of await store.run(["marks"], "readonly", (tx) => tx.objectStore("marks").getAll())) {
    if (kept.v !== 1) continue;
    const slip = await store.unlock(kept.box, kept.id);
    if (!slip || slip.kind !== "visit" || slip.on !== on || slip.householdId == null) continue;
    const known = marks[slip.householdId];
    const told = { state: kept.state, words: slip.words ?? null }; // what became of it since
    if (!known || known.at < slip.capturedAt) marks[slip.householdId] = { result: slip.result, id: kept.id, at: slip.capturedAt, ...told };
    else if (known.id === kept.id) Object.assign(known, told);
  }
  return marks;
}

/**
 * Forget the day and all marks of what has been sent; what still waits to be sent stays.
 * @returns {Promise<number>} how many records still wait
 */
export async function wipe(accountId) {
  const store = storeOf(accountId);
  return store.run(["outbox", "marks", "snapshot", "keys"], "readwrite", async (tx) => {
    const waiting = new Set(await tx.objectStore("outbox").getAllKeys());
    const marks = tx.objectStore("marks");
    await tx.objectStore("snapshot").clear();
    for (const id of await marks.getAllKeys()) if (!waiting.has(id)) await marks.delete(id);
    if (!waiting.size) await tx.objectStore("keys").clear(); // what is left on the disk can be read by nobody
    return waiting.size;
  });
}

async function save(accountId, name, value) {
  if (!canSeal()) return false;
  const store = storeOf(accountId);
  const box = await store.lock(value, name);
  await store.write("snapshot", { name, savedAt: Date.now(), box });
  await expire(store);
  return true;
}

async function load(accountId, name) {
  const store = storeOf(accountId);
  await expire(store);
  const found = await store.read("snapshot", name);
  const value = found ? await store.unlock(found.box, name) : null;
  return value && { value, savedAt: found.savedAt };
}

/** What is older than 72 hours goes, also the marks of what has long been sent. */
function expire(store) {
  const now = Date.now();
  const old = (at, ms = KEEP_MS) => Math.abs(now - at) > ms; // a clock that was set far back does not prolong anything
  return store.run(["outbox", "marks", "snapshot"], "readwrite", async (tx) => {
    const [waiting, marks, kept] = await Promise.all([
      tx.objectStore("outbox").getAllKeys(), tx.objectStore("marks").getAll(), tx.objectStore("snapshot").getAll(),
    ]);
    const left = new Set(waiting);
    const gone = marks.filter((mark) => !left.has(mark.id) && old(mark.at ?? mark.keptAt, mark.state === "held" ? HELD_MS : KEEP_MS)).map((mark) => mark.id);
    await Promise.all([
      ...gone.map((id) => tx.objectStore("marks").delete(id)),
      ...kept.filter((one) => old(one.savedAt)).map((one) => tx.objectStore("snapshot").delete(one.name)),
    ]);
  });
}
