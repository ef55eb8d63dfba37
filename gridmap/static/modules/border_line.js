/**
 * Drawing a line or a ring by clicking its corners: for cutting, for leading a border along, for a new grid.
 */
/* global L */
import { degrees, whole } from "./border_shapes.js";

/** @param {L.Map} map @param {{snap: (at: L.LatLng, event: object) => L.LatLng, drawn: (points: number) => void, done: () => void}} page */
export function sketching(map, page) {
  const group = L.layerGroup().addTo(map);
  const line = L.polyline([], { color: "#ffffff", weight: 8, opacity: 0.9, interactive: false }).addTo(map);
  const core = L.polyline([], { color: "#b3261e", weight: 3.5, dashArray: "7 5", interactive: false }).addTo(map);
  const next = L.polyline([], { color: "#b3261e", weight: 2, dashArray: "2 6", interactive: false }).addTo(map);
  let points = [];
  let ring = false;
  let on = false;

  function draw() {
    const closed = ring && points.length > 2 ? [...points, points[0]] : points;
    line.setLatLngs(closed);
    core.setLatLngs(closed);
    next.setLatLngs([]);
    group.clearLayers();
    for (const point of points) L.circleMarker(point, { radius: 6, color: "#ffffff", weight: 2, fillColor: "#b3261e", fillOpacity: 1, interactive: false }).addTo(group);
    page.drawn(points.length);
  }
  map.on("click", (event) => {
    if (!on) return;
    const at = page.snap(event.latlng, event.originalEvent || {});
    const end = points.at(-1);
    const near = (one) => map.latLngToContainerPoint(one).distanceTo(map.latLngToContainerPoint(at)) < 10;
    if (end && near(end)) { if (points.length > 1) page.done(); return; } // the second click of a double click ends the line
    if (ring && points.length > 2 && near(points[0])) { page.done(); return; }
    points.push(at);
    draw();
  });
  map.on("mousemove", (event) => {
    if (!on || !points.length) return;
    next.setLatLngs([points.at(-1), page.snap(event.latlng, event.originalEvent || {}), ...(ring && points.length > 1 ? [points[0]] : [])]);
  });
  return {
    /** Begin to draw. @param {{ring: boolean}} options */
    begin(options) { on = true; ring = options.ring; points = []; map.doubleClickZoom.disable(); draw(); },
    end() { on = false; points = []; map.doubleClickZoom.enable(); draw(); },
    back() { points.pop(); draw(); },
    get drawing() { return on; },
    get count() { return points.length; },
    /** What was drawn, as it is sent. */
    sent: () => points.map((point) => degrees(whole(point))),
  };
}
