/**
 * The coverage page: map and list show the same thing, each finds the other, and the address holds the state.
 * Every link works without this file; with it, the panel changes and the map stays.
 *
 * @typedef {{id: number, c: string, n: string, name: string, w: string, v: string, k: number, url: string}} Grid
 * @typedef {{on: string, past: boolean, selected: number|null, home: {id: number, lon: number, lat: number}|null,
 *   bit: number, grids: Grid[], tiles: Record<string, string>, states: string, details: string, search: string,
 *   layers: string[], words: Record<string, string>}} Data
 */
/* global L */
import { ask, card, homesFrom, icon, tell } from "./stage.js";
import { isPhone, sheet } from "./sheet.js";

const USUAL = ["grids", "homes", "paper"];

/** @type {Data} */
let data;
const at = (id) => document.getElementById(id);
const read = () => JSON.parse(at("data").textContent);

/** Start the page. @param {L.Map} map @param {Record<string, L.Layer>} layers */
export function start(map, layers) {
  data = read();
  const { grids } = layers;
  let moved = false; // the person has chosen a view of his own
  let settling = false; // the page itself is moving the map

  // --- the view ---------------------------------------------------------------------------------------------------

  /** Fit bounds beside legend, chips and sheet: the legend covers no grid where that can be had. */
  function fit(bounds, { animate = true } = {}) {
    if (!bounds || !bounds.isValid()) return;
    const stage = map.getContainer().getBoundingClientRect();
    const legend = at("legend").getBoundingClientRect();
    const phone = isPhone();
    const panel = at("panel").getBoundingClientRect();
    const above = Math.min(panel.top, legend.top, document.querySelector(".tools").getBoundingClientRect().top);
    const foot = phone ? Math.max(0, stage.bottom - Math.max(above, stage.top + stage.height * 0.2)) : 0;
    const head = document.querySelector(".top").getBoundingClientRect();
    const top = phone ? 14 : head.bottom - stage.top + 14;
    const across = phone ? 12 : 24;
    const right = phone ? 12 : 72;
    const steps = phone ? [0] : [0, 0.25, 0.5, 0.75, 1];
    const options = steps.flatMap((left) => steps.map((low) => [
      [across + left * (legend.width + 12), top],
      [right, foot + (phone ? 12 : 28 + low * legend.height)],
    ]));
    const corner = { right: legend.right - stage.left + 6, top: legend.top - stage.top - 6 };
    let best = null;
    for (const [topLeft, bottomRight] of options) {
      const view = map._getBoundsCenterZoom(bounds, { paddingTopLeft: topLeft, paddingBottomRight: bottomRight, maxZoom: 18.5 });
      const covered = !phone && corners(view).some((p) => p.x < corner.right && p.y > corner.top);
      if (!covered && (!best || view.zoom > best.zoom)) best = view;
    }
    if (!data.selected && !data.mine.length) map.whole = (best || { zoom: map.getBoundsZoom(bounds) }).zoom;
    const view = best || map._getBoundsCenterZoom(bounds, { paddingTopLeft: options.at(-1)[0], paddingBottomRight: options.at(-1)[1] });
    if (view.zoom % 1 === 0.5) view.zoom -= 0.25; // tiles are drawn for whole zooms: halfway, names would be small
    settle(() => map.setView(view.center, view.zoom, { animate: animate && !matchMedia("(prefers-reduced-motion: reduce)").matches, duration: 0.2 }));
    map.fire("gridmap:fitted");
  }
  /** Where the grids' corners would be on the stage in a view. */
  function corners({ center, zoom }) {
    const half = map.getSize().divideBy(2);
    const middle = map.project(center, zoom);
    const found = [];
    grids.eachLayer((shape) => {
      if (!(shape instanceof L.Polygon)) return;
      shape.getLatLngs().flat(2).forEach((latlng) => found.push(map.project(latlng, zoom).subtract(middle).add(half)));
    });
    return found;
  }
  function settle(move) {
    settling = true;
    move();
    setTimeout(() => { settling = false; }, 500);
  }
  const focus = (options) => fit(data.selected ? grids.boundsOf(data.selected) : own(), options);
  /** What is mine: a worker's own grids, everybody else's whole community. */
  function own() {
    if (!data.mine.length) return grids.getBounds();
    return data.mine.reduce((all, id) => all.extend(grids.boundsOf(id)), L.latLngBounds([]));
  }

  function fromHash() {
    const found = location.hash.match(/^#(\d+(?:\.\d+)?)\/(-?\d+(?:\.\d+)?)\/(-?\d+(?:\.\d+)?)$/);
    if (!found) return false;
    settle(() => map.setView([Number(found[2]), Number(found[3])], Number(found[1]), { animate: false }));
    moved = true;
    return true;
  }
  map.on("moveend", () => {
    showStates();
    if (settling) return;
    moved = true;
    const { lat, lng } = map.getCenter();
    history.replaceState(history.state, "", `${location.pathname}${location.search}#${map.getZoom()}/${lat.toFixed(5)}/${lng.toFixed(5)}`);
  });

  // --- layers ------------------------------------------------------------------------------------------------------

  const wanted = () => new Set((new URLSearchParams(location.search).get("layers") ?? data.layers.join(",")).split(",").filter(Boolean));
  function showLayers() {
    const on = wanted();
    for (const [name, layer] of Object.entries(layers)) {
      const near = name !== "homes" || map.getZoom() >= homesFrom(map);
      if (on.has(name) && near) layer.addTo(map);
      else layer.remove();
    }
    for (const chip of document.querySelectorAll("[data-layer]")) chip.setAttribute("aria-pressed", String(on.has(chip.dataset.layer)));
    document.body.dataset.groups = on.has("groups") && layers.groups ? "shown" : "";
    document.body.dataset.homes = on.has("homes") && map.getZoom() >= homesFrom(map) ? "shown" : "";
  }
  function toggle(name) {
    const on = wanted();
    if (on.has(name)) on.delete(name);
    else on.add(name);
    const next = new URL(location.href);
    const list = [...on].sort();
    if (list.join() === [...USUAL].sort().join()) next.searchParams.delete("layers");
    else next.searchParams.set("layers", list.join(","));
    history.replaceState(history.state, "", next);
    showLayers();
    showStates();
    if ((name === "homes" || name === "groups") && on.has(name) && map.getZoom() < homesFrom(map)) tell(data.words.closer);
  }
  map.on("zoomend", showLayers);

  // --- states of a past day ---------------------------------------------------------------------------------------

  const past = new Map();
  async function showStates() {
    const { homes } = layers;
    if (!homes) return;
    if (!data.past) {
      if (homes.states) { homes.states = null; homes.rerenderTiles(); }
      return;
    }
    homes.states ??= new Map();
    if (!map.hasLayer(homes) || map.getZoom() < homesFrom(map)) return;
    const view = map.getBounds();
    const inView = data.grids.filter((g) => grids.boundsOf(g.id)?.intersects(view));
    const day = data.on;
    const found = await Promise.allSettled(inView.map((g) => {
      const url = data.states.replace("{grid}", encodeURIComponent(g.c));
      if (!past.has(url)) past.set(url, ask(url).catch((error) => { past.delete(url); throw error; }));
      return past.get(url);
    }));
    if (day !== data.on || !data.past) return;
    const failed = found.find((f) => f.status === "rejected");
    if (failed) tell(failed.reason.message);
    homes.states = new Map(found.flatMap((f) => (f.status === "fulfilled" ? Object.entries(f.value.states).map(([id, s]) => [Number(id), s]) : [])));
    homes.rerenderTiles();
  }

  // --- the list and the map find each other ------------------------------------------------------------------------

  const rowOf = (id) => document.querySelector(`#panel [data-grid="${id}"]`);
  function hover(id, fromMap) {
    document.querySelectorAll("#panel .hot").forEach((row) => row.classList.remove("hot"));
    grids.hover(id);
    const row = id && rowOf(id);
    if (!row) return;
    row.classList.add("hot");
    if (fromMap && !isPhone()) row.scrollIntoView({ block: "nearest" });
  }
  grids.on("enter", ({ id }) => hover(id, true));
  grids.on("leave", () => hover(null, true));
  const panel = at("panel");
  for (const [event, leave] of [["pointerover", false], ["focusin", false], ["pointerleave", true], ["focusout", true]]) {
    panel.addEventListener(event, ({ target }) => {
      const row = !leave && target.closest?.("[data-grid]");
      hover(row ? Number(row.dataset.grid) : null, false);
    });
  }

  map.on("click", ({ latlng }) => {
    const id = layers.groups?.at(latlng) ?? layers.homes?.at(latlng);
    if (id) { openHome(id, latlng); return; }
    const grid = map.hasLayer(grids) && grids.gridAt(latlng);
    const entry = grid && data.grids.find((g) => g.id === grid);
    if (entry && entry.id !== data.selected) go(entry.url);
  });

  async function openHome(id, latlng) {
    if (!data.details) return;
    const waiting = document.createElement("p");
    waiting.textContent = data.words.loading;
    const popup = L.popup({ className: "popup", maxWidth: 320 }).setLatLng(latlng).setContent(waiting).openOn(map);
    try {
      const home = await ask(data.details.replace("{id}", String(id)));
      const box = card(home.address, []);
      const state = document.createElement("p");
      const mark = document.createElement("span");
      mark.className = `state state-${home.slug}`;
      mark.append(icon(home.icon), document.createTextNode(home.state));
      state.append(mark);
      box.append(state);
      if (home.tags.length) {
        const tags = document.createElement("p");
        tags.className = "tags";
        for (const word of home.tags) {
          const tag = document.createElement("span");
          tag.className = "tag";
          tag.textContent = word;
          tags.append(tag);
        }
        box.append(tags);
      }
      for (const words of home.lines) {
        const p = document.createElement("p");
        p.textContent = words;
        box.append(p);
      }
      const more = document.createElement("a");
      more.className = "more";
      more.href = home.url;
      more.textContent = data.words.open;
      more.addEventListener("click", (event) => { event.preventDefault(); go(home.url); });
      box.append(more);
      popup.setContent(box);
    } catch (error) {
      waiting.textContent = error.message;
    }
  }

  // --- going somewhere: the panel changes, the map stays ------------------------------------------------------------

  let turn = 0;
  /** @param {string} url */
  async function go(url, { push = true } = {}) {
    const next = new URL(url, location.href);
    const layersNow = new URLSearchParams(location.search).get("layers");
    if (push && layersNow !== null && !next.searchParams.has("layers")) next.searchParams.set("layers", layersNow);
    const mine = (turn += 1);
    panel.classList.add("loading");
    panel.setAttribute("aria-busy", "true");
    const busy = document.createElement("div");
    busy.className = "busy";
    document.body.append(busy);
    try {
      const answer = await fetch(next, { headers: { Accept: "text/html" }, credentials: "same-origin" });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (mine !== turn) return;
      if (!page.querySelector("body.map-page #panel")) { location.assign(next); return; }
      if (push) history.pushState({}, "", next);
      replace(page);
    } catch {
      if (mine === turn) tell(data.words.offline, { symbol: "wifi-off" });
    } finally {
      busy.remove();
      if (mine === turn) {
        panel.classList.remove("loading");
        panel.removeAttribute("aria-busy");
      }
    }
  }
  function replace(page) {
    for (const id of ["panel-body", "legend", "data", "chips", "finder-state"]) {
      const [old, fresh] = [at(id), page.getElementById(id)];
      if (old && fresh) old.replaceWith(document.adoptNode(fresh));
    }
    document.title = page.title;
    at("panel-body").scrollTop = 0;
    const head = at("panel-body").querySelector("h1");
    head?.focus({ preventScroll: true });
    map.closePopup();
    const before = data;
    data = read();
    show();
    if (isPhone() && body.height() === "full") body.set("half");
    if (fromHash()) return;
    if (data.home) showHome();
    else if (before.selected !== data.selected) { moved = false; focus(); }
  }
  const OURS = /^\/(coverage|households)(\/|$)/;
  const FILE = /\.(xlsx|csv|json)$/;
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[href]");
    if (!link || event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    if (!link.closest("#panel, #legend, .finder") || link.dataset.full !== undefined || link.target) return;
    const url = new URL(link.href);
    if (link.dataset.spot !== undefined || (url.hash && url.pathname + url.search === location.pathname + location.search)) {
      event.preventDefault();
      closeFinder();
      history.replaceState(history.state, "", url);
      fromHash();
      if (isPhone()) body.set("half");
      return;
    }
    if (url.origin !== location.origin || !OURS.test(url.pathname) || FILE.test(url.pathname)) return;
    event.preventDefault();
    closeFinder();
    go(url.href);
  });
  const asof = (form) => {
    const url = new URL(form.action);
    for (const [key, value] of new FormData(form)) if (value) url.searchParams.set(key, String(value));
    go(url.href);
  };
  panel.addEventListener("change", ({ target }) => {
    const form = target.closest("form.asof");
    if (form && form.reportValidity()) asof(form);
  });
  panel.addEventListener("submit", (event) => {
    if (!event.target.matches("form.asof")) return;
    event.preventDefault();
    asof(event.target);
  });
  let here = location.pathname + location.search;
  window.addEventListener("popstate", () => {
    const now = location.pathname + location.search;
    if (now !== here || !data) go(location.href, { push: false });
    else fromHash();
  });

  // --- search --------------------------------------------------------------------------------------------------------

  const form = at("finder");
  const results = at("results");
  const input = form?.querySelector("input[type=search]");
  let typing;
  function closeFinder() {
    if (results) results.hidden = true;
    delete document.body.dataset.tray;
    document.querySelectorAll("[data-tray]").forEach((b) => b !== document.body && b.setAttribute("aria-expanded", "false"));
  }
  async function find() {
    const words = input.value.trim();
    if (!words) { results.hidden = true; return; }
    const rows = data.grids.filter((g) => g.name.includes(words) || g.n === words || (g.w && g.w.includes(words)))
      .slice(0, 5).map((g) => ({ title: g.name, note: g.w, url: g.url }));
    if (data.search && [...words].length > 1) {
      try {
        const { found } = await ask(`${data.search}${encodeURIComponent(words)}`);
        if (input.value.trim() !== words) return;
        rows.push(...found);
      } catch (error) {
        rows.push({ title: error.message, note: "", url: "" });
      }
    }
    results.replaceChildren();
    for (const row of rows) {
      const link = document.createElement(row.url ? "a" : "p");
      if (row.url) link.href = row.url;
      link.textContent = row.title;
      if (row.note) {
        const note = document.createElement("span");
        note.className = "quiet";
        note.textContent = row.note;
        link.append(note);
      }
      results.append(link);
    }
    if (!rows.length) {
      const p = document.createElement("p");
      p.textContent = data.words.nothing;
      results.append(p);
    }
    results.hidden = false;
  }
  input?.addEventListener("input", () => { clearTimeout(typing); typing = setTimeout(find, 200); });
  input?.addEventListener("focus", () => { if (input.value.trim()) find(); });
  form?.addEventListener("submit", (event) => {
    event.preventDefault();
    const first = results.querySelector("a");
    if (!results.hidden && first) { closeFinder(); go(first.href); } else find();
  });
  form?.addEventListener("keydown", (event) => {
    const links = [...results.querySelectorAll("a")];
    const index = links.indexOf(document.activeElement);
    if (event.key === "Escape") { closeFinder(); input.focus(); }
    if (event.key === "ArrowDown" && links[index + 1]) { event.preventDefault(); links[index + 1].focus(); }
    if (event.key === "ArrowUp" && index >= 0) { event.preventDefault(); (links[index - 1] || input).focus(); }
  });
  document.addEventListener("pointerdown", ({ target }) => {
    if (results && !results.hidden && !target.closest?.("#finder")) results.hidden = true;
  });

  // --- buttons of the map ------------------------------------------------------------------------------------------

  document.addEventListener("click", ({ target }) => {
    const chip = target.closest?.("[data-layer]");
    if (chip) toggle(chip.dataset.layer);
    const tool = target.closest?.("[data-tool]")?.dataset.tool;
    if (tool === "in") map.zoomIn(1);
    if (tool === "out") map.zoomOut(1);
    if (tool === "all") { moved = false; focus(); }
    if (tool === "locate") locate();
    const opener = target.closest?.("button[data-tray]");
    if (opener) {
      const open = document.body.dataset.tray === opener.dataset.tray;
      closeFinder();
      if (!open) {
        document.body.dataset.tray = opener.dataset.tray;
        opener.setAttribute("aria-expanded", "true");
        if (opener.dataset.tray === "search") input?.focus();
      }
    }
  });
  let spot = null;
  function locate() {
    if (!navigator.geolocation) { tell(data.words.nowhere); return; }
    navigator.geolocation.getCurrentPosition(({ coords }) => {
      const where = [coords.latitude, coords.longitude];
      spot?.remove();
      spot = L.circleMarker(where, { radius: 8, color: "#ffffff", weight: 3, fillColor: "#0b6fb8", fillOpacity: 1, interactive: false }).addTo(map);
      if (grids.getBounds().pad(1).contains(where)) map.setView(where, Math.max(map.getZoom(), 17));
      else tell(data.words.outside);
    }, () => tell(data.words.nowhere), { enableHighAccuracy: true, timeout: 10000 });
  }

  // --- the network ---------------------------------------------------------------------------------------------------

  let lost = false;
  map.on("gridmap:tile", ({ good }) => {
    if (!good && !lost) { lost = true; tell(data.words.tiles, { stay: true, symbol: "wifi-off" }); }
    if (good && lost) { lost = false; tell(""); }
  });
  map.on("gridmap:failed", ({ sentence }) => tell(sentence));
  window.addEventListener("online", () => {
    if (!lost) return;
    for (const layer of [layers.paper, layers.homes, layers.groups]) {
      if (layer) { layer.retarget(layer.address); if (map.hasLayer(layer)) layer.redraw(); }
    }
  });

  let ring = null;
  function showHome() {
    const where = [data.home.lat, data.home.lon];
    settle(() => map.setView(where, Math.max(Math.round(map.getZoom()), 19), { animate: false }));
  }
  function ringHome() {
    ring?.remove();
    ring = data.home && L.circleMarker([data.home.lat, data.home.lon], { radius: 15, color: "#17303a", weight: 3.5, fill: false, interactive: false }).addTo(map);
  }

  // --- begin -----------------------------------------------------------------------------------------------------------

  function show() {
    here = location.pathname + location.search;
    grids.show(new Map(data.grids.map((g) => [g.id, { k: g.k, short: g.n, worker: g.w, value: g.v }])));
    grids.select(data.selected);
    grids.hover(null);
    ringHome();
    for (const [name, url] of Object.entries(data.tiles)) layers[name]?.move(url);
    if (layers.groups && layers.groups.bit !== data.bit) {
      layers.groups.bit = data.bit;
      if (map.hasLayer(layers.groups)) layers.groups.rerenderTiles();
    }
    showLayers();
    showStates();
  }
  map.whole = map.getBoundsZoom(grids.getBounds());
  const body = sheet(() => { if (!moved && !data.home) setTimeout(() => focus({ animate: false }), 180); });
  show();
  if (!fromHash()) {
    if (data.home) showHome();
    else focus({ animate: false });
  }
  let resizing;
  new ResizeObserver(() => {
    map.invalidateSize({ pan: false });
    clearTimeout(resizing);
    resizing = setTimeout(() => { if (!moved && !data.home) focus({ animate: false }); }, 120);
  }).observe(map.getContainer());
  document.fonts?.ready.then(() => map.fire("zoomend"));
  document.documentElement.dataset.ready = "yes"; // for whoever waits: tests, screenshots
}
