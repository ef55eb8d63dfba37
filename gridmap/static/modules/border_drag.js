/**
 * Taking hold of a border: handles where it can be held at this zoom, and what a hand does with them.
 *
 * Borders have a vertex every few metres. From afar a handle stands for a stretch: what is dragged takes the vertices up
 * to the next handles along, less the further away they are. From near every vertex has its own handle.
 */
/* global L */
import { degrees, latlng, whole } from "./border_shapes.js";

const NODE_PX = 22; // how large a handle looks
const APART_PX = 46; // handles are never nearer than a finger
const FAR_PX = 150; // longer stretches get a handle in the middle
const LINE_PX = 14; // how near to a line a mouse has it
const START_PX = 4; // what a hand trembles
const LONG_MS = 600;

/** Half of the hit area: 44 px, 60 px with large text. */
const reach = () => (document.documentElement.classList.contains("large") ? 30 : 22);

/**
 * @param {L.Map} map @param {import("./border_shapes.js").Shapes} shapes
 * @param {ReturnType<import("./border_layer.js").drawing>} layer
 * @param {{ready: () => boolean, snap: (at: L.LatLng, event: {shiftKey: boolean}) => L.LatLng, touched: (keys: Set<number>) => void,
 *   moving: (operation: object|null) => void, moved: (operation: object) => Promise<boolean>, removed: (operation: object) => void,
 *   chosen: (arc: object|null) => void, barred: (handle: object) => string, told: (why: string) => void}} page
 *   barred: why this cannot be held, "" when it can
 */
export function dragging(map, shapes, layer, page) {
  const box = map.getContainer();
  const group = L.layerGroup().addTo(map);
  const pane = map.createPane("border-nodes");
  pane.style.zIndex = "460";
  pane.style.pointerEvents = "none";
  /** @type {{id: number|null, at: [number, number], arc: object, index: number, marker: L.Marker, ghost: boolean}[]} */
  let handles = [];
  let picked = null; // the arc a person chose; it keeps its handles
  let hand = null; // what is being dragged
  let focused = null; // the vertex the keyboard holds
  let last = { id: null, at: 0 };

  const pixel = (id) => map.latLngToContainerPoint(latlng(shapes.point(id)));

  // --- handles ---------------------------------------------------------------------------------------------------------

  /** The indexes of an arc's vertices that have a handle at this zoom: ends, corners that matter, and no two too near. */
  function held(arc) {
    const at = arc.points.map(pixel);
    const end = at.length - 1;
    const kept = [0, end];
    const free = (i) => kept.every((k) => at[k].distanceTo(at[i]) >= APART_PX);
    const off = (a, b, i) => L.LineUtil.pointToSegmentDistance(at[i], at[a], at[b]);
    const split = (a, b) => {
      let best = -1;
      let most = 2.5;
      for (let i = a + 1; i < b; i += 1) {
        const far = off(a, b, i);
        if (far > most && free(i)) { most = far; best = i; }
      }
      if (best < 0) { // a straight stretch: a handle in the middle, if it is long
        let gone = 0;
        const goal = lengthOf(at, a, b) / 2;
        if (goal * 2 < FAR_PX) return;
        for (let i = a + 1; i < b; i += 1) {
          gone += at[i].distanceTo(at[i - 1]);
          if (gone >= goal) { if (free(i)) best = i; break; }
        }
        if (best < 0) return;
      }
      kept.push(best);
      split(a, best);
      split(best, b);
    };
    if (arc.closed) {
      let far = 0;
      for (let i = 1; i < end; i += 1) if (at[i].distanceTo(at[0]) > at[far].distanceTo(at[0])) far = i;
      if (far) { kept.push(far); split(0, far); split(far, end); }
    } else split(0, end);
    return [...new Set(kept)].sort((a, b) => a - b).filter((i) => !(arc.closed && i === end));
  }
  const lengthOf = (at, a, b) => { let sum = 0; for (let i = a + 1; i <= b; i += 1) sum += at[i].distanceTo(at[i - 1]); return sum; };

  function marker(at, kind) {
    const html = document.createElement("div");
    html.className = `border-node ${kind}`;
    return L.marker(latlng(at), { pane: "border-nodes", interactive: false, keyboard: false, icon: L.divIcon({ className: "", html, iconSize: [0, 0] }) });
  }
  /** Show the handles of some arcs, and of a vertex the keyboard holds. */
  function show(arcs) {
    layer.choose(arcs);
    group.clearLayers();
    handles = [];
    const known = new Set();
    for (const arc of arcs) {
      if (arc.keys[0] === 0) continue;
      const indexes = held(arc);
      for (const index of indexes) {
        const id = arc.points[index];
        if (known.has(id)) continue;
        known.add(id);
        const kind = shapes.node[id] ? "junction" : "";
        handles.push({ id, at: shapes.point(id), arc, index, ghost: false, marker: marker(shapes.point(id), `${kind}${id === focused ? " focused" : ""}`) });
      }
      indexes.slice(1).forEach((b, n) => { // where two handles are direct neighbours and far apart, one can be put between
        const a = indexes[n];
        if (b - a !== 1 || pixel(arc.points[a]).distanceTo(pixel(arc.points[b])) < 2 * APART_PX) return;
        const [p, q] = [shapes.point(arc.points[a]), shapes.point(arc.points[b])];
        const at = [Math.round((p[0] + q[0]) / 2), Math.round((p[1] + q[1]) / 2)];
        handles.push({ id: null, at, arc, index: a, ghost: true, marker: marker(at, "ghost") });
      });
    }
    handles.forEach((one) => one.marker.addTo(group));
  }
  function refresh() {
    if (picked && !shapes.arcs.has(picked.id)) picked = near(picked);
    show(picked ? [picked] : []);
  }
  /** After the server answered, arcs have other names: the one with the same grids beside it that is nearest. */
  function near(arc) {
    const twins = [...shapes.arcs.values()].filter((one) => one.keys[0] === arc.keys[0] && one.keys[1] === arc.keys[1]);
    return twins.length === 1 ? twins[0] : null;
  }

  // --- what lies under a pointer -----------------------------------------------------------------------------------------

  const place = (event) => map.mouseEventToContainerPoint(event);
  function handleAt(point) {
    let best = null;
    let least = reach();
    for (const one of handles) {
      const far = map.latLngToContainerPoint(latlng(one.at)).distanceTo(point) + (one.ghost ? 4 : 0);
      if (far <= least) { least = far; best = one; }
    }
    return best;
  }
  /** The arc under a point, with the vertex it is nearest to and the segment. */
  function arcAt(point, within) {
    const corner = (x, y) => whole(map.containerPointToLatLng([x, y]));
    const [west, north] = corner(point.x - within, point.y - within);
    const [east, south] = corner(point.x + within, point.y + within);
    let best = null;
    let least = within;
    for (const arc of shapes.arcs.values()) {
      for (let i = 1; i < arc.points.length; i += 1) {
        const [a, b] = [arc.points[i - 1], arc.points[i]];
        if (Math.max(shapes.x[a], shapes.x[b]) < west || Math.min(shapes.x[a], shapes.x[b]) > east
          || Math.max(shapes.y[a], shapes.y[b]) < south || Math.min(shapes.y[a], shapes.y[b]) > north) continue;
        const far = L.LineUtil.pointToSegmentDistance(point, pixel(a), pixel(b));
        if (far < least) { least = far; best = { arc, index: i - 1 }; }
      }
    }
    return best;
  }

  // --- a drag --------------------------------------------------------------------------------------------------------------

  /** The vertices that come along, each with its share of the way, and where nothing moves any more. */
  function follow(id) {
    const shares = new Map([[id, 1]]);
    const ends = [];
    for (const [arc, index] of shapes.at[id]) {
      const stops = arc.keys[0] === 0 ? arc.points.map((_, i) => i) : held(arc);
      const closed = arc.closed ? arc.points.length - 1 : 0;
      for (const step of [-1, 1]) {
        const run = [];
        let i = index;
        for (;;) {
          i += step;
          if (closed) i = (i + closed) % closed;
          if (i < 0 || i >= arc.points.length || run.length > arc.points.length) break;
          run.push(i);
          if (stops.includes(i)) break;
        }
        if (!run.length) continue;
        const path = [index, ...run].map((k) => arc.points[k]);
        ends.push(path.at(-1));
        const gone = [0];
        for (let k = 1; k < path.length; k += 1) gone.push(gone[k - 1] + apart(path[k - 1], path[k]));
        path.slice(1, -1).forEach((vertex, k) => shares.set(vertex, 1 - gone[k + 1] / gone.at(-1)));
      }
    }
    return { shares, ends };
  }
  const apart = (a, b) => map.distance(latlng(shapes.point(a)), latlng(shapes.point(b)));

  /** Begin to drag a handle, or a place on an arc that has none. */
  function take(handle) {
    const keys = new Set(handle.arc.keys);
    let { id } = handle;
    let inserted = null;
    if (handle.ghost) {
      inserted = handle.at;
      id = shapes.vertex(...handle.at);
      handle.arc.points.splice(handle.index + 1, 0, id);
      shapes.at[id] = [];
      for (const key of keys) {
        for (const loop of shapes.grids.get(key)?.loops || []) {
          const [a, b] = [handle.arc.points[handle.index], handle.arc.points[handle.index + 2]];
          for (let i = 0; i < loop.length; i += 1) {
            const next = loop[(i + 1) % loop.length];
            if ((loop[i] === a && next === b) || (loop[i] === b && next === a)) { loop.splice(i + 1, 0, id); break; }
          }
        }
      }
    }
    const { shares, ends } = inserted ? { shares: new Map([[id, 1]]), ends: [] } : follow(id);
    for (const vertex of shares.keys()) for (const key of shapes.holders(vertex)) keys.add(key);
    keys.delete(0);
    const arcs = inserted ? [handle.arc] : [...new Set([...shares.keys()].flatMap((vertex) => shapes.at[vertex].map(([arc]) => arc)))];
    const from = new Map([...shares.keys()].map((vertex) => [vertex, shapes.point(vertex)]));
    return { handle, id, inserted, shares, ends, keys, arcs, from, to: shapes.point(id), moved: false };
  }
  /** Put what is dragged where the hand is. */
  function bend(drag, to) {
    const [x0, y0] = drag.from.get(drag.id);
    for (const [vertex, share] of drag.shares) {
      const [x, y] = drag.from.get(vertex);
      shapes.x[vertex] = Math.round(x + share * (to[0] - x0));
      shapes.y[vertex] = Math.round(y + share * (to[1] - y0));
    }
    drag.to = to;
    drag.handle.marker.setLatLng(latlng(to));
    layer.reshape(drag.keys);
  }
  function back(drag) {
    for (const [vertex, [x, y]] of drag.from) { shapes.x[vertex] = x; shapes.y[vertex] = y; }
    if (drag.inserted) {
      drag.handle.arc.points.splice(drag.handle.index + 1, 1);
      for (const key of drag.keys) for (const loop of shapes.grids.get(key).loops) if (loop.includes(drag.id)) loop.splice(loop.indexOf(drag.id), 1);
    }
  }
  /** The operation as the server takes it. */
  function operation(drag) {
    const at = degrees(drag.from.get(drag.id));
    const to = degrees(drag.to);
    if (drag.inserted) return { kind: "insert", at, to };
    if (drag.shares.size === 1) return { kind: "move", at, to };
    return { kind: "bend", moves: [...drag.from].map(([vertex, place]) => [degrees(place), degrees(shapes.point(vertex))]) };
  }

  /** Let a drag glide back to where it began. */
  function bounce(drag) {
    const [x1, y1] = drag.to;
    const [x0, y0] = drag.from.get(drag.id);
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const began = performance.now();
    return new Promise((done) => {
      const step = (now) => {
        const left = calm ? 0 : Math.max(0, 1 - (now - began) / 180) ** 2;
        if (left > 0) {
          bend(drag, [x0 + (x1 - x0) * left, y0 + (y1 - y0) * left]);
          requestAnimationFrame(step);
          return;
        }
        back(drag);
        layer.reshape(drag.keys);
        refresh();
        done();
      };
      step(began);
    });
  }
  async function drop(drag) {
    const kept = await page.moved(operation(drag));
    if (!kept) await bounce(drag);
  }

  // --- the hand ------------------------------------------------------------------------------------------------------------

  function found(event) {
    const point = place(event);
    const handle = handleAt(point);
    if (handle) return handle;
    const finger = event.pointerType === "touch"; // it moves the map unless the border was chosen before
    const under = arcAt(point, finger ? reach() : LINE_PX);
    if (!under || under.arc.keys[0] === 0 || (finger && under.arc !== picked)) return null;
    const { arc, index } = under;
    const [a, b] = [arc.points[index], arc.points[index + 1]];
    const nearest = pixel(a).distanceTo(point) < pixel(b).distanceTo(point) ? index : index + 1;
    const id = arc.points[nearest];
    if (pixel(id).distanceTo(point) <= APART_PX / 2) return { id, at: shapes.point(id), arc, index: nearest, ghost: false, marker: marker(shapes.point(id), "").addTo(group) };
    const at = whole(map.containerPointToLatLng(L.LineUtil.closestPointOnSegment(point, pixel(a), pixel(b))));
    return { id: null, at, arc, index, ghost: true, marker: marker(at, "").addTo(group) };
  }
  function down(event) {
    if (!page.ready() || event.button > 0 || event.target.closest(".leaflet-control")) return;
    if (hand || !event.isPrimary) { cancel(); return; }
    const handle = found(event);
    if (!handle) return;
    event.stopPropagation();
    map.dragging.disable();
    const why = page.barred(handle);
    hand = { handle, start: place(event), pointer: event.pointerId, drag: null, why, held: Date.now(), kind: event.pointerType, calm: true };
    if (event.pointerType === "touch") hand.timer = setTimeout(() => { if (hand?.calm) { const { handle: one } = hand; letGo(); remove(one); } }, LONG_MS);
    box.setPointerCapture(event.pointerId);
  }
  function move(event) {
    if (!hand) { if (event.pointerType !== "touch") hover(event); return; }
    if (event.pointerId !== hand.pointer) return;
    const point = place(event);
    if (hand.calm && point.distanceTo(hand.start) < START_PX) return;
    hand.calm = false;
    clearTimeout(hand.timer);
    if (hand.why) { const { why } = hand; letGo(); page.told(why); return; }
    if (!hand.drag) {
      hand.drag = take(hand.handle);
      layer.choose(hand.drag.arcs);
      page.touched(hand.drag.keys);
      box.closest(".stage").classList.add("dragging");
    }
    bend(hand.drag, whole(page.snap(map.containerPointToLatLng(point), event)));
    page.moving(operation(hand.drag));
  }
  function up(event) {
    if (!hand || event.pointerId !== hand.pointer) return;
    const { drag, handle } = hand;
    letGo();
    if (drag) { picked = handle.arc; drop(drag); return; }
    choose(handle.arc);
    const twice = handle.id !== null && last.id === handle.id && Date.now() - last.at < 400;
    last = { id: handle.id, at: Date.now() };
    if (twice) remove(handle);
  }
  function letGo() {
    if (!hand) return;
    clearTimeout(hand.timer);
    if (box.hasPointerCapture(hand.pointer)) box.releasePointerCapture(hand.pointer);
    box.closest(".stage").classList.remove("dragging");
    hand = null;
    map.dragging.enable();
  }
  /** Give up what is being dragged. @returns {boolean} whether there was anything */
  function cancel() {
    if (!hand) return false;
    const { drag } = hand;
    letGo();
    if (drag) { bounce(drag); page.moving(null); }
    return true;
  }
  let hovering = 0;
  function hover(event) {
    if (!page.ready() || event.buttons) return;
    cancelAnimationFrame(hovering);
    hovering = requestAnimationFrame(() => {
      if (hand) return;
      const point = place(event);
      const handle = handleAt(point);
      const under = handle ? { arc: handle.arc } : arcAt(point, LINE_PX);
      const arc = under && under.arc.keys[0] !== 0 ? under.arc : null;
      box.closest(".stage").classList.toggle("graspable", Boolean(arc));
      const wanted = [...new Set([picked, arc].filter(Boolean))];
      const now = layer.shown;
      if (wanted.length !== now.length || wanted.some((one, i) => one !== now[i])) show(wanted);
    });
  }
  function remove(handle) {
    if (handle.id === null || page.barred(handle)) return;
    const { ends, shares } = follow(handle.id);
    const at = degrees(shapes.point(handle.id));
    if (shares.size === 1) page.removed({ kind: "remove", at });
    else if (ends.length === 2) page.removed({ kind: "straighten", corners: [...shares.keys()].map((id) => degrees(shapes.point(id))) });
    else page.told("junction");
  }

  function choose(arc) {
    picked = arc && arc.keys[0] !== 0 ? arc : null;
    refresh();
    page.chosen(picked);
  }
  box.addEventListener("pointerdown", down, true);
  box.addEventListener("pointermove", move);
  box.addEventListener("pointerup", up);
  box.addEventListener("pointercancel", () => cancel());
  map.on("zoomend", refresh);

  return {
    refresh, cancel, choose, arcAt, held, follow, remove,
    get picked() { return picked; },
    get busy() { return Boolean(hand?.drag); },
    /** Let the keyboard hold a vertex. */
    focus(id, arc) { focused = id; picked = arc; refresh(); },
    /** Move a vertex with the keyboard: the caller says when to keep it. */
    nudge(id, arc, index) { return take({ id, at: shapes.point(id), arc, index, ghost: false, marker: marker(shapes.point(id), "focused").addTo(group) }); },
    bend, drop, back,
    NODE_PX,
  };
}
