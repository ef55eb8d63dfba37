/**
 * What every page of somebody who walks does about being without a network: registers the service worker, keeps the
 * day's map, empties the outbox, tells in one line what a person must know, and lets nobody sign out on unsent work.
 * Other pages load this only in a browser in which somebody has kept records.
 *
 * @typedef {{account: number|null, name: string, walks: boolean, tiles: string, words: Record<string, string>}} Kit
 */
import { openOutbox } from "./outbox.js";
import { wipe } from "./snapshot.js";
import { accounts, settle, waitingOfOthers } from "./storage.js";

const SKEW_S = 300;
const TILE_ZOOMS = [14, 15, 16, 17]; // a map of zoom 18 is drawn from tiles of 17
const TILES_MOST = 400;

/** @type {Kit} */
const kit = JSON.parse(document.getElementById("offline").textContent);
const { words } = kit;
const say = (sentence, values = {}) => sentence.replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
const grumble = (error) => console.info("offline:", error?.name, error?.message);

// --- one line each --------------------------------------------------------------------------------------------------

function box() {
  let found = document.querySelector("[data-strips]");
  if (!found) {
    found = document.createElement("div");
    found.dataset.strips = "";
    (document.getElementById("panel-body") || document.getElementById("main")).prepend(found);
  }
  found.classList.add("strips");
  found.setAttribute("role", "status");
  return found;
}

/** Show, change or take away one line. @param {Array<[string, string|(() => void)]>} actions  word -> address or deed */
function strip(name, sentence, { bad = false, actions = [] } = {}) {
  const all = box();
  let line = all.querySelector(`[data-strip="${name}"]`);
  if (!sentence) {
    line?.remove();
    return;
  }
  const mark = JSON.stringify([sentence, actions.map(([word]) => word)]);
  if (line?.dataset.mark === mark) return; // not read out again
  line ||= all.appendChild(document.createElement("div"));
  line.dataset.strip = name;
  line.dataset.mark = mark;
  line.className = bad ? "told bad" : "told";
  const told = document.createElement("span");
  told.textContent = sentence;
  const whole = actions.some(([word]) => word === sentence); // the line itself is what is pressed
  line.replaceChildren(...(whole ? [] : [told]), ...actions.map(([word, deed]) => action(word, deed)));
}

function action(word, deed) {
  const made = document.createElement(typeof deed === "string" ? "a" : "button");
  made.textContent = word;
  if (typeof deed === "string") {
    made.href = deed;
    made.dataset.full = "";
  } else {
    made.type = "button";
    made.addEventListener("click", deed);
  }
  return made;
}

/** Hand somebody a file. */
export function download(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

// --- the outbox -----------------------------------------------------------------------------------------------------

let outbox = null;
const ownStrip = () => Boolean(document.getElementById("day")); // the day's list tells its own outbox's state

async function saveFile() {
  const day = new Date().toISOString().slice(0, 10);
  download(await outbox.exportFile(), `gridmap-${kit.account}-${day}.json`);
}

function tell({ pending, refused, decided, skewS, signIn, online, fault }) {
  strip("sign-in", signIn && words.sign_in, { bad: true, actions: [[words.sign_in_link, `/sign-in?back=${encodeURIComponent(location.pathname)}`]] });
  const again = [[words.again, () => outbox.flush({ now: true, again: true })], [words.file, saveFile]];
  strip("refused", refused && say(words.refused, { n: refused }), { bad: true, actions: again });
  const verdict = decided.kept && decided.dropped ? words.decided_both : decided.kept ? words.decided_kept : decided.dropped && words.decided_dropped;
  strip("decided", verdict && say(verdict, decided), { actions: [[words.understood, () => outbox.understood()]] });
  const minutes = Math.round(Math.abs(skewS) / 60);
  strip("skew", Math.abs(skewS) > SKEW_S && say(words.skew, { n: minutes }));
  if (ownStrip()) return;
  strip("fault", fault && words.fault, { bad: true, actions: [[words.file, saveFile]] });
  const left = pending - refused;
  strip("waiting", left > 0 && !online && say(words.waiting, { n: left }), { actions: [[words.send, () => outbox.flush({ now: true })]] });
}

async function beginOutbox() {
  outbox = await openOutbox({ accountId: kit.account, key: null, name: kit.name });
  outbox.addEventListener("change", ({ detail }) => tell(detail));
  tell(await outbox.told());
}

// --- signing out ----------------------------------------------------------------------------------------------------

const isSignOut = (form) => form.method === "post" && new URL(form.action, location.href).pathname === "/sign-out";

/** Keep somebody from leaving unsent records behind; what lies here of his day goes with him. */
async function leave(form) {
  let left = 0;
  try {
    if (outbox) {
      await Promise.race([outbox.flush({ now: true }), new Promise((done) => setTimeout(done, 5_000))]);
      left = await outbox.unsaved();
    }
  } catch (error) {
    grumble(error); // the browser gives nothing back: there is nothing here that could be kept or lost
  }
  if (left) {
    strip("stay", say(words.stay, { n: left }), { bad: true, actions: [[words.send, () => leave(form)], [words.file, saveFile]] });
    box().scrollIntoView({ block: "nearest" });
    return;
  }
  try {
    if ((await accounts()).includes(kit.account)) {
      await wipe(kit.account);
      await ask({ wish: "forget", account: kit.account });
    }
    if ((await waitingOfOthers(null)) === 0) clean(form);
  } catch (error) {
    grumble(error); // then the browser is not told to clear everything: records come first
  }
  form.submit();
}

/** Let the server tell the browser to clear this site's storage: nothing unsent of anybody lies in it. */
function clean(form) {
  const field = form.querySelector("[name=clean]") || form.appendChild(document.createElement("input"));
  Object.assign(field, { type: "hidden", name: "clean", value: "1" });
}

document.addEventListener("submit", (event) => {
  if (!isSignOut(event.target)) return;
  event.preventDefault();
  leave(event.target);
}, { capture: true });

// --- the service worker ---------------------------------------------------------------------------------------------

/** @returns {Promise<any>} what the worker answers; null when there is none */
async function ask(wish, worker = navigator.serviceWorker?.controller) {
  if (!worker) return null;
  const { port1, port2 } = new MessageChannel();
  return new Promise((resolve) => {
    port1.onmessage = (event) => resolve(event.data);
    setTimeout(resolve, 10_000, null);
    worker.postMessage(wish, [port2]);
  });
}

function offerUpdate(registration) {
  const { waiting } = registration;
  if (!waiting || !navigator.serviceWorker.controller) return;
  strip("update", words.update, { actions: [[words.update, () => update(waiting)]] });
}

let updating = false;
async function update(waiting) {
  updating = true;
  const here = await outbox?.flush({ now: true });
  const left = here?.left || (await ask({ wish: "activate" }, waiting));
  if (left) strip("update", say(words.update_waits, { n: left }), { actions: [[words.again, () => update(waiting)]] });
}

/** The time of day, with the date when it is not today's. */
function momentOf(at) {
  const time = { hour: "2-digit", minute: "2-digit" };
  const old = at.toDateString() !== new Date().toDateString();
  return at.toLocaleString(document.documentElement.lang, old ? { month: "numeric", day: "numeric", ...time } : time);
}

async function beginWorker() {
  if (!navigator.serviceWorker) {
    strip("insecure", isSecureContext ? words.no_worker : words.insecure, { bad: true });
    return;
  }
  const had = Boolean(navigator.serviceWorker.controller);
  let registration;
  try {
    registration = await navigator.serviceWorker.register("/sw.js", { scope: "/" });
  } catch (error) {
    if (error.name === "SecurityError") strip("insecure", words.untrusted, { bad: true });
    throw error; // without a network the browser simply goes on with the worker it has
  }
  navigator.serviceWorker.addEventListener("controllerchange", () => {
    if (!had || !navigator.serviceWorker.controller) return; // the first one, or none any more: signing out
    if (updating) location.reload();
    else strip("update", words.update, { actions: [[words.update, () => location.reload()]] }); // done in another tab
  });
  offerUpdate(registration);
  registration.addEventListener("updatefound", () => {
    const { installing } = registration;
    installing?.addEventListener("statechange", () => { if (installing.state === "installed") offerUpdate(registration); });
  });
  const { active } = await navigator.serviceWorker.ready;
  const age = await ask({ wish: "age" });
  if (age) strip("age", say(words.kept_at, { at: momentOf(new Date(age)) }));
  if (location.pathname.startsWith("/today") && navigator.onLine) {
    await ask({ wish: "stock", account: kit.account }, active);
    await keepMap();
    document.documentElement.dataset.stocked = "";
  }
}

// --- the day's map --------------------------------------------------------------------------------------------------

/** @returns {[number, number, number, number]|null} west, south, east, north of the walk, a little more than it */
function walkBox(day) {
  const points = day.stops.flatMap((stop) => [[stop.lon, stop.lat], ...(stop.walk?.path ?? [])]);
  for (const end of [day.start, day.end]) if (end?.lon != null) points.push([end.lon, end.lat]);
  if (!points.length) return null;
  const lons = points.map(([lon]) => lon);
  const lats = points.map(([, lat]) => lat);
  const more = 0.0012; // about 120 m
  return [Math.min(...lons) - more, Math.min(...lats) - more, Math.max(...lons) + more, Math.max(...lats) + more];
}

function tileOf(lon, lat, z) {
  const y = (1 - Math.asinh(Math.tan((lat * Math.PI) / 180)) / Math.PI) / 2;
  return [Math.floor(((lon + 180) / 360) * 2 ** z), Math.floor(y * 2 ** z)];
}

/** @returns {string[]} addresses of all tiles of a box, coarse ones first */
export function tilesOf(template, [west, south, east, north]) {
  const found = [];
  for (const z of TILE_ZOOMS) {
    const [left, top] = tileOf(west, north, z);
    const [right, bottom] = tileOf(east, south, z);
    for (let x = left; x <= right; x += 1) {
      for (let y = top; y <= bottom; y += 1) found.push(template.replace("{z}", z).replace("{x}", x).replace("{y}", y));
    }
  }
  return found;
}

/** Bring the walk's map onto the phone, once; tell how far it got only when it takes long or does not fit. */
async function keepMap() {
  const block = document.getElementById("day");
  const area = block && kit.tiles && walkBox(JSON.parse(block.textContent));
  if (!area || !globalThis.caches || navigator.connection?.saveData) return;
  const all = tilesOf(kit.tiles, area);
  const wanted = all.slice(0, TILES_MOST);
  const shelf = await caches.open(`gridmap-tiles-${kit.account}`);
  const known = new Set((await shelf.keys()).map((request) => new URL(request.url).pathname));
  const missing = wanted.filter((address) => !known.has(address));
  let [done, failed] = [0, 0];
  const fetchNext = async () => {
    for (let address = missing.shift(); address; address = missing.shift()) {
      try {
        const response = await fetch(address);
        if (!response.ok) failed += 1;
        else if (!navigator.serviceWorker.controller) await shelf.put(address, response);
      } catch {
        failed += 1; // counted and told below
      }
      done += 1;
      if (done % 10 === 0 && missing.length > 20) strip("map", say(words.map_going, { n: wanted.length - missing.length, all: wanted.length }));
    }
  };
  await Promise.all([fetchNext(), fetchNext(), fetchNext()]);
  if (all.length > wanted.length) strip("map", say(words.map_part, { n: wanted.length, all: all.length }));
  else strip("map", failed ? words.map_broken : "");
}

// --- the rest -------------------------------------------------------------------------------------------------------

async function tellOthers() {
  const count = await waitingOfOthers(kit.account);
  strip("others", count && say(words.others, { n: count }));
}

async function beginRoom() {
  const place = document.querySelector("[data-room]");
  if (!place && !location.pathname.startsWith("/today")) return; // some browsers ask the person: not on every page
  const { persisted, usedBytes, quotaBytes } = await settle();
  if (!place || usedBytes === null) return;
  const mb = (bytes) => (bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0);
  const told = [say(words.room, { used: mb(usedBytes), free: mb(quotaBytes - usedBytes) })];
  if (!persisted) told.push(words.may_go);
  place.textContent = told.join(" ");
  place.hidden = false;
}

function beginFile() {
  const input = document.querySelector("input[data-take-in]");
  if (!input) return;
  input.closest("[hidden]")?.removeAttribute("hidden");
  input.addEventListener("change", async () => {
    if (!input.files[0]) return;
    const count = await outbox.importFile(input.files[0]).catch((error) => { grumble(error); return 0; });
    strip("file", count ? say(words.taken_in, { n: count }) : words.no_file, { bad: !count });
    input.value = "";
  });
}

function beginInstall() {
  const place = document.querySelector("[data-install]");
  if (!place || matchMedia("(display-mode: standalone)").matches) return;
  const byHand = () => { place.textContent = words.install_by_hand; place.hidden = false; };
  if (/iPhone|iPad/.test(navigator.userAgent)) byHand();
  addEventListener("beforeinstallprompt", (event) => {
    event.preventDefault(); // no bar of the browser's own: one quiet button on one page
    place.replaceChildren(action(words.install, async () => { await event.prompt(); place.hidden = true; }));
    place.hidden = false;
  });
}

/** Nobody is signed in any more: what was kept to look at goes, what waits to be sent stays. */
async function forgetDays() {
  for (const account of await accounts()) {
    await wipe(account);
    await ask({ wish: "forget", account });
  }
}

async function begin() {
  beginInstall();
  if (!kit.account) await forgetDays();
  if (kit.walks) await beginOutbox();
  else if (kit.account && (await accounts()).includes(kit.account)) await beginOutbox();
  await tellOthers().catch(grumble);
  if (!kit.walks) return;
  beginFile();
  await beginRoom().catch(grumble);
  await beginWorker();
}

begin().catch(grumble);
