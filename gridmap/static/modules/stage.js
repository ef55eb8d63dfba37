/**
 * The layers of a map. Folium writes one call per layer; everything that is drawn is drawn here.
 * No text from data is ever parsed as HTML: texts arrive as JSON and are set with textContent.
 *
 * @typedef {{id: number, rings: number[][], at: [number, number], r: number, commercial: boolean}} Face
 * @typedef {{k: number, short: string, worker: string, value: string}} Shown  what is shown of one grid
 */
/* global L, protomapsL */

const EARTH_M = 40075016.686;
const INK = "#17303a";
const FONT = getComputedStyle(document.body).fontFamily;
const SVG = "http://www.w3.org/2000/svg";

const HOMES_FROM = 15.75; // households come in tiles from zoom 16 on

/** The zoom from which households are shown: well above the one that shows the whole community. */
export const homesFrom = (map) => Math.max(HOMES_FROM, Math.min(17, (map.whole ?? 0) + 0.75));

/** The opacity of the grids' colours: strong when the community is in view, thin where households are. */
function fade(map, full) {
  const above = map.getZoom() - homesFrom(map);
  if (above < -0.25) return full;
  if (above < 0.5) return full * 0.36;
  return full * 0.2;
}

/** @returns {L.Map} an empty map with panes in their order */
export function open(id, options) {
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const map = L.map(id, {
    ...options,
    zoomControl: false,
    attributionControl: false,
    minZoom: 11,
    maxZoom: 20,
    zoomSnap: 0.25,
    zoomDelta: 1,
    wheelPxPerZoomLevel: 90,
    fadeAnimation: !calm,
    zoomAnimation: !calm,
    markerZoomAnimation: !calm,
    inertia: !calm,
  });
  [["faces", 350], ["runs", 410], ["homes", 420], ["groups", 430], ["labels", 440]].forEach(([name, z]) => {
    const pane = map.createPane(name);
    pane.style.zIndex = String(z);
    if (name !== "faces" && name !== "runs") pane.style.pointerEvents = "none";
  });
  const notes = L.control.attribution({ prefix: false, position: "bottomright" }).addTo(map);
  const words = document.getElementById("attribution");
  if (words && words.textContent.trim()) notes.addAttribution(escaped(words.textContent.trim()));
  return map;
}

/** Leaflet puts attributions into innerHTML; this makes any text harmless first. */
function escaped(text) {
  const box = document.createElement("i");
  box.textContent = text;
  return box.innerHTML;
}

// --- tiles ---------------------------------------------------------------------------------------------------------

/** Read tiles; a tile that fails is empty and is told once, instead of an error per tile. */
class Tiles extends protomapsL.ZxySource {
  constructor(url, tell) {
    super(url, true);
    this.tell = tell;
  }

  async get(coords, size) {
    try {
      const tile = await super.get(coords, size);
      this.tell(true);
      return tile;
    } catch (error) {
      if (error.name === "AbortError") throw error;
      this.tell(false);
      return new Map();
    }
  }
}

/** @returns {L.GridLayer} a layer of our own vector tiles */
function tiles(map, { url, levelDiff, maxDataZoom, ...options }) {
  const layer = protomapsL.leafletLayer({
    url,
    maxDataZoom,
    levelDiff,
    attribution: "",
    maxZoom: 20,
    devicePixelRatio: Math.max(1.5, window.devicePixelRatio || 1),
    ...options,
  });
  layer.retarget = (next) => {
    const source = new Tiles(next, (good) => map.fire("gridmap:tile", { good }));
    for (const view of layer.views.values()) {
      view.tileCache = new protomapsL.TileCache(source, 256 << levelDiff);
    }
    layer.address = next;
  };
  layer.retarget(url);
  /** Show other tiles in place of these. */
  layer.move = (next) => {
    if (next === layer.address) return;
    layer.retarget(next);
    layer.clearLayout();
    if (layer._map) layer.redraw();
  };
  return layer;
}

const fill = (layer, kinds, color, more = {}) => ({
  dataLayer: layer,
  symbolizer: new protomapsL.PolygonSymbolizer({ fill: color, perFeature: false, ...more }),
  filter: kinds ? (z, f) => kinds.includes(f.props.kind) : undefined,
});
const line = (kinds, color, width, more = {}) => ({
  dataLayer: "street",
  symbolizer: new protomapsL.LineSymbolizer({ color, width, lineCap: "round", lineJoin: "round", ...more }),
  filter: (z, f) => kinds.includes(f.props.kind),
});
const grow = (...stops) => {
  const f = protomapsL.exp(1.55, stops);
  return (z) => f(z);
};

const MAJOR = ["motorway", "trunk", "primary", "secondary", "tertiary"];
const MINOR = ["residential", "unclassified", "living_street", "pedestrian", "road"];
const SMALL = ["service", "track"];
const WALKS = ["footway", "path", "cycleway", "bridleway", "corridor"];

/** Widths in pixels by zoom, of casing and street. */
const WIDTH = {
  major: grow([12, 1.4], [15, 5], [17, 14], [20, 70]),
  minor: grow([13, 0.7], [15, 2.6], [17, 8], [20, 46]),
  small: grow([14, 0.5], [16, 2], [18, 7], [20, 24]),
};
const cased = (width, by) => (z) => width(z) + by;

function paperRules(ground) {
  const walls = ["wall", "retaining_wall", "fence", "hedge"];
  return [
    fill("area", ["commercial"], "#f0e3d3"),
    fill("compound", null, "#f2eee4", { stroke: "#dcd5c6", width: 1 }),
    fill("area", ["school", "plaza", "government"], "#eee3d2"),
    fill("area", ["park", "green", "grass", "forest", "garden"], "#cddfb9"),
    fill("area", ["pitch"], "#b9d4a4", { stroke: "#ffffff", width: 1 }),
    fill("area", ["water", "river"], "#a9cbdc"),
    line(SMALL, "#d6cfbf", cased(WIDTH.small, 1.4)),
    line(MINOR, "#d3cbba", cased(WIDTH.minor, 1.8)),
    line(MAJOR, "#cfc4ab", cased(WIDTH.major, 2.2)),
    line(SMALL, "#ffffff", WIDTH.small),
    line(MINOR, "#ffffff", WIDTH.minor),
    line(MAJOR, "#fffaf0", WIDTH.major),
    { ...line(WALKS, "#b9a888", grow([15, 0.8], [18, 1.8], [20, 3]), { dash: [4, 3] }), minzoom: 15 },
    { ...line(["steps"], "#a5825c", grow([16, 2], [18, 4], [20, 9]), { dash: [1.5, 1.5], lineCap: "butt" }), minzoom: 16 },
    {
      dataLayer: "barrier",
      minzoom: 16,
      symbolizer: new protomapsL.LineSymbolizer({ color: "#b5a994", width: grow([16, 0.8], [19, 1.8]) }),
      filter: (z, f) => walls.includes(f.props.kind),
    },
    {
      dataLayer: "building",
      symbolizer: new protomapsL.PolygonSymbolizer({
        fill: (z, f) => (f && f.props.kind === "shop" ? "#dcc9ae" : f && f.props.kind === "public" ? "#d8bfae" : "#d5cebf"),
        stroke: "#b9b09d",
        width: (z) => (z < 16 ? 0.4 : 0.9),
      }),
    },
  ];
}

const halo = (size, color, weight = 500) => ({
  labelProps: ["name"],
  font: (z) => `${weight} ${typeof size === "function" ? size(z) : size}px ${FONT}`,
  fill: color,
  stroke: "rgba(255,255,255,0.92)",
  width: 3,
});

/** The middle of a polygon's piece in this tile: the centroid of its largest ring. */
function middle(geom) {
  let best = null;
  for (const ring of geom) {
    const [zero] = ring; // world pixels have nine digits: products must be of differences
    let [area, x, y] = [0, 0, 0];
    for (let i = 1; i + 1 < ring.length; i += 1) {
      const [ax, ay] = [ring[i].x - zero.x, ring[i].y - zero.y];
      const [bx, by] = [ring[i + 1].x - zero.x, ring[i + 1].y - zero.y];
      const cross = ax * by - bx * ay;
      area += cross;
      x += (ax + bx) * cross;
      y += (ay + by) * cross;
    }
    if (area && (!best || Math.abs(area) > Math.abs(best.area))) {
      best = { area, x: zero.x + x / (3 * area), y: zero.y + y / (3 * area) };
    }
  }
  return best;
}

/** A name in the middle of an area, once, where the area is about as wide as the name. */
class AreaLabel {
  constructor(options) {
    this.text = new protomapsL.CenteredTextSymbolizer(options);
  }

  place(layout, geom, feature) {
    const at = middle(geom);
    if (!at) return undefined;
    const point = geom[0][0].clone();
    point.x = at.x;
    point.y = at.y;
    const placed = this.text.place(layout, [[point]], feature);
    if (!placed) return undefined;
    const xs = geom[0].map((p) => p.x);
    const wide = Math.max(...xs) - Math.min(...xs);
    const [box] = placed[0].bboxes;
    if (box.maxX - box.minX > wide * 1.15 + 6) return undefined;
    return placed.map((label) => ({ ...label, deduplicationKey: `${feature.props.name}`, deduplicationDistance: 420 }));
  }
}

function paperLabels() {
  const from = (minzoom, rule) => ({ ...rule, minzoom });
  const street = (kinds, size, minzoom) => from(minzoom, {
    dataLayer: "street",
    symbolizer: new protomapsL.LineLabelSymbolizer({ ...halo(size, "#5d5340"), labelProps: ["name"] }),
    filter: (z, f) => kinds.includes(f.props.kind) && Boolean(f.props.name),
  });
  const centred = (layer, size, color, minzoom, kinds) => from(minzoom, {
    dataLayer: layer,
    symbolizer: new AreaLabel(halo(size, color, 600)),
    filter: (z, f) => Boolean(f.props.name) && (!kinds || kinds.includes(f.props.kind)),
  });
  const places = from(17, {
    dataLayer: "place",
    symbolizer: new protomapsL.CenteredTextSymbolizer(halo(13, "#6b2f1b", 600)),
    filter: (z, f) => Boolean(f.props.name) && f.props.kind !== "gate",
  });
  return [
    places,
    centred("area", 13, "#33623b", 17, ["park", "green", "pitch", "garden", "forest"]),
    centred("area", 13, "#2c5b78", 17, ["water", "river"]),
    centred("compound", 13.5, "#3e4f56", 17),
    street(MAJOR, 13, 17),
    street([...MINOR, ...SMALL], 12, 17),
    centred("building", 12, "#51493a", 19),
  ];
}

/** The paper basemap. */
export function paper(map, { url, ground }) {
  const layer = tiles(map, {
    url,
    levelDiff: 1,
    maxDataZoom: 17,
    backgroundColor: ground,
    paintRules: paperRules(ground),
    labelRules: paperLabels(),
  });
  return layer.addTo(map);
}

// --- households ------------------------------------------------------------------------------------------------------

const radius = (z) => Math.max(2, Math.min(9, 2 * 1.42 ** (z - 16)));

/** Shapes tell the state as colour does: overdue square, no answer diamond, outside the base hollow. */
function mark(ctx, state, color, x, y, r) {
  ctx.beginPath();
  if (state === 3) ctx.rect(x - r * 0.92, y - r * 0.92, r * 1.84, r * 1.84);
  else if (state === 4) {
    ctx.moveTo(x, y - r * 1.2);
    ctx.lineTo(x + r * 1.2, y);
    ctx.lineTo(x, y + r * 1.2);
    ctx.lineTo(x - r * 1.2, y);
    ctx.closePath();
  } else ctx.arc(x, y, r, 0, 2 * Math.PI);
  if (state >= 5) {
    ctx.fillStyle = "#ffffff";
    ctx.fill();
    ctx.strokeStyle = color;
    ctx.lineWidth = Math.max(1, r * 0.4);
  } else {
    ctx.fillStyle = color;
    ctx.fill();
    ctx.strokeStyle = "#ffffff";
    ctx.lineWidth = Math.max(0.8, r * 0.28);
  }
  ctx.stroke();
}

/** In which order states are painted: the most urgent last, on top. Unknown and outside the base first. */
const PAINTED = [[undefined, 5, 6, 7], [1], [2], [0], [4], [3]];

/** Households as dots by state. `layer.states` holds the states of a past day, by id; null = as in the tile. */
export function homes(map, { url, colours }) {
  const stateOf = (feature) => (layer.states ? layer.states.get(Number(feature.id)) : Number(feature.props.s));
  const draw = {
    draw(ctx, geom, z, feature) {
      const state = stateOf(feature);
      const known = state !== undefined;
      ctx.globalAlpha = known ? 1 : 0.35;
      const { x, y } = geom[0][0];
      mark(ctx, known ? state : 6, known ? colours[state] : "#9aa3a8", x, y, radius(z));
    },
  };
  const layer = tiles(map, {
    url,
    levelDiff: 0,
    maxDataZoom: 16,
    minZoom: 16,
    pane: "homes",
    paintRules: PAINTED.map((states) => ({
      dataLayer: "home",
      symbolizer: draw,
      filter: (z, feature) => states.includes(stateOf(feature)),
    })),
  });
  layer.states = null;
  /** @returns {number|null} the household under a point of the map */
  layer.at = (latlng) => nearest(map, layer, latlng);
  return layer;
}

const VIOLET = "#7b1fa2";

/** Households with a special group: a ring around the dot. */
export function groups(map, { url }) {
  const draw = {
    draw(ctx, geom, z, feature) {
      if (layer.bit && !(Number(feature.props.g) & layer.bit)) return;
      const { x, y } = geom[0][0];
      const near = map.getZoom() >= homesFrom(map);
      ctx.globalAlpha = 1;
      ctx.beginPath();
      if (!near) { // a dot, while the households themselves are not drawn
        ctx.arc(x, y, 2.1, 0, 2 * Math.PI);
        ctx.fillStyle = VIOLET;
        ctx.fill();
        ctx.strokeStyle = "rgba(255,255,255,0.9)";
        ctx.lineWidth = 0.9;
        ctx.stroke();
        return;
      }
      ctx.arc(x, y, radius(z) + 1.7, 0, 2 * Math.PI);
      ctx.strokeStyle = VIOLET;
      ctx.lineWidth = Math.max(1.2, radius(z) * 0.32);
      ctx.stroke();
    },
  };
  const layer = tiles(map, {
    url,
    levelDiff: 0,
    maxDataZoom: 16,
    pane: "groups",
    paintRules: [{ dataLayer: "group", symbolizer: draw }],
  });
  layer.bit = 0;
  layer.at = (latlng) => nearest(map, layer, latlng);
  return layer;
}

function nearest(map, layer, latlng) {
  if (!map.hasLayer(layer)) return null;
  const zoom = Math.round(map.getZoom());
  const here = map.project(latlng, zoom);
  const found = layer.queryTileFeaturesDebug(latlng.lng, latlng.lat, Math.max(14, radius(zoom) + 8));
  let best = null;
  let least = Infinity;
  for (const picked of found.values()) {
    for (const { feature } of picked) {
      const z = Math.min(zoom, 16);
      const scale = 2 ** (zoom - z);
      const tile = map.project(latlng, z).divideBy(256).floor();
      const point = L.point(feature.geom[0][0].x, feature.geom[0][0].y).add(tile.multiplyBy(256)).multiplyBy(scale);
      const distance = point.distanceTo(here);
      if (distance < least) {
        least = distance;
        best = Number(feature.id);
      }
    }
  }
  return least <= Math.max(16, radius(zoom) + 8) ? best : null;
}

// --- grids -----------------------------------------------------------------------------------------------------------

function decode(arc, unit) {
  const points = [];
  let x = 0;
  let y = 0;
  for (let i = 0; i < arc.length; i += 2) {
    x += arc[i];
    y += arc[i + 1];
    points.push([y * unit, x * unit]);
  }
  return points;
}

/** Diagonal lines over the class that needs help, so that it can be told without colour. */
function hatch(renderer, color) {
  const svg = renderer._container;
  const defs = document.createElementNS(SVG, "defs");
  const pattern = document.createElementNS(SVG, "pattern");
  for (const [key, value] of Object.entries({ id: "hatch", width: 9, height: 9, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" })) {
    pattern.setAttribute(key, String(value));
  }
  const ground = document.createElementNS(SVG, "rect");
  ground.setAttribute("width", "9");
  ground.setAttribute("height", "9");
  ground.setAttribute("fill", color);
  const stripe = document.createElementNS(SVG, "rect");
  stripe.setAttribute("width", "2");
  stripe.setAttribute("height", "9");
  stripe.setAttribute("fill", "#a8672a");
  stripe.setAttribute("fill-opacity", "0.72");
  pattern.append(ground, stripe);
  defs.append(pattern);
  svg.prepend(defs);
}

/** The widths of a text in pixels, measured once each. */
const measured = new Map();
const ruler = document.createElement("canvas").getContext("2d");
function widthOf(text, font) {
  const key = `${font}|${text}`;
  if (!measured.has(key)) {
    ruler.font = font;
    measured.set(key, ruler.measureText(text).width);
  }
  return measured.get(key);
}

/** Grids: faces, borders drawn once, labels where they fit. */
export function grids(map, options) {
  const { unit, arcs, outer, faces, ramp, opacity, nothing, dash, texts } = options;
  const renderer = L.svg({ pane: "faces", padding: 0.6 });
  const lines = arcs.map((arc) => decode(arc, unit));
  const ringOf = (numbers) => numbers.flatMap((n, i) => {
    const points = n >= 0 ? lines[n] : [...lines[~n]].reverse();
    return i ? points.slice(1) : points;
  });
  const layer = L.featureGroup([], { pane: "faces" });
  /** @type {Map<number, {face: Face, shape: L.Polygon, label: L.Marker, shown: Shown|null}>} */
  const all = new Map();

  for (const face of faces) {
    const shape = L.polygon(face.rings.map(ringOf), {
      renderer, pane: "faces", stroke: false, fillColor: nothing, fillOpacity: opacity, className: "face",
    });
    shape.on("mouseover", () => layer.fire("enter", { id: face.id }));
    shape.on("mouseout", () => layer.fire("leave", { id: face.id }));
    shape.on("click", (event) => layer.fire("choose", { id: face.id, latlng: event.latlng, source: event.originalEvent }));
    const box = document.createElement("div");
    const label = L.marker(face.at, { pane: "labels", interactive: false, keyboard: false, icon: L.divIcon({ className: "grid-label", html: box, iconSize: [0, 0] }) });
    all.set(face.id, { face, shape, label, box, shown: null });
    layer.addLayer(shape);
  }
  const stroke = (numbers, style) => L.polyline(numbers.map((n) => lines[n]), {
    renderer, pane: "faces", interactive: false, lineJoin: "round", lineCap: "round", fill: false, ...style,
  });
  const inner = arcs.map((_, i) => i).filter((i) => !outer.includes(i));
  const edges = [
    stroke(inner, { color: INK, weight: 3.6, opacity: 0.3 }),
    stroke(inner, { color: "#ffffff", weight: 2, opacity: 1 }),
    stroke(outer, { color: INK, weight: 7, opacity: 0.16 }),
    stroke(outer, { color: "#ffffff", weight: 4.5, opacity: 1 }),
  ];
  edges.forEach((edge) => layer.addLayer(edge));
  for (const { face, shape } of all.values()) {
    if (!face.commercial) continue;
    const around = shape.getLatLngs().map((ring) => [...ring, ring[0]]);
    for (const style of [{ color: "#ffffff", weight: 4 }, { color: dash, weight: 2.6, dashArray: "8 6", lineCap: "butt" }]) {
      layer.addLayer(L.polyline(around, { renderer, pane: "faces", interactive: false, opacity: 1, ...style }));
    }
  }
  const chosen = L.polyline([], { renderer, pane: "faces", interactive: false, color: INK, weight: 4.5, opacity: 1, lineJoin: "round" });
  const hovered = L.polyline([], { renderer, pane: "faces", interactive: false, color: INK, weight: 3, opacity: 1, lineJoin: "round" });
  layer.addLayer(chosen);
  layer.addLayer(hovered);

  const outlineOf = (id) => (all.has(id) ? all.get(id).shape.getLatLngs().map((ring) => [...ring, ring[0]]) : []);
  /** The sizes of a label's number and words in pixels: those of map.css. */
  function sizes() {
    const root = getComputedStyle(document.documentElement);
    const rem = parseFloat(root.fontSize);
    return [parseFloat(root.getPropertyValue("--label-n")) * rem, parseFloat(root.getPropertyValue("--label-w")) * rem];
  }

  /** Put a label's words and decide how many fit into the circle at this zoom. */
  function fit(entry, near) {
    const { face, shown, label } = entry;
    if (!shown) return;
    const [large, little] = sizes();
    const across = (2 * face.r * 256 * 2 ** map.getZoom()) / (EARTH_M * Math.cos((face.at[0] * Math.PI) / 180));
    const number = widthOf(shown.short, `700 ${large}px ${FONT}`);
    const small = `600 ${little}px ${FONT}`;
    const value = widthOf(shown.value, small);
    const who = shown.worker ? widthOf(`${shown.worker} `, small) : 0;
    const room = (width, height) => Math.hypot(width, height) <= across + 4;
    const tall = large * 0.8 + little * 1.2;
    let kind = "none";
    if (room(Math.max(number, who + value), tall)) kind = "full";
    else if (room(Math.max(number, value), tall)) kind = "value";
    else if (room(number, large * 0.75)) kind = "number";
    else if (room(number * 0.75, large * 0.56)) kind = "small";
    if (near) kind = face.id === layer.chosen || kind === "none" ? "none" : "number";
    label.getElement()?.setAttribute("data-fit", kind);
  }
  function refit() {
    const thin = fade(map, opacity);
    for (const entry of all.values()) {
      entry.shape.setStyle({ fillOpacity: thin });
      const element = entry.label.getElement();
      if (element && entry.shown) {
        const dark = thin < opacity * 0.7;
        const k = entry.shown.k;
        element.style.setProperty("--text", dark || k < 0 ? INK : texts[k]);
        element.style.setProperty("--halo", dark || k < 0 || texts[k] === INK ? "rgba(255,255,255,0.85)" : "rgba(16,52,66,0.75)");
      }
      fit(entry, thin < opacity);
    }
    map.getContainer().classList.toggle("far", thin === opacity);
    document.documentElement.style.setProperty("--fill", String(thin));
  }
  map.on("zoomend", refit);

  layer.on("add", () => {
    if (!renderer._container.querySelector("#hatch")) hatch(renderer, ramp[0]);
    for (const entry of all.values()) entry.label.addTo(map);
    refit();
  });
  layer.on("remove", () => all.forEach((entry) => entry.label.remove()));
  layer.addTo(map);

  /** Show values: colour and label of each grid. @param {Map<number, Shown>} values */
  layer.show = (values) => {
    for (const [id, entry] of all) {
      const shown = values.get(id) || null;
      entry.shown = shown;
      const k = shown ? shown.k : -1;
      entry.shape.setStyle({ fillColor: k < 0 ? nothing : k === 0 ? "url(#hatch)" : ramp[k] });
      const n = document.createElement("span");
      n.className = "n";
      n.textContent = shown ? shown.short : "";
      const w = document.createElement("span");
      w.className = "w";
      const who = document.createElement("span");
      who.className = "who";
      who.textContent = shown && shown.worker ? `${shown.worker} ` : "";
      w.append(who, document.createTextNode(shown ? shown.value : ""));
      entry.box.replaceChildren(n, w);
    }
    refit();
  };
  layer.hover = (id) => hovered.setLatLngs(id ? outlineOf(id) : []);
  layer.select = (id) => {
    layer.chosen = id;
    chosen.setLatLngs(id ? outlineOf(id) : []);
    refit();
  };
  layer.boundsOf = (id) => (all.has(id) ? all.get(id).shape.getBounds() : null);
  layer.ids = () => [...all.keys()];
  layer.gridAt = (latlng) => {
    for (const [id, { shape }] of all) if (inside(shape.getLatLngs(), latlng)) return id;
    return null;
  };
  return layer;
}

function inside(rings, { lat, lng }) {
  let odd = false;
  for (const ring of rings) {
    for (let i = 0, j = ring.length - 1; i < ring.length; j = i, i += 1) {
      const [a, b] = [ring[i], ring[j]];
      if (a.lat > lat !== b.lat > lat && lng < ((b.lng - a.lng) * (lat - a.lat)) / (b.lat - a.lat) + a.lng) odd = !odd;
    }
  }
  return odd;
}

// --- services ---------------------------------------------------------------------------------------------------------

/** Ask our own server for JSON. */
export async function ask(url) {
  const answer = await fetch(url, { headers: { Accept: "application/json", "X-Gridmap": "1" }, credentials: "same-origin" });
  const body = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(body.error || String(answer.status));
  return body;
}

/** One sentence at the foot of the map; a bad one, or one that is to stay, stays. */
let fading;
export function tell(sentence, { stay = false, bad = false, symbol = bad ? "exclamation-triangle" : "info-circle" } = {}) {
  const box = document.getElementById("toast");
  clearTimeout(fading);
  box.replaceChildren();
  if (!sentence) return;
  const note = document.createElement("div");
  note.className = bad ? "notice bad" : "notice";
  const words = document.createElement("span");
  words.textContent = sentence;
  note.append(icon(symbol), words);
  box.append(note);
  if (!stay && !bad) fading = setTimeout(() => box.replaceChildren(), 6000);
}

/** A bootstrap icon from the page's own sprite. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "i");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `${document.body.dataset.icons}#${name}`);
  svg.append(use);
  return svg;
}

function lazy(layer, map, url, fill) {
  layer.address = url;
  let loaded = null;
  const load = async () => {
    if (loaded === layer.address) return;
    loaded = layer.address;
    layer.clearLayers();
    try {
      fill(await ask(layer.address));
    } catch (error) {
      loaded = null;
      map.fire("gridmap:failed", { sentence: error.message });
    }
  };
  layer.on("add", load);
  layer.move = (next) => {
    layer.address = next;
    if (map.hasLayer(layer)) load();
  };
  return layer;
}

const FACILITY = { vending: "cup-straw", locker: "lock", charging: "lightning-charge" };

function pin(content, className = "") {
  const box = document.createElement("div");
  box.className = `pin ${className}`;
  box.append(content);
  return L.divIcon({ className: "", html: box, iconSize: [32, 32], iconAnchor: className ? [16, 16] : [16, 30], popupAnchor: [0, -26] });
}

/** A card for a popup; every line is text. */
export function card(title, lines) {
  const box = document.createElement("div");
  const head = document.createElement("h3");
  head.textContent = title;
  box.append(head);
  for (const words of lines.filter(Boolean)) {
    const p = document.createElement("p");
    p.textContent = words;
    box.append(p);
  }
  return box;
}

/** Vending machines, lockers, charging points. Pins take no part in the keyboard's way: the list tells the same. */
export function points(map, { url }) {
  const layer = L.featureGroup();
  return lazy(layer, map, url, ({ facilities }) => {
    for (const f of facilities) {
      L.marker([f.lat, f.lon], { icon: pin(icon(FACILITY[f.kind] || "geo-alt")), title: f.name, keyboard: false })
        .bindPopup(() => card(f.name, f.lines), { className: "popup" })
        .addTo(layer);
    }
  });
}

const RUN_COLOURS = ["#7a3e9d", "#0b5fa5", "#a3521a", "#2d6a2f", "#8c1c4b"];

/** Water on its way: routes of one day and their stops. */
export function runs(map, { url }) {
  const layer = L.featureGroup();
  return lazy(layer, map, url, ({ runs: found }) => {
    found.forEach((run, i) => {
      const color = RUN_COLOURS[i % RUN_COLOURS.length];
      const path = run.path.map(([lon, lat]) => [lat, lon]);
      L.polyline(path, { pane: "runs", color: "#ffffff", weight: 7, opacity: 0.9, interactive: false }).addTo(layer);
      L.polyline(path, { pane: "runs", color, weight: 3.5, opacity: 1 }).bindPopup(() => card(run.title, run.lines), { className: "popup" }).addTo(layer);
      for (const stop of run.stops) {
        const marker = L.marker([stop.lat, stop.lon], { icon: pin(document.createTextNode(String(stop.number)), "stop"), title: stop.customer, keyboard: false });
        marker.bindPopup(() => card(stop.customer, stop.lines), { className: "popup" }).addTo(layer);
      }
    });
  });
}
