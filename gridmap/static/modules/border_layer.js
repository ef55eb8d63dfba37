/**
 * The borders on the map: each drawn once, on top of the paper; faces only where there is something to say of them.
 * What is dragged is redrawn alone, so that it costs the same with 19 and with 1,000 grids.
 */
/* global L */
import { latlng } from "./border_shapes.js";

const INK = "#17303a";
const TEAL = "#1d6273";
const WAS = "#4a5a61";
const FACES = {
  gains: { fillColor: "#2f7f78", fillOpacity: 0.24 },
  loses: { fillColor: "#c98a12", fillOpacity: 0.26 },
  other: { fillColor: TEAL, fillOpacity: 0.12 },
  locked: { fillColor: "#5c6770", fillOpacity: 0.2 },
  wanted: { fillColor: "#0b6fb8", fillOpacity: 0.2 },
};

/** @param {L.Map} map @param {import("./border_shapes.js").Shapes} shapes */
export function drawing(map, shapes) {
  const svg = (name, z) => {
    const pane = map.createPane(name);
    pane.style.zIndex = String(z);
    pane.style.pointerEvents = "none";
    return L.svg({ pane: name, padding: 0.6 });
  };
  const ground = svg("border-faces", 340);
  const lines = svg("border-lines", 400);
  const live = svg("border-live", 405);
  const line = (renderer, style) => L.polyline([], { renderer, pane: renderer.options.pane, interactive: false, fill: false, lineJoin: "round", lineCap: "round", ...style }).addTo(map);

  const veil = L.polygon([], { renderer: ground, pane: "border-faces", interactive: false, stroke: false, fillColor: "#ece7dc", fillOpacity: 0.62 }).addTo(map);
  const still = [
    line(lines, { color: "#ffffff", weight: 6, opacity: 0.9 }),
    line(lines, { color: INK, weight: 2.2, opacity: 0.85 }),
  ];
  const outer = [
    line(lines, { color: "#ffffff", weight: 8, opacity: 0.9 }),
    line(lines, { color: INK, weight: 4, opacity: 0.55 }),
  ];
  const before = line(lines, { color: WAS, weight: 3.2, dashArray: "0.1 7", opacity: 1 });
  const active = [
    line(live, { color: "#ffffff", weight: 9, opacity: 0.95 }),
    line(live, { color: "#0b6fb8", weight: 4.5, opacity: 1 }),
  ];
  const dashes = [
    line(lines, { color: "#ffffff", weight: 5 }),
    line(lines, { color: "#7a4a00", weight: 2.6, dashArray: "8 6", lineCap: "butt" }),
  ];
  const faces = new Map(); // key -> polygon, of the grids something is said of
  const labels = new Map();
  let shown = []; // the arcs that are drawn as chosen or dragged

  const isOuter = (arc) => arc.keys[0] === 0;
  const commercial = (arc) => arc.keys.some((key) => shapes.grids.get(key)?.kind === "commercial");

  /** Draw everything anew: after the server has answered. */
  function all() {
    const held = new Set(shown.map((arc) => arc.id));
    const inner = [];
    const around = [];
    const dashed = [];
    for (const arc of shapes.arcs.values()) {
      if (held.has(arc.id)) continue;
      const points = shapes.line(arc);
      (isOuter(arc) ? around : commercial(arc) ? dashed : inner).push(points);
    }
    still.forEach((one) => one.setLatLngs(inner));
    outer.forEach((one) => one.setLatLngs(around));
    dashes.forEach((one) => one.setLatLngs(dashed));
    lift();
  }
  /** Draw the chosen arcs where their vertices are now. */
  function lift() {
    const points = shown.map((arc) => shapes.line(arc));
    active.forEach((one) => one.setLatLngs(points));
  }
  function choose(arcs) {
    const same = arcs.length === shown.length && arcs.every((arc, i) => arc.id === shown[i].id);
    shown = arcs;
    if (same) lift();
    else all();
  }
  function around() {
    const world = [[-85, -180], [-85, 180], [85, 180], [85, -180]];
    veil.setLatLngs([world, ...shapes.outline()]);
  }

  /** Show where borders were and are no more, as a dashed line. @param {[number, number][][]} rings */
  function was(rings) {
    const still = (a, b) => {
      const [one, other] = [shapes.find(a), shapes.find(b)];
      return one !== undefined && other !== undefined && shapes.beside(one, other);
    };
    const pieces = [];
    for (const ring of rings) {
      let piece = [];
      for (let i = 1; i < ring.length; i += 1) {
        if (still(ring[i - 1], ring[i])) { piece = []; continue; }
        if (!piece.length) pieces.push(piece = [latlng(ring[i - 1])]);
        piece.push(latlng(ring[i]));
      }
    }
    before.setLatLngs(pieces);
  }

  /** Tint grids: key -> one of FACES. */
  function tint(kinds) {
    for (const [key, face] of faces) {
      if (kinds.has(key) && shapes.grids.has(key)) continue;
      face.remove();
      faces.delete(key);
    }
    for (const [key, kind] of kinds) {
      if (!shapes.grids.has(key)) continue;
      const style = { stroke: false, ...FACES[kind] };
      if (faces.has(key)) faces.get(key).setStyle(style).setLatLngs(shapes.face(key));
      else faces.set(key, L.polygon(shapes.face(key), { renderer: ground, pane: "border-faces", interactive: false, ...style }).addTo(map));
    }
  }
  /** Redraw the tinted faces among some grids: while something is dragged. */
  function reshape(keys) {
    for (const key of keys) faces.get(key)?.setLatLngs(shapes.face(key));
    lift();
  }

  /** Put a label on each grid: its number, and below it what happens to it. @param {Map<number, string>} words */
  function name(words) {
    for (const [key, { marker }] of labels) if (!shapes.grids.has(key)) { marker.remove(); labels.delete(key); }
    for (const [key, grid] of shapes.grids) {
      let label = labels.get(key);
      if (!label) {
        const box = document.createElement("div");
        const icon = L.divIcon({ className: "grid-label border-label", html: box, iconSize: [0, 0] });
        label = { box, marker: L.marker([grid.at[1], grid.at[0]], { pane: "labels", interactive: false, keyboard: false, icon }).addTo(map) };
        labels.set(key, label);
      }
      label.marker.setLatLng([grid.at[1], grid.at[0]]);
      const number = document.createElement("span");
      number.className = "n";
      number.textContent = grid.short;
      const below = document.createElement("span");
      below.className = "w";
      below.textContent = words.get(key) || "";
      label.box.replaceChildren(number, below);
      label.box.classList.toggle("moved", words.has(key));
      label.box.classList.toggle("locked", grid.locked);
    }
    fit();
  }
  /** Hide a label that is wider than its grid. */
  function fit() {
    const metre = 256 * 2 ** map.getZoom() / 40075016.686;
    for (const [key, { box }] of labels) {
      const grid = shapes.grids.get(key);
      const across = (2 * grid.r * metre) / Math.cos((grid.at[1] * Math.PI) / 180);
      box.parentElement?.setAttribute("data-fit", across < 15 ? "none" : across < 34 ? "small" : "full");
    }
  }
  map.on("zoomend", fit);

  return {
    all, choose, tint, reshape, name, around,
    was,
    get shown() { return shown; },
  };
}
