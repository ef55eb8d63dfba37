/**
 * The streets people walk, as a planner edits them: choose a word, point at the map, save. The server joins what is
 * drawn to what is there; nothing is computed here that is kept.
 *
 * @typedef {{id: number, kind: string, name: string|null, metres: number, walk_s: number|null, walk_back_s: number|null,
 *   steps: number|null, opens_min: number|null, closes_min: number|null, main: boolean, path: [number, number][]}} Edge
 * @typedef {{words: Record<string, string>, kinds: Record<string, string>, editor: boolean, bounds: [[number, number], [number, number]],
 *   centre: [number, number], on: string}} Data
 */
/* global L */
import { ask, tell } from "./stage.js";
import { isPhone, sheet } from "./sheet.js";

const FROM_ZOOM = 15.5; // below it the network is a tangle
const COLOURS = { street: "#1d6273", steps: "#8a4b00", gate: "#7a3e9d", lift: "#7a3e9d", barred: "#6b6f72", stray: "#b3261e" };
const POINTS = { path: Infinity, steps: Infinity, lift: 2, gate: 1, reach: 1 };
const at = (id) => document.getElementById(id);
const say = (sentence, values) => sentence.replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));

/** The edges in view. @param {L.Map} map @param {{url: string}} options */
export function network(map, { url }) {
  const renderer = L.canvas({ tolerance: 9 });
  const layer = L.featureGroup();
  let asked = 0;
  const style = (edge) => {
    const barred = edge.walk_s === null && edge.walk_back_s === null;
    const kind = ["steps", "gate", "lift"].includes(edge.kind) ? edge.kind : "street";
    const color = barred ? COLOURS.barred : edge.main ? COLOURS[kind] : COLOURS.stray;
    const dashArray = barred ? "1 7" : kind === "steps" ? "5 4" : undefined;
    return { renderer, color, dashArray, weight: kind === "street" ? 3.5 : 7, opacity: 0.9, lineCap: kind === "steps" ? "butt" : "round" };
  };
  /** Fetch what is in view and draw it. */
  layer.load = async () => {
    if (map.getZoom() < FROM_ZOOM) { layer.clearLayers(); map.fire("gridmap:far"); return; }
    const mine = (asked += 1);
    const b = map.getBounds().pad(0.2);
    const box = [b.getWest(), b.getSouth(), b.getEast(), b.getNorth()].map((x) => x.toFixed(6)).join(",");
    try {
      const { edges, more } = await ask(`${url}&box=${box}`);
      if (mine !== asked) return;
      layer.clearLayers();
      const over = (edge) => Number(edge.kind === "gate" || edge.kind === "lift"); // short ones lie on top, or nobody could point at them
      for (const edge of edges.sort((a, b) => over(a) - over(b))) {
        const line = L.polyline(edge.path.map(([lon, lat]) => [lat, lon]), style(edge));
        line.edge = edge;
        line.on("click", (event) => { if (map.drawing) return; L.DomEvent.stop(event); map.fire("gridmap:edge", { edge, line }); });
        line.addTo(layer);
      }
      map.fire("gridmap:drawn");
      map.fire(more ? "gridmap:more" : "gridmap:near");
    } catch (error) {
      if (mine === asked) map.fire("gridmap:failed", { sentence: error.message });
    }
  };
  return layer.addTo(map);
}

async function send(url, body) {
  const answer = await fetch(url, {
    method: "POST",
    headers: { Accept: "application/json", "Content-Type": "application/json", "X-Gridmap": "1" },
    body: JSON.stringify(body),
  });
  const told = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(told.error || String(answer.status));
  return told;
}

/** Start the page. @param {L.Map} map @param {{network: L.FeatureGroup}} layers */
export function start(map, { network: edges }) {
  /** @type {Data} */
  const data = JSON.parse(at("data").textContent);
  const { words } = data;
  const task = at("task");
  const chosen = at("chosen");
  let mode = null;
  let points = [];
  let picked = null; // the edge that is asked about
  let wanted = 0; // the edge of the list that is to be asked about when it is drawn
  const sketch = L.featureGroup().addTo(map);
  const shown = L.featureGroup().addTo(map); // the answer to "how far can one walk"
  const mark = L.polyline([], { color: "#17303a", weight: 9, opacity: 0.35, interactive: false }).addTo(map);

  /** Show the parts of a form that belong to what is being done. */
  function only(box, what) {
    for (const part of box.querySelectorAll("[data-for]")) part.hidden = !part.dataset.for.split(" ").includes(what);
  }

  // --- one thing at a time -----------------------------------------------------------------------------------------

  function length() {
    let metres = 0;
    for (let i = 1; i < points.length; i += 1) metres += map.distance(points[i - 1], points[i]);
    return Math.round(metres);
  }
  function draw() {
    sketch.clearLayers();
    if (points.length > 1) L.polyline(points, { color: "#b3261e", weight: 4, dashArray: "6 5", interactive: false }).addTo(sketch);
    for (const point of points) L.circleMarker(point, { radius: 6, color: "#ffffff", weight: 2, fillColor: "#b3261e", fillOpacity: 1, interactive: false }).addTo(sketch);
    if (mode) at("task-words").textContent = points.length ? say(words.drawn, { n: points.length, m: length() }) : words[mode];
  }
  function enter(next) {
    mode = next;
    points = [];
    map.drawing = Boolean(mode) && mode !== "hours";
    map.getContainer().closest(".stage").classList.toggle("drawing", map.drawing);
    for (const button of document.querySelectorAll("[data-mode]")) button.setAttribute("aria-pressed", String(button.dataset.mode === mode));
    task.hidden = !mode;
    if (mode !== "hours") choose(null);
    if (mode !== "reach") shown.clearLayers();
    if (mode) {
      only(task, mode);
      at("task-words").textContent = words[mode];
      if (isPhone()) body.set("half");
      task.scrollIntoView({ block: "nearest" });
    }
    draw();
  }
  function choose(edge, line = null) {
    picked = edge;
    chosen.hidden = !edge;
    mark.setLatLngs(line ? line.getLatLngs() : []);
    if (!edge) return;
    at("chosen-name").textContent = edge.name ? `${data.kinds[edge.kind] || edge.kind} · ${edge.name}` : data.kinds[edge.kind] || edge.kind;
    at("chosen-facts").textContent = facts(edge).join(" · ");
    only(chosen, edge.kind === "gate" ? "gate" : "street");
    if (isPhone()) body.set("half");
    chosen.scrollIntoView({ block: "nearest" });
  }
  const clock = (minutes) => `${String(Math.floor(minutes / 60)).padStart(2, "0")}:${String(minutes % 60).padStart(2, "0")}`;
  function facts(edge) {
    const there = edge.walk_s;
    const back = edge.walk_back_s;
    const list = [say(words.metres, { m: Math.round(edge.metres) })];
    if (there === null && back === null) list.push(words.barred);
    else if (there === null || back === null) list.push(words.oneway);
    else list.push(say(words.seconds, { s: Math.max(1, Math.round(there)) }));
    if (edge.steps) list.push(say(words.steps_n, { n: edge.steps }));
    if (edge.opens_min !== null) list.push(say(words.open_between, { from: clock(edge.opens_min), to: clock(edge.closes_min) }));
    if (!edge.main) list.push(words.stray);
    return list;
  }

  map.on("gridmap:edge", ({ edge, line }) => { if (!map.drawing) { if (mode) enter(null); choose(edge, line); } });
  map.on("click", ({ latlng }) => {
    if (!map.drawing) { choose(null); return; }
    if (points.length >= POINTS[mode]) points = [];
    points.push(latlng);
    draw();
    if (mode === "reach") reach();
  });
  document.addEventListener("keydown", (event) => {
    if (!mode || event.target.closest("input, select, dialog")) return;
    if (event.key === "Escape") enter(null);
    if (event.key === "Backspace") { event.preventDefault(); points.pop(); draw(); }
    if (event.key === "Enter" && !event.target.closest("button, a")) task.requestSubmit();
  });

  // --- what is sent --------------------------------------------------------------------------------------------------

  const minutesOf = (text) => (text ? Number(text.slice(0, 2)) * 60 + Number(text.slice(3, 5)) : null);
  const lonlat = () => points.map(({ lng, lat }) => [Number(lng.toFixed(7)), Number(lat.toFixed(7))]);
  function change() {
    const f = task.elements;
    const name = f.name.value.trim();
    const hours = { opens_min: minutesOf(f.opens.value), closes_min: f.closes.value === "00:00" ? 1440 : minutesOf(f.closes.value) };
    if (mode === "path") return { change: "AddPath", lonlat: lonlat(), kind: f.kind.value, name };
    if (mode === "steps") return { change: "AddPath", lonlat: lonlat(), kind: "steps", name, steps: Number(f.steps.value) || null };
    if (mode === "lift") return { change: "AddLift", lonlat: lonlat(), floors: Number(f.floors.value), name };
    if (mode === "gate") return { change: "AddGate", lonlat: lonlat()[0], name, ...hours };
    return { change: "SetHours", edge_id: picked.id, ...hours };
  }
  async function keep(url, body) {
    try {
      const told = await send(url, body);
      enter(null);
      choose(null);
      await Promise.all([edges.load(), refresh()]);
      tell(told.words);
    } catch (error) {
      tell(error instanceof TypeError ? words.offline : error.message, { bad: true });
    }
  }
  /** Put the panel's lists as they are now; the map stays. */
  async function refresh() {
    const answer = await fetch(location.pathname + location.search, { headers: { Accept: "text/html" } });
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const now = page.querySelectorAll("#panel-body > .section");
    document.querySelectorAll("#panel-body > .section").forEach((section, i) => { if (now[i]) section.replaceWith(document.adoptNode(now[i])); });
  }
  task.addEventListener("submit", (event) => {
    event.preventDefault();
    const least = { path: 2, steps: 2, lift: 2, gate: 1 }[mode] ?? 0;
    if (points.length < least) { tell(words[mode], { bad: true }); return; }
    keep("/streets/edits", change());
  });
  async function reach() {
    const [{ lng, lat }] = points;
    try {
      const minutes = task.elements.minutes.value;
      const found = await ask(`/streets/reach?lon=${lng.toFixed(6)}&lat=${lat.toFixed(6)}&minutes=${minutes}&on=${data.on}`);
      shown.clearLayers();
      for (const rings of found.area.coordinates) {
        L.polygon(rings.map((ring) => ring.map(([x, y]) => [y, x])), { color: "#0b6fb8", weight: 1.5, fillColor: "#0b6fb8", fillOpacity: 0.13, interactive: false }).addTo(shown);
      }
      for (const line of found.lines.coordinates) L.polyline(line.map(([x, y]) => [y, x]), { color: "#0b6fb8", weight: 3, interactive: false }).addTo(shown);
      at("task-words").textContent = say(found.homes === null ? words.reach_few : words.reached, { n: found.homes, m: minutes });
      if (shown.getLayers().length) map.fitBounds(shown.getBounds(), { padding: [40, 40], maxZoom: 18 });
    } catch (error) {
      tell(error instanceof TypeError ? words.offline : error.message, { bad: true });
    }
  }
  task.elements.minutes.addEventListener("change", () => { if (points.length) reach(); });

  document.addEventListener("click", ({ target }) => {
    const button = target.closest?.("button, a[data-spot]");
    if (!button) return;
    if (button.dataset.edge) wanted = Number(button.dataset.edge);
    if (button.dataset.spot) map.setView(button.dataset.spot.split(",").map(Number), 19);
    if (button.dataset.mode) enter(button.dataset.mode === mode ? null : button.dataset.mode);
    if (button.dataset.act === "cancel") enter(null);
    if (button.dataset.act === "back") { points.pop(); draw(); }
    if (button.dataset.act === "undo") keep("/streets/undo", {});
    if (button.dataset.change === "SetHours") { const edge = picked; enter("hours"); picked = edge; }
    else if (button.dataset.change) keep("/streets/edits", { change: button.dataset.change, edge_id: picked.id });
    const tool = button.dataset.tool;
    if (tool === "in") map.zoomIn(1);
    if (tool === "out") map.zoomOut(1);
    if (tool === "locate") map.locate({ setView: true, maxZoom: 18 });
  });
  map.on("locationerror", () => tell(words.nowhere));
  document.addEventListener("click", (event) => { if (event.target.closest?.("a[data-spot]")) event.preventDefault(); }, true);

  // --- the view --------------------------------------------------------------------------------------------------------

  const body = sheet(() => map.invalidateSize({ pan: false }));
  let far = false;
  map.on("gridmap:far", () => { far = true; tell(words.far, { stay: true }); });
  map.on("gridmap:more", () => tell(words.more));
  map.on("gridmap:drawn", () => {
    const line = wanted && edges.getLayers().find((one) => one.edge.id === wanted);
    wanted = 0;
    if (line) { if (mode) enter(null); choose(line.edge, line); }
  });
  map.on("gridmap:near", () => { if (far) { far = false; tell(""); } });
  map.on("gridmap:failed", ({ sentence }) => tell(sentence, { bad: true }));
  map.on("moveend", () => edges.load());
  const hash = location.hash.match(/^#(\d+(?:\.\d+)?)\/(-?\d+(?:\.\d+)?)\/(-?\d+(?:\.\d+)?)$/);
  if (hash) map.setView([Number(hash[2]), Number(hash[3])], Number(hash[1]), { animate: false });
  else map.setView([data.centre[1], data.centre[0]], 16.5, { animate: false });
  edges.load();
  new ResizeObserver(() => map.invalidateSize({ pan: false })).observe(map.getContainer());
  document.documentElement.dataset.ready = "yes"; // for whoever waits: tests, screenshots
}
