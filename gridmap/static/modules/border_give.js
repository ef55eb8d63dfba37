/** Giving buildings or compounds to another grid: first the grid that receives, then what it gets. */
/* global L */
import { post } from "./border_send.js";
import { degrees, latlng, whole } from "./border_shapes.js";

/** @param {L.Map} map @param {string} base @param {{drawn: () => void, failed: (error: Error) => void}} page */
export function giving(map, base, page) {
  const group = L.layerGroup().addTo(map);
  const picked = new Map(); // id -> its shape on the map
  let to = null;

  const rings = (shape) => shape.map((flat) => {
    const points = [];
    let [x, y] = [0, 0];
    for (let i = 0; i < flat.length; i += 2) { x += flat[i]; y += flat[i + 1]; points.push(latlng([x, y])); }
    return points;
  });
  function clear() {
    group.clearLayers();
    picked.clear();
  }
  const made = {
    unit: "building",
    get to() { return to; },
    get count() { return picked.size; },
    ids: () => [...picked.keys()],
    forget: clear,
    begin() { clear(); to = null; },
    end() { clear(); to = null; },
    back() {
      if (picked.size) { const last = [...picked.keys()].at(-1); picked.get(last).remove(); picked.delete(last); }
      else to = null;
      page.drawn();
    },
    /** @param {L.LatLng} where @param {number|null} key  the grid there */
    async click(where, key) {
      if (to === null) {
        to = key;
        page.drawn();
        return;
      }
      try {
        const found = await post(`${base}/ground`, { at: degrees(whole(where)), unit: made.unit });
        const known = picked.get(found.id);
        if (known) { known.remove(); picked.delete(found.id); }
        else picked.set(found.id, L.polygon(rings(found.rings), { color: "#0b6fb8", weight: 3, fillColor: "#0b6fb8", fillOpacity: 0.35, interactive: false }).addTo(group));
        page.drawn();
      } catch (error) {
        page.failed(error);
      }
    },
  };
  return made;
}
