/**
 * The walk's page: map and list show the same stops, each opens the other; a tower is drawn when somebody asks for it.
 * All it needs came with the page; only tiles are fetched, and a tile that cannot be had is told once.
 *
 * @typedef {{towers: import("./tower.js").Tower[], done: number[], gates: {title: string, lines: string[]}[], ends: {title: string, lines: string[]}[],
 *   door: string, mine: number[]|null, words: Record<string, string>}} Data
 */
/* global L */
import { card, tell } from "./stage.js";
import { isPhone, sheet } from "./sheet.js";
import { drawTower } from "./tower.js";

const TOLD = "gm-navigation-told";
const at = (id) => document.getElementById(id);

/** Start the page. @param {L.Map} map @param {{paper: L.GridLayer, way: L.FeatureGroup}} layers */
export function start(map, { paper, way }) {
  /** @type {Data} */
  const data = JSON.parse(at("data").textContent);
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const items = [...document.querySelectorAll("details[data-stop]")];
  const itemOf = (n) => items.find((item) => Number(item.dataset.stop) === n);
  let shown = null; // bounds the page chose itself; null once the person has moved the map
  let settling = false;

  // --- the view ---

  function fit(bounds, { maxZoom = 18.5, animate = !calm } = {}) {
    if (!bounds.isValid()) return;
    shown = { bounds, maxZoom };
    const box = map.getContainer().getBoundingClientRect();
    const phone = isPhone();
    const foot = phone ? Math.max(0, box.bottom - Math.min(at("panel").getBoundingClientRect().top, document.querySelector(".tools").getBoundingClientRect().top)) : 0;
    const low = Math.min(foot, box.height * 0.72);
    settling = true;
    map.fitBounds(bounds, {
      paddingTopLeft: [phone ? 34 : 48, phone ? 34 : 48],
      paddingBottomRight: [phone ? 34 : 84, low + 34],
      maxZoom,
      animate,
      duration: 0.2,
    });
    setTimeout(() => { settling = false; }, 400);
  }
  map.on("movestart", () => { if (!settling) shown = null; });

  // --- list and map ---

  function choose(n, { fromMap = false } = {}) {
    way.choose(n);
    const item = itemOf(n);
    if (!item) return;
    for (const other of items) if (other !== item) other.open = false;
    item.open = true;
    if (isPhone() && body.height() !== "half") body.set("half");
    item.scrollIntoView({ block: fromMap || isPhone() ? "start" : "nearest", behavior: "auto" });
    if (!fromMap) fit(way.around(n), { maxZoom: 18.5 });
  }
  way.on("choose", ({ n }) => choose(n, { fromMap: true }));
  for (const item of items) {
    item.querySelector("summary").addEventListener("click", (event) => {
      event.preventDefault();
      if (item.open) {
        item.open = false;
        way.choose(null);
        fit(way.places());
      } else choose(Number(item.dataset.stop));
    });
  }
  const popup = (where, box) => L.popup({ className: "popup", maxWidth: 300 }).setLatLng(where).setContent(box).openOn(map);
  way.on("gate", ({ gate, at: where }) => popup(where, card(data.gates[gate].title, data.gates[gate].lines)));
  way.on("end", ({ name, both, at: where }) => {
    const [first, last] = data.ends;
    if (both) popup(where, card(first.title, [...first.lines, ...last.lines]));
    else { const end = name === "start" ? first : last; popup(where, card(end.title, end.lines)); }
  });

  // --- towers ---

  const dialog = at("tower");
  function openTower(id, entranceId = null) {
    const tower = data.towers.find((one) => one.building_id === id);
    if (!tower) return false;
    at("tower-title").textContent = tower.title;
    const mine = data.mine && new Set(data.mine);
    at("tower-body").replaceChildren(drawTower(tower, {
      entranceId,
      done: new Set(data.done),
      choose: (room) => { if (!mine || mine.has(room.grid_id)) location.assign(data.door.replace("{id}", String(room.household_id))); },
    }));
    dialog.showModal();
    return true;
  }
  dialog.addEventListener("close", () => at("tower-body").replaceChildren());
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  map.on("click", ({ latlng }) => {
    if (!data.towers.length) return;
    for (const picked of paper.queryTileFeaturesDebug(latlng.lng, latlng.lat, 4).values()) {
      for (const { feature, layerName } of picked) {
        if (layerName === "building" && openTower(Number(feature.props.id))) return;
      }
    }
  });

  // --- map apps learn where one goes: told once, before the first time ---

  const note = at("navigation-note");
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[data-navigate]");
    if (!link || !note || localStorage.getItem(TOLD)) return;
    event.preventDefault();
    const go = note.querySelector("[data-go]");
    go.href = link.href;
    go.target = link.target;
    note.showModal();
  });
  note?.querySelector("[data-go]").addEventListener("click", () => { localStorage.setItem(TOLD, "yes"); note.close(); });

  // --- buttons ---

  let spot = null;
  function locate() {
    if (!navigator.geolocation) { tell(data.words.nowhere); return; }
    navigator.geolocation.getCurrentPosition(({ coords }) => {
      const where = [coords.latitude, coords.longitude];
      spot?.remove();
      spot = L.circleMarker(where, { radius: 8, color: "#ffffff", weight: 3, fillColor: "#0b6fb8", fillOpacity: 1, interactive: false }).addTo(map);
      if (way.whole().pad(1).contains(where)) map.setView(where, Math.max(map.getZoom(), 17));
      else tell(data.words.outside);
    }, () => tell(data.words.nowhere), { enableHighAccuracy: true, timeout: 10000 });
  }
  document.addEventListener("click", ({ target }) => {
    const tool = target.closest?.("[data-tool]")?.dataset.tool;
    if (tool === "in") map.zoomIn(1);
    if (tool === "out") map.zoomOut(1);
    if (tool === "all") { way.choose(null); fit(way.whole()); }
    if (tool === "locate") locate();
    const tower = target.closest?.("[data-tower]");
    if (tower) openTower(Number(tower.dataset.tower), Number(tower.dataset.entrance) || null);
    const close = target.closest?.("[data-close]");
    if (close) close.closest("dialog").close();
  });

  // --- the network ---

  let lost = false;
  map.on("gridmap:tile", ({ good }) => {
    if (!good && !lost) { lost = true; tell(data.words.tiles, { stay: true, symbol: "wifi-off" }); }
    if (good && lost) { lost = false; tell(""); }
  });
  window.addEventListener("online", () => { if (lost) { paper.retarget(paper.address); paper.redraw(); } });

  const body = sheet(() => { if (shown) setTimeout(() => fit(shown.bounds, { maxZoom: shown.maxZoom, animate: false }), 180); });
  fit(way.places(), { animate: false, maxZoom: 18 });
  const asked = Number(new URLSearchParams(location.search).get("stop"));
  if (asked && itemOf(asked)) choose(asked);
  let resizing;
  new ResizeObserver(() => {
    map.invalidateSize({ pan: false });
    clearTimeout(resizing);
    resizing = setTimeout(() => { if (shown) fit(shown.bounds, { maxZoom: shown.maxZoom, animate: false }); }, 120);
  }).observe(map.getContainer());
  document.documentElement.dataset.ready = "yes"; // for whoever waits: tests, screenshots
}
