/**
 * What was recorded and is on its way: kept on this phone before anybody says "kept", sent until the server says so.
 *
 * A row leaves the outbox only when the server answers with its own id and hash. What the server refuses stays, is
 * shown and can be saved as a file, and blocks nothing behind it. Rows are sealed to the server before they are
 * written; this page cannot read them back. What the page shows of them lies in the marks, locked with the phone's key.
 *
 * @typedef {"draft"|"waiting"|"refused"|"unknown"} State  draft: may still be undone; unknown: of a newer release
 * @typedef {{id: string, kind: string|null, householdId: number|null, capturedAt: string|null, state: State,
 *   words: string|null}} Pending
 * @typedef {{pending: number, held: number, refused: number, decided: {kept: number, dropped: number}, online: boolean,
 *   sending: boolean, signIn: boolean, skewS: number, fault: import("./storage.js").StorageFault|null}} Told
 *   decided: what a leader has decided since and nobody has taken note of yet
 */
import { canSeal, seal, sha256 } from "./seal.js";
import { faultOf, storeOf } from "./storage.js";

const VERSION = 1; // of the rows and of the wire
const EVERY_MS = 60_000;
const ASK_EVERY_MS = 300_000; // about what waits for a leader
const ASK_AT_ONCE = 50; // the server answers about as many
const SEND_WITHIN_MS = 30_000;
const FIRST_PAUSE_MS = 4_000;
const LONGEST_PAUSE_MS = 300_000;
const LEASE_MS = 60_000;
const WAIT_MS = 1_500;
const GONE = "gridmap.gone";
const TIRED = new Set([429, 502, 503, 504]);

let lastMs = 0;
let lastTail = 0;

/** @returns {string} a UUID of version 7: in the order in which this page made them, whatever the clock does */
export function uuid7(now = Date.now()) {
  const random = crypto.getRandomValues(new Uint8Array(10));
  if (now > lastMs) {
    lastMs = now;
    lastTail = ((random[8] << 8) | random[9]) & 0x7ff; // half of the room, so that counting on seldom runs over
  } else {
    lastTail += 1;
    if (lastTail > 0xfff) [lastMs, lastTail] = [lastMs + 1, 0];
  }
  const hex = (n, width) => n.toString(16).padStart(width, "0");
  const tail = [...random.subarray(0, 8)];
  tail[0] = (tail[0] & 0x3f) | 0x80;
  const end = tail.map((byte) => hex(byte, 2)).join("");
  const time = hex(lastMs, 12);
  return `${time.slice(0, 8)}-${time.slice(8)}-7${hex(lastTail, 3)}-${end.slice(0, 4)}-${end.slice(4)}`;
}

/** @returns {string} the date on this phone, as people there call it */
const today = (at = new Date()) => new Date(at - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 10);

/**
 * @param {{accountId: number, key: import("./seal.js").ServerKey|null, name?: string}} about
 * @returns {Promise<Outbox>} never rejects: a phone that cannot keep anything says so in `fault`
 */
export function openOutbox({ accountId, key = null, name = "" }) {
  if (!opened.has(accountId)) {
    const outbox = new Outbox(accountId, name);
    opened.set(accountId, outbox.begin().then(() => outbox));
  }
  return opened.get(accountId).then(async (outbox) => {
    await outbox.use(key);
    return outbox;
  });
}

const opened = new Map(); // one for each account and page, whoever asks

export class Outbox extends EventTarget {
  #store;
  #key = null;
  #unstored = new Map(); // what the browser did not keep: sent from memory as long as the page lives
  #running = null;
  #again = false;
  #stopped = false;
  #pause = { until: 0, ms: 0 };
  #askedAt = 0;
  #counts = { pending: 0, held: 0, refused: 0, decided: { kept: 0, dropped: 0 } }; // as the browser last gave them
  #told = { online: navigator.onLine, sending: false, signIn: false, skewS: 0, fault: null };
  #channel = null;
  #listening = new AbortController();

  constructor(accountId, name) {
    super();
    this.accountId = accountId;
    this.name = name;
    this.#store = storeOf(accountId);
  }

  /** Take the server's key; without one, the last that was told. */
  async use(key) {
    this.#key = key ?? this.#key;
    try {
      if (key) await this.#store.write("meta", { name: "server-key", key });
      else this.#key ??= (await this.#store.read("meta", "server-key"))?.key ?? null;
    } catch (error) {
      this.#told.fault = faultOf(error);
    }
  }

  async begin() {
    await this.use(null);
    const { signal } = this.#listening;
    const go = () => this.flush({ now: true });
    addEventListener("online", go, { signal });
    addEventListener("offline", () => { this.#told.online = false; this.#tell(); }, { signal });
    document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && this.flush(), { signal });
    const timer = setInterval(() => this.flush(), EVERY_MS);
    signal.addEventListener("abort", () => clearInterval(timer));
    if (globalThis.BroadcastChannel) {
      this.#channel = new BroadcastChannel(`gridmap-outbox-${this.accountId}`);
      this.#channel.onmessage = () => this.#tell({ quietly: true });
    }
    this.flush();
  }

  /** Stop listening and sending; what is kept stays kept. */
  close() {
    this.#stopped = true;
    opened.delete(this.accountId);
    this.#listening.abort();
    this.#channel?.close();
    this.#channel = null;
    this.#store.close();
  }

  // --- keeping ----------------------------------------------------------------------------------------------------

  /**
   * Keep a record; only when this resolves may the page say "stored on this phone".
   * @param {string} kind  visit, photo, withdrawal, errand
   * @param {object} body
   * @param {{holdMs?: number, householdId?: number|null, on?: string}} more  holdMs: not sent before, so that it can be
   *   cancelled; on: the day it counts for on this phone
   * @returns {Promise<{id: string}>}
   * @throws {import("./storage.js").StorageFault} with `file()` to save it otherwise
   */
  async keep(kind, body, { holdMs = 0, householdId = body.household_id ?? null, on = today() } = {}) {
    const id = uuid7();
    const capturedAt = new Date().toISOString();
    const text = JSON.stringify(body);
    const slip = { kind, householdId, capturedAt, on, result: body.result ?? null, errandId: body.errand_id ?? null, hash: await sha256(text) };
    const content = { kind, captured_at: capturedAt, text };
    let row = { id, v: VERSION, content };
    const mark = { id, v: VERSION, state: "waiting", tries: 0, keptAt: Date.now(), holdMs };
    try {
      row = await this.#closed(id, content);
      mark.box = await this.#store.lock(slip, id);
      await this.#store.run(["outbox", "marks"], "readwrite", (tx) =>
        Promise.all([tx.objectStore("outbox").put(row), tx.objectStore("marks").put(mark)]));
      this.#told.fault = null;
    } catch (error) {
      const fault = faultOf(error);
      fault.file = () => this.exportFile();
      this.#unstored.set(id, { row: row.sealed ? row : { id, v: VERSION, content }, mark, slip, saved: false });
      this.#told.fault = fault;
      this.#changed();
      setTimeout(() => this.flush(), holdMs);
      throw fault;
    }
    this.#changed();
    setTimeout(() => this.flush(), holdMs + 5);
    return { id };
  }

  /** Close a row: to the server; without its key, with this phone's; without cryptography, not at all. */
  async #closed(id, content) {
    if (canSeal() && this.#key) return { id, v: VERSION, sealed: await seal(JSON.stringify(content), id, this.#key) };
    return { id, v: VERSION, box: await this.#store.lock(content, `outbox ${id}`) };
  }

  /** @returns {Promise<boolean>} true: it is gone and was never sent; false: it may have been, so withdraw it */
  async cancel(id) {
    const loose = this.#unstored.get(id);
    if (loose) {
      if (loose.mark.tries) return false;
      this.#unstored.delete(id);
      this.#changed();
      return true;
    }
    const gone = await this.#store.run(["outbox", "marks"], "readwrite", async (tx) => {
      const mark = await tx.objectStore("marks").get(id);
      const kept = await tx.objectStore("outbox").getKey(id);
      if (!kept || !mark || mark.tries) return false;
      await Promise.all([tx.objectStore("outbox").delete(id), tx.objectStore("marks").delete(id)]);
      return true;
    });
    if (gone) this.#changed();
    return gone;
  }

  /** @returns {Promise<Pending[]>} everything that waits here, oldest first */
  async pending() {
    const { ids, marks } = await this.#state();
    const known = new Map(marks.map((mark) => [mark.id, mark]));
    const found = [];
    for (const id of ids) {
      const mark = known.get(id);
      const slip = mark ? await this.#store.unlock(mark.box, id) : null;
      found.push(shown(id, stateOf(mark), slip));
    }
    for (const [id, { slip, mark }] of this.#unstored) found.push(shown(id, stateOf(mark), slip));
    return found;
  }

  /** @returns {Promise<Told>} */
  async told() {
    try {
      const { ids, marks } = await this.#state();
      const left = new Set(ids);
      this.#counts = {
        pending: ids.length,
        held: marks.filter((mark) => mark.state === "held").length,
        refused: marks.filter((mark) => mark.state === "refused" && left.has(mark.id)).length,
        decided: {
          kept: marks.filter((mark) => mark.news && mark.state === "kept").length,
          dropped: marks.filter((mark) => mark.news && mark.state === "dropped").length,
        },
      };
      if (!this.#unstored.size) this.#told.fault = null; // nothing is in danger any more
    } catch (error) {
      this.#told.fault ??= faultOf(error); // what cannot be counted now is not gone: the last count stands
    }
    return { ...this.#counts, pending: this.#counts.pending + this.#unstored.size, ...this.#told };
  }

  #state() {
    return this.#store.run(["outbox", "marks"], "readonly", async (tx) => {
      const [ids, marks] = await Promise.all([tx.objectStore("outbox").getAllKeys(), tx.objectStore("marks").getAll()]);
      return { ids, marks };
    });
  }

  // --- sending ----------------------------------------------------------------------------------------------------

  /**
   * Send what is due, one after the other, in one page at a time.
   * @param {{now?: boolean, again?: boolean}} how  now: without waiting for the pause after a failure to end;
   *   again: also what the server has refused before
   * @returns {Promise<{sent: number, held: number, left: number}>}
   */
  async flush({ now = false, again = false } = {}) {
    if (this.#stopped) return { sent: 0, held: 0, left: 0 };
    if (now) [this.#pause, this.#askedAt] = [{ until: 0, ms: 0 }, 0];
    if (this.#running) {
      this.#again = true;
      return again ? this.#running.then(() => this.flush({ again })) : this.#running;
    }
    this.#running = this.#flush(again);
    try {
      return await this.#running;
    } finally {
      this.#running = null;
    }
  }

  async #flush(again) {
    const sum = { sent: 0, held: 0, left: 0 };
    try {
      await this.#sendLoose(sum);
      if (again) await this.#readmit();
      await alone(this.#store, async () => {
        do {
          this.#again = false;
          for (const id of await this.#due()) {
            if (!(await this.#sendKept(id, sum))) return;
          }
        } while (this.#again && !this.#stopped);
        await this.#askAfterHeld();
      }) || setTimeout(() => this.flush(), WAIT_MS); // another page is at it: it may have looked before this came
    } catch (error) {
      this.#told.fault = faultOf(error);
    }
    this.#told.sending = false;
    const told = await this.#tell();
    sum.left = told.pending;
    return sum;
  }

  async #due() {
    if (Date.now() < this.#pause.until) return [];
    const { ids, marks } = await this.#state();
    const known = new Map(marks.map((mark) => [mark.id, mark]));
    return ids.filter((id) => stateOf(known.get(id)) === "waiting");
  }

  async #readmit() {
    await this.#store.run(["marks"], "readwrite", async (tx) => {
      for (const mark of await tx.objectStore("marks").getAll()) {
        if (mark.state === "refused") await tx.objectStore("marks").put({ ...mark, state: "waiting" });
      }
    });
  }

  /** @returns {Promise<boolean>} false: it is no use to send the next one now */
  async #sendKept(id, sum) {
    // Noted before the first byte leaves: from here on it cannot be undone as if it had never been.
    const found = await this.#store.run(["outbox", "marks"], "readwrite", async (tx) => {
      const row = await tx.objectStore("outbox").get(id);
      const mark = (await tx.objectStore("marks").get(id)) || { id, v: VERSION, state: "waiting", tries: 0, keptAt: 0, holdMs: 0 };
      if (!row || row.v > VERSION || stateOf(mark) !== "waiting") return null;
      mark.tries += 1;
      await tx.objectStore("marks").put(mark);
      return { row, mark };
    });
    if (!found) return true;
    const slip = await this.#store.unlock(found.mark.box, id);
    const content = found.row.sealed ? null : await this.#store.unlock(found.row.box, `outbox ${id}`);
    if (!found.row.sealed && !content) {
      await this.#note(found.mark, slip, "refused", null);
      return true;
    }
    const answer = await this.#put(found.row, content, slip?.hash);
    if (answer.state === "kept" || answer.state === "held") {
      sum[answer.state === "held" ? "held" : "sent"] += 1;
      const box = slip ? await this.#store.lock({ ...slip, words: answer.words }, id) : undefined;
      const mark = { ...found.mark, state: answer.state, box, at: Date.now() };
      await this.#store.run(["outbox", "marks"], "readwrite", (tx) =>
        Promise.all([tx.objectStore("outbox").delete(id), tx.objectStore("marks").put(mark)]));
      this.#changed();
    } else if (answer.state === "refused") {
      await this.#note(found.mark, slip, "refused", answer.words);
      this.#changed();
    }
    return answer.goOn;
  }

  async #note(mark, slip, state, words) {
    const box = slip ? await this.#store.lock({ ...slip, words }, mark.id) : mark.box;
    await this.#store.write("marks", { ...mark, state, box });
  }

  async #sendLoose(sum) {
    for (const [id, { row, mark, slip }] of this.#unstored) {
      if (stateOf(mark) !== "waiting") continue;
      mark.tries += 1;
      const answer = await this.#put(row, row.content ?? null, slip.hash);
      if (answer.state === "kept" || answer.state === "held") {
        this.#unstored.delete(id);
        sum[answer.state === "held" ? "held" : "sent"] += 1;
        this.#changed();
      } else if (answer.state === "refused") mark.state = "refused";
      if (!answer.goOn) return;
    }
  }

  /**
   * @returns {Promise<{state: "kept"|"held"|"refused"|"later", words: string|null, goOn: boolean}>}
   *   refused: kept here and shown; later: nothing is known, so it is sent again
   */
  async #put(row, content, hash) {
    this.#told.sending = true;
    const sentAt = Date.now();
    const envelope = row.sealed ? { sealed: row.sealed } : content;
    const body = JSON.stringify({ v: row.v, sent_at: new Date(sentAt).toISOString(), ...envelope });
    const giveUp = new AbortController();
    const timer = setTimeout(() => giveUp.abort(), SEND_WITHIN_MS);
    let response;
    let said = null;
    try {
      response = await fetch(`/submissions/${row.id}`, {
        method: "PUT",
        headers: { "Content-Type": "application/json", "X-Gridmap": "1", "X-Gridmap-Account": String(this.accountId) },
        body,
        credentials: "same-origin",
        redirect: "error",
        cache: "no-store",
        signal: giveUp.signal,
      });
      said = await response.json().catch((error) => { if (error.name !== "SyntaxError") throw error; return null; });
    } catch {
      return this.#later(null, { online: false }); // no network, cut off, or a hotel's sign-in page: it stays here
    } finally {
      clearTimeout(timer);
    }
    return this.#judge(row.id, response, said, hash, sentAt);
  }

  #judge(id, response, said, hash, sentAt) {
    const { status } = response;
    if ((status === 200 || status === 202) && said?.id?.toLowerCase?.() === id && said.hash) {
      this.#told.online = true;
      this.#told.signIn = false;
      this.#pause = { until: 0, ms: 0 };
      const received = Date.parse(said.received_at);
      if (received) this.#told.skewS = Math.round(((sentAt + Date.now()) / 2 - received) / 1000);
      // Another text than ours under our id, or one that was not readable: ours stays here.
      if (hash && said.hash !== hash) return { state: "refused", words: said.words ?? null, goOn: true };
      return { state: status === 202 || said.state === "held" ? "held" : "kept", words: said.words ?? null, goOn: true };
    }
    if (status === 401) {
      this.#told.signIn = true;
      return this.#later(null, { online: true });
    }
    if (TIRED.has(status)) return this.#later(Number(response.headers.get("Retry-After")) || null, { online: true });
    if (status >= 500) return { state: "later", words: null, goOn: true }; // this one upsets the server: others may pass
    if (status >= 400 && said && "error" in said) return { state: "refused", words: said.error, goOn: true };
    return this.#later(null, { online: false }); // not our server's answer
  }

  #later(retryS, { online }) {
    this.#told.online = online;
    const ms = Math.min(LONGEST_PAUSE_MS, Math.max(FIRST_PAUSE_MS, this.#pause.ms * 2));
    const pause = retryS ? Math.min(LONGEST_PAUSE_MS, retryS * 1000) : ms;
    this.#pause = { until: Date.now() + pause, ms };
    if (!this.#told.signIn) setTimeout(() => this.flush(), pause + 50);
    return { state: "later", words: null, goOn: false };
  }

  // --- what a leader decides --------------------------------------------------------------------------------------

  /** Ask what became of what was held: nobody sends it again, so nothing else would tell. */
  async #askAfterHeld() {
    const at = Date.now();
    if (at - this.#askedAt < ASK_EVERY_MS && at >= this.#askedAt) return;
    const { marks } = await this.#state();
    const held = marks.filter((mark) => mark.state === "held").slice(0, ASK_AT_ONCE);
    if (!held.length || this.#told.signIn) return;
    this.#askedAt = at;
    const known = new Map(held.map((mark) => [mark.id, mark]));
    for (const { id, state, words } of await this.#decisions([...known.keys()])) {
      const mark = known.get(id);
      if (!mark || state === "held") continue;
      const slip = await this.#store.unlock(mark.box, id);
      const box = slip ? await this.#store.lock({ ...slip, words }, id) : undefined;
      await this.#store.write("marks", { ...mark, state, box, news: true, at });
      this.#changed();
    }
  }

  /** @returns {Promise<Array<{id: string, state: "kept"|"held"|"dropped", words: string|null}>>} none while nobody answers */
  async #decisions(ids) {
    const address = `/submissions?${new URLSearchParams(ids.map((id) => ["id", id]))}`;
    try {
      const response = await fetch(address, {
        headers: { Accept: "application/json", "X-Gridmap": "1", "X-Gridmap-Account": String(this.accountId) },
        credentials: "same-origin",
        redirect: "error",
        cache: "no-store",
        signal: AbortSignal.timeout(SEND_WITHIN_MS),
      });
      const said = response.ok ? await response.json() : null;
      return Array.isArray(said?.submissions) ? said.submissions : [];
    } catch {
      return []; // no network, or not our server: it is asked again at the next contact
    }
  }

  /** Somebody has read what was decided. */
  async understood() {
    await this.#store.run(["marks"], "readwrite", async (tx) => {
      const marks = tx.objectStore("marks");
      for (const { news, ...mark } of await marks.getAll()) if (news) await marks.put(mark);
    });
    this.#changed();
  }

  // --- telling ----------------------------------------------------------------------------------------------------

  #changed() {
    this.#channel?.postMessage("changed");
    this.#tell();
  }

  async #tell() {
    const detail = await this.told();
    if (!this.#stopped) this.dispatchEvent(new CustomEvent("change", { detail }));
    return detail;
  }

  // --- a file -----------------------------------------------------------------------------------------------------

  /**
   * Everything that waits here, as a file that any phone of the same account can take in again (`importFile`).
   * What is sealed stays sealed. After this, signing out is allowed.
   * @returns {Promise<Blob>}
   */
  async exportFile() {
    const submissions = [];
    let ids = [];
    try {
      const rows = await this.#store.run(["outbox"], "readonly", (tx) => tx.objectStore("outbox").getAll());
      for (const { box, ...row } of rows) {
        submissions.push(box ? { ...row, content: await this.#store.unlock(box, `outbox ${row.id}`) } : row);
      }
      ids = rows.map((row) => row.id);
    } catch (error) {
      this.#told.fault = faultOf(error); // what the browser does not give back is still in memory, if anywhere
    }
    for (const loose of this.#unstored.values()) {
      submissions.push(loose.row);
      loose.saved = true;
    }
    const about = { v: VERSION, of: "gridmap", account_id: this.accountId, name: this.name, made_at: new Date().toISOString() };
    if (ids.length) await this.#store.write("meta", { name: "exported", ids });
    return new Blob([JSON.stringify({ ...about, submissions }, null, 1)], { type: "application/json" });
  }

  /** @returns {Promise<number>} how many records of a saved file now wait here; known ones count once */
  async importFile(file) {
    const read = JSON.parse(await file.text());
    if (read.of !== "gridmap" || read.account_id !== this.accountId || !Array.isArray(read.submissions)) return 0;
    const rows = [];
    for (const { content, ...row } of read.submissions) {
      rows.push(content ? { ...row, box: await this.#store.lock(content, `outbox ${row.id}`) } : row);
    }
    await this.#store.run(["outbox", "marks"], "readwrite", async (tx) => {
      const marks = tx.objectStore("marks");
      for (const row of rows) {
        const mark = await marks.get(row.id);
        if (mark && mark.v <= VERSION) await marks.put({ ...mark, state: "waiting", tries: mark.tries + 1 });
        await tx.objectStore("outbox").put(row);
      }
    });
    this.#changed();
    this.flush({ now: true });
    return rows.length;
  }

  /** @returns {Promise<number>} how many records wait here that are in no saved file: they forbid to sign out */
  async unsaved() {
    const { ids } = await this.#state();
    const saved = new Set((await this.#store.read("meta", "exported"))?.ids);
    const loose = [...this.#unstored.values()].filter((one) => !one.saved);
    return ids.filter((id) => !saved.has(id)).length + loose.length;
  }
}

function stateOf(mark) {
  if (!mark) return "waiting";
  if (mark.v > VERSION) return "unknown";
  if (mark.state !== "waiting") return mark.state;
  const age = Date.now() - mark.keptAt;
  return age >= 0 && age < mark.holdMs ? "draft" : "waiting"; // a clock that was set back holds nothing up
}

function shown(id, state, slip) {
  const { kind = null, householdId = null, capturedAt = null, result = null, errandId = null, words = null } = slip || {};
  return { id, kind, householdId, capturedAt, result, errandId, state, words };
}

/** Do it in one page of this account at a time. @returns {Promise<boolean>} false: another page is at it */
async function alone(store, work) {
  if (navigator.locks) {
    return navigator.locks.request(`${store.name}-outbox`, { ifAvailable: true }, async (lock) => {
      if (lock) await work();
      return Boolean(lock);
    });
  }
  const mine = uuid7();
  const take = (until) => store.run(["meta"], "readwrite", async (tx) => {
    const lease = await tx.objectStore("meta").get("lease");
    if (lease && lease.by !== mine && lease.by !== lastGone() && lease.until > Date.now() && lease.until < Date.now() + 2 * LEASE_MS) return false;
    await tx.objectStore("meta").put({ name: "lease", by: mine, until });
    return true;
  });
  if (!(await take(Date.now() + LEASE_MS))) return false;
  const beat = setInterval(() => take(Date.now() + LEASE_MS).catch((error) => console.info("lease", error.code)), LEASE_MS / 3);
  const leave = () => noteGone(mine);
  addEventListener("pagehide", leave);
  try {
    await work();
  } finally {
    removeEventListener("pagehide", leave);
    clearInterval(beat);
    await take(0);
  }
  return true;
}

/** The lease of the last page that went away while it was sending: a page that goes has no time left for a database. */
function lastGone() {
  try {
    return localStorage.getItem(GONE);
  } catch {
    return null; // storage is switched off: the lease runs out by itself
  }
}

function noteGone(lease) {
  try {
    localStorage.setItem(GONE, lease);
  } catch (error) {
    console.info("lease not given back", error.name); // it runs out by itself
  }
}
