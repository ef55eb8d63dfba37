/**
 * A walk on the map: each leg on the right-hand side of its street, so that there and back are two lines; arrows in
 * it; stairs dashed; gates; numbered stops that step aside for each other. Ids and numbers only.
 *
 * @typedef {{n: number, p: number[], k: [number, number, number][]}} Leg  p: lon, lat, lon, lat, ...; k: kind, first, last vertex
 * @typedef {{n: number, at: [number, number], errand: boolean, done: boolean}} Stop
 * @typedef {{at: [number, number], barred: boolean}} Gate
 */
/* global L */
import { icon } from "./stage.js";

const [STEPS, ACCESS] = [2, 4];
const ARROW_EVERY = 76; // pixels
const APART_REM = 1.95; // between the middles of two numbers
const FARTHEST_REM = 3.6; // a number may stand so far from its door

// --- geometry in pixels ----------------------------------------------------------------------------------------------

/** Shift a line to the right of its direction; its ends stay where they are. @param {L.Point[]} line */
export function shifted(line, by) {
  const points = line.filter((p, i) => !i || p.distanceTo(line[i - 1]) > 0.01);
  if (points.length < 3 || !by) return points;
  const normal = (a, b) => {
    const d = a.distanceTo(b);
    return L.point(-(b.y - a.y) / d, (b.x - a.x) / d);
  };
  return points.map((p, i) => {
    if (i === 0 || i === points.length - 1) return p;
    const before = normal(points[i - 1], p);
    const after = normal(p, points[i + 1]);
    const sum = before.add(after);
    const long = Math.hypot(sum.x, sum.y);
    if (long < 0.5) return p.add(before.multiplyBy(by)); // a turn on the heel
    const miter = Math.min(2, 2 / long);
    return p.add(sum.multiplyBy((by * miter) / long));
  });
}

/** Arrow heads along a line: three points each. @param {L.Point[]} line */
export function arrows(line, every = ARROW_EVERY, size = 4.2) {
  const total = line.reduce((sum, p, i) => sum + (i ? p.distanceTo(line[i - 1]) : 0), 0);
  if (total < 26) return [];
  const count = Math.max(1, Math.floor(total / every));
  const heads = [];
  let [i, gone] = [1, 0];
  for (let n = 0; n < count; n += 1) {
    const wanted = (total * (n + 0.5)) / count;
    while (i < line.length - 1 && gone + line[i].distanceTo(line[i - 1]) < wanted) {
      gone += line[i].distanceTo(line[i - 1]);
      i += 1;
    }
    const [a, b] = [line[i - 1], line[i]];
    const long = a.distanceTo(b);
    if (long < size) continue;
    const along = b.subtract(a).divideBy(long);
    const across = L.point(-along.y, along.x);
    const tip = a.add(along.multiplyBy(wanted - gone + size * 0.6));
    const back = tip.subtract(along.multiplyBy(size));
    heads.push([back.add(across.multiplyBy(size * 0.85)), tip, back.subtract(across.multiplyBy(size * 0.85))]);
  }
  return heads;
}

/** Where labels stand so that none covers another: pushed apart, not far from their own place. @param {L.Point[]} at */
export function apart(at, least, farthest) {
  const placed = at.map((p, i) => p.add([Math.cos(i * 2.4) * 0.6, Math.sin(i * 2.4) * 0.6]));
  for (let round = 0; round < 60; round += 1) {
    let moved = false;
    for (let i = 0; i < placed.length; i += 1) {
      for (let j = i + 1; j < placed.length; j += 1) {
        const gap = placed[j].subtract(placed[i]);
        const d = Math.hypot(gap.x, gap.y) || 0.01;
        if (d >= least) continue;
        const push = gap.multiplyBy((least - d) / d / 2);
        placed[i] = placed[i].subtract(push);
        placed[j] = placed[j].add(push);
        moved = true;
      }
    }
    placed.forEach((p, i) => {
      const off = p.subtract(at[i]);
      const d = Math.hypot(off.x, off.y);
      if (d > farthest) placed[i] = at[i].add(off.multiplyBy(farthest / d));
    });
    if (!moved) break;
  }
  return placed.map((p, i) => (p.distanceTo(at[i]) < 2 ? at[i] : p));
}

// --- drawing ---------------------------------------------------------------------------------------------------------

function sign(className, content) {
  const box = document.createElement("div");
  box.className = className;
  box.append(content);
  return L.divIcon({ className: "", html: box, iconSize: [0, 0] });
}

/** Draw a walk. @param {L.Map} map @param {{start: number[], end: number[], legs: Leg[], stops: Stop[], gates: Gate[], colours: Record<string, string>}} options */
export function draw(map, { start, end, legs, stops, gates, colours }) {
  const renderer = L.svg({ pane: "runs", padding: 0.6 });
  const layer = L.featureGroup([]);
  const lines = L.featureGroup([]).addTo(layer);
  const leaders = L.featureGroup([]).addTo(layer);
  layer.done = new Set(stops.filter((stop) => stop.done).map((stop) => stop.n));
  layer.chosen = null;

  const next = () => stops.find((stop) => !layer.done.has(stop.n))?.n ?? 0;
  const lookOf = (n) => {
    if (n && layer.done.has(n)) return { color: colours.done, weight: 3.5, arrows: false };
    if (n === next()) return { color: colours.next, weight: 7.5, arrows: true };
    return { color: colours.ahead, weight: 5.5, arrows: true };
  };

  function drawLegs() {
    lines.clearLayers();
    const zoom = map.getZoom();
    const by = zoom < 15.5 ? 2 : 3.6;
    const back = (points) => points.map((p) => map.unproject(p, zoom));
    const put = (latlngs, style) => L.polyline(latlngs, { renderer, pane: "runs", interactive: false, lineJoin: "round", lineCap: "round", opacity: 1, ...style }).addTo(lines);
    const heads = [];
    const current = next();
    const inOrder = [...legs].sort((a, b) => rank(a.n) - rank(b.n));
    function rank(n) { return n && layer.done.has(n) ? 0 : n === current ? 2 : 1; }
    for (const leg of inOrder) {
      const look = lookOf(leg.n);
      const vertices = [];
      for (let i = 0; i < leg.p.length; i += 2) vertices.push(map.project([leg.p[i + 1], leg.p[i]], zoom));
      const runs = leg.k.length ? leg.k : [[0, 0, vertices.length - 1]];
      const stairs = [];
      const level = [];
      for (const [kind, first, last] of runs) {
        const piece = vertices.slice(first, last + 1);
        if (kind === ACCESS) put(back(piece), { color: look.color, weight: 3, dashArray: "0.5 6" });
        else if (kind === STEPS) stairs.push([first, last]);
        if (kind !== ACCESS) {
          const joined = level.at(-1);
          if (joined && joined[1] === first) joined[1] = last;
          else level.push([first, last]);
        }
      }
      for (const [first, last] of level) {
        const line = shifted(vertices.slice(first, last + 1), by);
        if (line.length < 2) continue;
        put(back(line), { color: "#ffffff", weight: look.weight + 4, opacity: 0.95 });
        put(back(line), { color: look.color, weight: look.weight });
        if (look.arrows) heads.push(...arrows(line, ARROW_EVERY, look.weight * 0.62));
      }
      for (const [first, last] of stairs) {
        const line = back(shifted(vertices.slice(first, last + 1), by));
        put(line, { color: "#ffffff", weight: look.weight + 5, lineCap: "butt" });
        put(line, { color: colours.stair, weight: look.weight + 3, dashArray: "3 3", lineCap: "butt", className: "stair" });
      }
    }
    if (heads.length) put(heads.map(back), { color: "#ffffff", weight: 1.9, className: "arrows" });
  }

  // --- gates, ends, stops ---

  for (const [i, gate] of gates.entries()) {
    L.marker(gate.at, { icon: sign(`gate-sign${gate.barred ? " barred" : ""}`, icon(gate.barred ? "slash-circle" : "door-open")), keyboard: false })
      .on("click", () => layer.fire("gate", { gate: i, at: gate.at }))
      .addTo(layer);
  }
  const same = map.project(start, 20).distanceTo(map.project(end, 20)) < 12;
  const ends = [["start", start], ...(same ? [] : [["end", end]])].map(([name, at]) => {
    const marker = L.marker(at, { icon: sign(`end-sign ${name}`, icon(name === "start" ? "house" : "flag")), keyboard: false, zIndexOffset: -500 }).addTo(layer);
    marker.on("click", () => layer.fire("end", { name, both: same, at }));
    return marker;
  });
  const pins = stops.map((stop) => {
    const marker = L.marker(stop.at, { icon: sign("walk-pin", document.createTextNode(String(stop.n))), keyboard: false, zIndexOffset: 1000 - stop.n });
    marker.on("click", () => layer.fire("choose", { n: stop.n }));
    return marker.addTo(layer);
  });

  function drawStops() {
    const zoom = map.getZoom();
    const truly = [...stops.map((stop) => stop.at), ...ends.map((marker) => marker.getLatLng())].map((at) => map.project(at, zoom));
    const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
    const placed = apart(truly, APART_REM * rem, FARTHEST_REM * rem);
    leaders.clearLayers();
    const current = next();
    [...pins, ...ends].forEach((marker, i) => {
      marker.setLatLng(map.unproject(placed[i], zoom));
      if (placed[i].distanceTo(truly[i]) > 8) {
        const [from, to] = [map.unproject(truly[i], zoom), map.unproject(placed[i], zoom)];
        L.polyline([from, to], { renderer, pane: "runs", color: colours.next, weight: 1.5, interactive: false }).addTo(leaders);
        L.circleMarker(from, { renderer, pane: "runs", radius: 3.5, color: "#ffffff", weight: 1.5, fillColor: colours.next, fillOpacity: 1, interactive: false }).addTo(leaders);
      }
    });
    pins.forEach((marker, i) => {
      const { n, errand } = stops[i];
      const box = marker.getElement()?.firstElementChild;
      if (!box) return;
      box.className = `walk-pin${errand ? " errand" : ""}${layer.done.has(n) ? " done" : ""}${n === current ? " next" : ""}${n === layer.chosen ? " chosen" : ""}`;
      marker.setZIndexOffset(n === layer.chosen ? 4000 : n === current ? 3000 : 1000 - n);
    });
  }
  const redraw = () => { drawLegs(); drawStops(); };
  map.on("zoomend", () => { if (map.hasLayer(layer)) redraw(); });
  layer.on("add", redraw);
  layer.addTo(map);

  /** Emphasise a stop. */
  layer.choose = (n) => { layer.chosen = n; drawStops(); };
  /** Tell which stops are done. @param {Set<number>} done */
  layer.finish = (done) => { layer.done = done; redraw(); };
  layer.next = next;
  layer.whole = () => {
    const all = L.latLngBounds([start, end, ...stops.map((stop) => stop.at)]);
    for (const leg of legs) for (let i = 0; i < leg.p.length; i += 2) all.extend([leg.p[i + 1], leg.p[i]]);
    return all;
  };
  /** Where the stops are: without the way there and back, which may be far longer. */
  layer.places = () => (stops.length ? L.latLngBounds(stops.map((stop) => stop.at)) : layer.whole());
  /** What is around a stop: its way and itself. */
  layer.around = (n) => {
    const stop = stops.find((one) => one.n === n);
    const leg = legs.find((one) => one.n === n);
    const all = L.latLngBounds([stop.at, stop.at]);
    if (leg && n !== stops[0].n) for (let i = 0; i < leg.p.length; i += 2) all.extend([leg.p[i + 1], leg.p[i]]);
    return all;
  };
  return layer;
}
