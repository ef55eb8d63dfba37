/* global LIST */
/**
 * Pages without a network. Before this file the server writes LIST: {version, assets, kept, cutOff}.
 *
 * Assets: one cache per version, filled at install, all or nothing. Pages in LIST.kept: network first; the last answer
 * is kept, locked with a key that no script can read out, for 72 hours, for the account that is signed in and for no
 * other. Map tiles of streets and houses: a bounded cache per account. Everything else, above all /submissions, goes
 * by as if this file were not there. A new version waits until the person asks for it and nothing is left to send.
 */
"use strict";

const SHELL = `gridmap-shell-${LIST.version}`;
const WITHIN_MS = 4_000; // a signal that is there but gives nothing: the kept page comes first
const STORAGE_MS = 1_500;
const KEEP_MS = 72 * 3600 * 1000;
const TILES_MOST = 900;
const TILE = /^\/tiles\/base\//;
const tilesOf = (account) => `gridmap-tiles-${account}`;

// --- what is kept, in a database of this worker's own ---------------------------------------------------------------

const asked = (request) => new Promise((resolve, reject) => {
  request.onsuccess = () => resolve(request.result);
  request.onerror = () => reject(request.error);
});

let opening = null;
function database() {
  opening ||= new Promise((resolve, reject) => {
    const request = indexedDB.open("gridmap-worker", 1);
    request.onupgradeneeded = () => {
      for (const name of ["pages", "keys", "meta"]) request.result.createObjectStore(name);
    };
    request.onsuccess = () => {
      const db = request.result;
      db.onclose = () => { opening = null; };
      db.onversionchange = () => { db.close(); opening = null; };
      resolve(db);
    };
    request.onerror = () => { opening = null; reject(request.error); };
  });
  return opening;
}

async function store(name, mode = "readonly") {
  return (await database()).transaction(name, mode).objectStore(name);
}

const read = async (name, key) => asked((await store(name)).get(key));
const write = async (name, key, value) => asked((await store(name, "readwrite")).put(value, key));
const remove = async (name, key) => asked((await store(name, "readwrite")).delete(key));

/** Who was last signed in here, and which language he reads. */
async function last() {
  return (await read("meta", "last")) || { account: "", lang: "zh" };
}

async function keyOf(account) {
  const found = await read("keys", account);
  if (found) return found;
  const made = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
  const keys = await store("keys", "readwrite");
  const raced = await asked(keys.get(account));
  if (!raced) await asked(keys.put(made, account));
  return raced || made;
}

const named = (account, path) => `${account} ${path}`;
const locked = (iv, name) => ({ name: "AES-GCM", iv, additionalData: new TextEncoder().encode(name) });

/** Keep a page for the account that the server names with it. */
async function keep(path, response) {
  const account = response.headers.get("X-Gridmap-Account");
  if (!account || response.status !== 200 || response.redirected) return false;
  const headers = [...response.headers].filter(([name]) => !/^content-(encoding|length)$/i.test(name));
  const name = named(account, path);
  const iv = crypto.getRandomValues(new Uint8Array(12));
  const ct = await crypto.subtle.encrypt(locked(iv, name), await keyOf(account), await response.arrayBuffer());
  await write("pages", name, { iv, ct, headers, savedAt: Date.now(), version: LIST.version });
  return true;
}

/** @returns {Promise<{response: Response, savedAt: number}|null>} */
async function recall(account, path) {
  if (!account) return null;
  const name = named(account, path);
  const found = await read("pages", name);
  if (!found) return null;
  if (Math.abs(Date.now() - found.savedAt) > KEEP_MS) {
    await remove("pages", name);
    return null;
  }
  const body = await crypto.subtle.decrypt(locked(found.iv, name), await keyOf(account), found.ct);
  return { response: new Response(body, { status: 200, headers: found.headers }), savedAt: found.savedAt, version: found.version };
}

/** Forget the pages and the map of an account. What it has not sent lies in the account's own database, untouched. */
async function forget(account) {
  const pages = await store("pages", "readwrite");
  for (const name of await asked(pages.getAllKeys())) if (name.startsWith(`${account} `)) pages.delete(name);
  await remove("keys", account);
  await caches.delete(tilesOf(account));
  const { account: now, lang } = await last();
  if (now === account) await write("meta", "last", { account: "", lang });
}

/** Remember who is signed in; somebody else's pages do not stay. */
async function notice(response) {
  const account = response.headers.get("X-Gridmap-Account");
  const lang = (response.headers.get("Content-Language") || "zh").startsWith("en") ? "en" : "zh";
  const before = await last();
  if (account && before.account && before.account !== account) await forget(before.account);
  const now = { account: account || before.account, lang };
  if (now.account !== before.account || now.lang !== before.lang) await write("meta", "last", now);
}

// --- installing, taking over ----------------------------------------------------------------------------------------

async function fetched(address) {
  const elsewhere = await caches.match(address);
  if (elsewhere) return elsewhere;
  const response = await fetch(address);
  // A server of another release answers an unknown mark with its own file and says that nobody should keep it.
  if (!response.ok || !/immutable/.test(response.headers.get("Cache-Control") || "")) throw new Error(`not kept: ${address}`);
  return response;
}

async function install() {
  const shell = await caches.open(SHELL);
  await Promise.all(LIST.assets.map(async (address) => shell.put(address, await fetched(address))));
}

/** Older versions' files go when no kept page needs them any more. */
async function prune() {
  const pages = await asked((await store("pages")).getAll());
  const needed = new Set([SHELL, ...pages.map((page) => `gridmap-shell-${page.version}`)]);
  for (const name of await caches.keys()) {
    if (name.startsWith("gridmap-shell-") && !needed.has(name)) await caches.delete(name);
  }
}

self.addEventListener("install", (event) => event.waitUntil(install()));
self.addEventListener("activate", (event) => event.waitUntil(Promise.all([self.clients.claim(), prune().catch(grumble)])));

const grumble = (error) => console.info("offline copy:", error?.name, error?.message);

// --- answering ------------------------------------------------------------------------------------------------------

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (origin !== self.location.origin || request.method !== "GET") return;
  if (request.mode === "navigate") event.respondWith(page(event, pathname));
  else if (pathname.startsWith("/static/")) event.respondWith(asset(event));
  else if (TILE.test(pathname)) event.respondWith(tile(event));
});

const ages = new Map(); // page -> when its kept copy was made
const NOBODY = { account: "", lang: "zh" };

/** @returns {Promise<any>} what is kept; `instead` when the browser's storage does not answer: no page waits for it */
const quickly = (kept, instead) => soon(kept, STORAGE_MS).catch((error) => { grumble(error); return instead; });

async function page(event, path) {
  const fresh = fetch(event.request).then((response) => {
    if (isPage(response)) event.waitUntil(taken(path, response.clone()).catch(grumble));
    return response;
  });
  fresh.catch(() => {}); // told below; this one may come after the kept page has been shown
  const who = await quickly(last(), NOBODY);
  const wanted = path === "/" ? LIST.kept[0] : path;
  const kept = LIST.kept.includes(wanted) ? await quickly(recall(who.account, wanted), null) : null;
  const shown = () => {
    if (event.resultingClientId) ages.set(event.resultingClientId, kept.savedAt);
    return kept.response;
  };
  try {
    const response = await (kept ? soon(fresh, WITHIN_MS) : fresh);
    return kept && response.status >= 500 ? shown() : response;
  } catch {
    return kept ? shown() : cutOff(who.lang);
  }
}

const isPage = (response) => response.type === "basic" && (response.headers.get("Content-Type") || "").startsWith("text/html");

async function taken(path, response) {
  await notice(response);
  if (response.status === 401) await forget((await last()).account); // the session has ended, perhaps for a good reason
  if (LIST.kept.includes(path) && (await keep(path, response))) await prune();
}

function soon(answer, ms) {
  return Promise.race([answer, new Promise((_, reject) => setTimeout(reject, ms, new Error(`nothing within ${ms} ms`)))]);
}

function cutOff(lang) {
  const headers = { "Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": LIST.cutOff.policy, "X-Content-Type-Options": "nosniff" };
  return new Response(LIST.cutOff[lang], { status: 503, headers });
}

async function asset(event) {
  const kept = await caches.match(event.request, { ignoreVary: true });
  if (kept) return kept;
  const response = await fetch(event.request);
  if (response.ok && /immutable/.test(response.headers.get("Cache-Control") || "")) {
    const spare = response.clone();
    event.waitUntil(caches.open(SHELL).then((shell) => shell.put(event.request, spare)).catch(grumble));
  }
  return response;
}

async function tile(event) {
  const { account } = await quickly(last(), NOBODY);
  const shelf = account ? await caches.open(tilesOf(account)) : null;
  const kept = await shelf?.match(event.request, { ignoreVary: true });
  if (kept) return kept;
  const response = await fetch(event.request);
  if (shelf && response.ok && /immutable/.test(response.headers.get("Cache-Control") || "")) {
    const spare = response.clone();
    event.waitUntil(shelve(shelf, event.request, spare).catch(grumble));
  }
  return response;
}

async function shelve(shelf, request, response) {
  await shelf.put(request, response);
  const all = await shelf.keys();
  await Promise.all(all.slice(0, Math.max(0, all.length - TILES_MOST)).map((old) => shelf.delete(old)));
}

// --- what pages ask for ---------------------------------------------------------------------------------------------

/** Fetch the pages of the day that are not kept yet, or only by an older version. */
async function stock(account) {
  for (const path of LIST.kept) {
    const found = await read("pages", named(account, path));
    if (found && found.version === LIST.version && Date.now() - found.savedAt < 600_000) continue;
    const response = await fetch(path, { headers: { Accept: "text/html" } });
    if (isPage(response) && response.headers.get("X-Gridmap-Account") === account) await taken(path, response);
  }
}

/** @returns {Promise<number>} how many records wait in the outboxes of this phone */
async function waiting() {
  let count = 0;
  for (const { name } of (await indexedDB.databases?.()) || []) {
    if (!/^gridmap-\d+$/.test(name)) continue;
    const db = await asked(indexedDB.open(name));
    if (db.objectStoreNames.contains("outbox")) count += await asked(db.transaction("outbox").objectStore("outbox").count());
    db.close();
  }
  return count;
}

const ANSWERS = {
  stock: async ({ account }) => stock(String(account)),
  forget: async ({ account }) => forget(String(account)),
  age: async (_, source) => ages.get(source?.id) ?? null,
  async activate() {
    const left = await waiting();
    if (!left) await self.skipWaiting();
    return left;
  },
};

self.addEventListener("message", (event) => {
  const answer = ANSWERS[event.data?.wish];
  if (!answer) return;
  const told = answer(event.data, event.source).catch((error) => { grumble(error); return null; });
  event.waitUntil(told.then((value) => event.ports[0]?.postMessage(value ?? null)));
});
