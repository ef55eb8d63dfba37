/** Snapping to streets and walls: what is dragged or drawn near one of them lands on it. Shift does the other of the two. */
/* global L */
import { ask } from "./stage.js";
import { UNIT, latlng } from "./border_shapes.js";

const NEAR_PX = 13;
const FROM_ZOOM = 15;

/** @param {L.Map} map @param {string} base */
export function snapping(map, base) {
  let on = false;
  let lines = [];
  let loaded = null;
  const mark = L.circleMarker([0, 0], { radius: 7, color: "#0b6fb8", weight: 2.5, fill: false, interactive: false });

  async function load() {
    if (map.getZoom() < FROM_ZOOM) return;
    if (loaded?.contains(map.getBounds())) return;
    const b = map.getBounds().pad(0.4);
    loaded = b;
    const box = [b.getWest(), b.getSouth(), b.getEast(), b.getNorth()].map((x) => x.toFixed(6)).join(",");
    try {
      const told = await ask(`${base}/lines.json?box=${box}`);
      lines = told.lines.map((flat) => {
        const points = [];
        let [x, y] = [0, 0];
        for (let i = 0; i < flat.length; i += 2) { x += flat[i]; y += flat[i + 1]; points.push([x, y]); }
        return points;
      });
    } catch {
      loaded = null; // asked for again at the next move of the map; until then nothing snaps
    }
  }
  function nearest(where) {
    const here = map.latLngToContainerPoint(where);
    const span = Math.abs(map.containerPointToLatLng(here.add([NEAR_PX, 0])).lng - where.lng) / UNIT;
    const [x, y] = [where.lng / UNIT, where.lat / UNIT];
    let best = null;
    let least = NEAR_PX;
    for (const line of lines) {
      for (let i = 1; i < line.length; i += 1) {
        const [a, b] = [line[i - 1], line[i]];
        if (Math.max(a[0], b[0]) < x - span || Math.min(a[0], b[0]) > x + span || Math.max(a[1], b[1]) < y - span || Math.min(a[1], b[1]) > y + span) continue;
        const [p, q] = [map.latLngToContainerPoint(latlng(a)), map.latLngToContainerPoint(latlng(b))];
        const on2 = L.LineUtil.closestPointOnSegment(here, p, q);
        const corner = [p, q].find((end) => end.distanceTo(here) < NEAR_PX * 0.6); // corners draw more than lines
        const far = corner ? corner.distanceTo(here) * 0.5 : on2.distanceTo(here);
        if (far < least) { least = far; best = corner || on2; }
      }
    }
    return best && map.containerPointToLatLng(best);
  }
  return {
    load,
    get on() { return on; },
    toggle() { on = !on; if (on) load(); else mark.remove(); return on; },
    /** Where a pointer means. @param {L.LatLng} where */
    at(where, event) {
      if (on === Boolean(event.shiftKey)) { mark.remove(); return where; }
      const found = nearest(where);
      if (found) mark.setLatLng(found).addTo(map);
      else mark.remove();
      return found || where;
    },
  };
}
