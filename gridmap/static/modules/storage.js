/**
 * What one account keeps in this browser: one database each, "gridmap-<account>", and what can go wrong with it.
 *
 * Stores: outbox (id -> what is to be sent, sealed, never rewritten), marks (id -> how far it got, and what the page
 * shows of it, locked), snapshot (the day, locked), keys (this phone's own key, which no script can read out), meta.
 * An upgrade may add stores; it never touches what lies in the outbox.
 */
import { openDB } from "idb";
import { canSeal } from "./seal.js";

const SCHEMA = 1;
const PREFIX = "gridmap-";
const ACCOUNTS = "gridmap.accounts";
const OPEN_WITHIN_MS = 8_000;
const STORES = { outbox: "id", marks: "id", snapshot: "name", keys: "name", meta: "name" };

/**
 * The browser did not keep what it was given.
 * code: "closed" (no storage here: private window, switched off), "full", "lost" (the browser's own storage process
 * went away), "busy" (another page holds it), "broken". file(): what was not kept, for the person to keep himself.
 */
export class StorageFault extends Error {
  constructor(code, cause) {
    super(`storage: ${code}`, { cause });
    this.name = "StorageFault";
    this.code = code;
    /** @type {(() => Promise<Blob>)|null} */
    this.file = null;
  }
}

const CODES = {
  QuotaExceededError: "full",
  SecurityError: "closed",
  InvalidStateError: "lost",
  UnknownError: "lost",
  TimeoutError: "busy",
};

/** @returns {StorageFault} what an error of IndexedDB means */
export function faultOf(error) {
  if (error instanceof StorageFault) return error;
  if (/quota|disk|space/i.test(error?.message || "")) return new StorageFault("full", error);
  if (/server lost|connection/i.test(error?.message || "")) return new StorageFault("lost", error);
  if (error instanceof ReferenceError || error instanceof TypeError) return new StorageFault("closed", error);
  return new StorageFault(CODES[error?.name] || "broken", error);
}

const within = (promise, ms) => {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new DOMException("too slow", "TimeoutError")), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
};

/** Do work in a transaction, all of it or nothing. */
async function finished(tx, work) {
  const { done } = tx;
  done.catch(() => {}); // the work below fails with it, or the last line does
  try {
    const value = await work(tx);
    await done;
    return value;
  } catch (error) {
    try {
      tx.abort();
    } catch {
      // it has ended already
    }
    throw error;
  }
}

/** One account's database; opened when first needed, and again when the browser has dropped it. */
export class Store {
  constructor(accountId) {
    this.accountId = accountId;
    this.name = PREFIX + accountId;
    this.db = null;
    this.key = null;
  }

  async #open() {
    if (this.db) return this.db;
    const forget = () => { this.db = null; };
    const events = {
      upgrade(db) {
        for (const [store, keyPath] of Object.entries(STORES)) {
          if (!db.objectStoreNames.contains(store)) db.createObjectStore(store, { keyPath });
        }
      },
      blocking: (_, __, event) => { event.target.close(); forget(); },
      terminated: forget,
    };
    try {
      this.db = await within(openDB(this.name, SCHEMA, events), OPEN_WITHIN_MS);
    } catch (error) {
      if (error.name !== "VersionError") throw error;
      // A newer release was here: use what we know of it, touch nothing else.
      this.db = await within(openDB(this.name, undefined, { blocking: events.blocking, terminated: forget }), OPEN_WITHIN_MS);
    }
    remember(this.accountId);
    return this.db;
  }

  /**
   * Run one transaction; resolves when the browser has committed it, not before.
   * `work` may be run twice (the browser dropped the connection), so it must be repeatable, and may await nothing
   * but the transaction's own requests.
   * @returns {Promise<any>} what `work` returned
   */
  async run(stores, mode, work) {
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await finished((await this.#open()).transaction(stores, mode, { durability: "strict" }), work);
      } catch (error) {
        const fault = faultOf(error);
        if (fault.code !== "lost" || attempt) throw fault;
        this.db = null;
      }
    }
  }

  read(store, key) {
    return this.run([store], "readonly", (tx) => tx.objectStore(store).get(key));
  }

  write(store, value) {
    return this.run([store], "readwrite", (tx) => tx.objectStore(store).put(value));
  }

  remove(store, key) {
    return this.run([store], "readwrite", (tx) => tx.objectStore(store).delete(key));
  }

  close() {
    this.db?.close();
    this.db = null;
  }

  // --- locked with this phone's own key -------------------------------------------------------------------------

  /** This phone's key: made once, usable by this origin only, and by no script to be read out. */
  async #own() {
    if (this.key) return this.key;
    const fresh = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
    this.key = await this.run(["keys"], "readwrite", async (tx) => {
      const keys = tx.objectStore("keys");
      const found = await keys.get("own");
      if (!found) await keys.put({ name: "own", key: fresh });
      return found ? found.key : fresh;
    });
    return this.key;
  }

  /** @returns {Promise<object>} the value, readable on this phone only; in plain where browsers lend no cryptography */
  async lock(value, label) {
    if (!canSeal()) return { plain: value };
    const iv = crypto.getRandomValues(new Uint8Array(12));
    const about = { name: "AES-GCM", iv, additionalData: new TextEncoder().encode(label) };
    return { iv, ct: await crypto.subtle.encrypt(about, await this.#own(), new TextEncoder().encode(JSON.stringify(value))) };
  }

  /** @returns {Promise<any>} the value, or null when the key it was locked with is gone */
  async unlock(box, label) {
    if (!box) return null;
    if ("plain" in box) return box.plain;
    const about = { name: "AES-GCM", iv: box.iv, additionalData: new TextEncoder().encode(label) };
    const key = await this.#own();
    try {
      return JSON.parse(new TextDecoder().decode(await crypto.subtle.decrypt(about, key, box.ct)));
    } catch (error) {
      if (error.name === "OperationError") return null;
      throw error;
    }
  }
}

const opened = new Map();

/** @returns {Store} the account's database, one connection for each page */
export function storeOf(accountId) {
  if (!opened.has(accountId)) opened.set(accountId, new Store(accountId));
  return opened.get(accountId);
}

// --- who else uses this phone ---------------------------------------------------------------------------------------

function listed() {
  try {
    return JSON.parse(localStorage.getItem(ACCOUNTS) || "[]");
  } catch {
    return []; // storage is switched off, or holds something else: the databases themselves are asked too
  }
}

function remember(accountId) {
  const known = listed();
  if (known.includes(accountId)) return;
  try {
    localStorage.setItem(ACCOUNTS, JSON.stringify([...known, accountId]));
  } catch (error) {
    console.info("accounts not listed", error.name); // only spares a search where databases cannot be listed
  }
}

/** @returns {Promise<number[]>} every account that ever kept something in this browser */
export async function accounts() {
  const found = new Set(listed());
  if (globalThis.indexedDB?.databases) {
    for (const { name } of await indexedDB.databases()) {
      const digits = /^gridmap-(\d+)$/.exec(name || "");
      if (digits) found.add(Number(digits[1]));
    }
  }
  return [...found];
}

/** @returns {Promise<number>} how many records of other accounts wait on this phone */
export async function waitingOfOthers(accountId) {
  let count = 0;
  for (const other of await accounts()) {
    if (other !== accountId) count += await storeOf(other).run(["outbox"], "readonly", (tx) => tx.objectStore("outbox").count());
  }
  return count;
}

/**
 * Ask the browser not to clear us away when the phone fills up.
 * @returns {Promise<{persisted: boolean, usedBytes: number|null, quotaBytes: number|null}>}
 */
export async function settle() {
  const room = globalThis.navigator?.storage;
  if (!room?.persist) return { persisted: false, usedBytes: null, quotaBytes: null };
  const persisted = (await room.persisted()) || (await room.persist());
  const { usage = null, quota = null } = room.estimate ? await room.estimate() : {};
  return { persisted, usedBytes: usage, quotaBytes: quota };
}
