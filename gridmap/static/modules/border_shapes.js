/**
 * The partition as the browser knows it: vertices once, rings as lists of vertices, borders as arcs between nodes.
 * Nothing here is kept: the server answers every change with its own rings, which then take the place of these.
 *
 * Coordinates are whole units of 1e-7 degree, `[x, y]` = longitude, latitude.
 *
 * @typedef {{key: number, number: number, name: string, short: string, kind: string, locked: boolean, worker: string,
 *   code: string, rings: number[][], at: [number, number], r: number}} Told  a grid as the server tells it
 * @typedef {{id: string, points: number[], keys: [number, number], closed: boolean}} Arc  0 = outside the community
 */

export const UNIT = 1e-7;
const SHIFT = 2 ** 26; // units, 6.7 degrees: how far apart two vertices of one community can be

/** Degrees as they are sent: seven decimals, which is exact. */
export const degrees = ([x, y]) => [Number((x * UNIT).toFixed(7)), Number((y * UNIT).toFixed(7))];
export const whole = ({ lng, lat }) => [Math.round(lng / UNIT), Math.round(lat / UNIT)];
export const latlng = ([x, y]) => [y * UNIT, x * UNIT];

/** The corners of a ring that travels as differences. */
function decode(flat) {
  const points = [];
  let x = 0;
  let y = 0;
  for (let i = 0; i < flat.length; i += 2) {
    x += flat[i];
    y += flat[i + 1];
    points.push([x, y]);
  }
  return points;
}

export class Shapes {
  constructor() {
    /** @type {Map<number, Told & {loops: number[][]}>} */
    this.grids = new Map();
    this.x = []; // of each vertex
    this.y = [];
    this.ids = new Map();
    this.zero = null;
    /** @type {Map<string, Arc>} */
    this.arcs = new Map();
    this.at = []; // of each vertex: its places in arcs, [arc, index]
  }

  vertex(x, y) {
    if (!this.zero) this.zero = [x - SHIFT / 2, y - SHIFT / 2];
    const key = (x - this.zero[0]) * SHIFT + (y - this.zero[1]);
    let id = this.ids.get(key);
    if (id === undefined) {
      id = this.x.length;
      this.ids.set(key, id);
      this.x.push(x);
      this.y.push(y);
    }
    return id;
  }

  find([x, y]) {
    return this.zero ? this.ids.get((x - this.zero[0]) * SHIFT + (y - this.zero[1])) : undefined;
  }

  point(id) {
    return [this.x[id], this.y[id]];
  }

  /** Take what the server tells; a grid that is gone comes as `{key, gone: true}`. @returns {Set<number>} changed keys */
  put(list) {
    const changed = new Set();
    for (const grid of list) {
      changed.add(grid.key);
      if (grid.gone) this.grids.delete(grid.key);
      else this.grids.set(grid.key, { ...grid, loops: [], points: grid.rings.map(decode) });
    }
    this.x = [];
    this.y = [];
    this.ids.clear();
    for (const grid of this.grids.values()) grid.loops = grid.points.map((ring) => ring.map(([x, y]) => this.vertex(x, y)));
    this.cut();
    return changed;
  }

  /** Cut the rings into arcs: at vertices where three borders meet, or where the grids on the sides are others. */
  cut() {
    const owners = new Map(); // segment -> the one or two grids beside it
    const degree = new Uint16Array(this.x.length);
    const sides = (a, b) => (a < b ? a * SHIFT + b : b * SHIFT + a);
    const segments = (visit) => {
      for (const grid of this.grids.values()) {
        for (const loop of grid.loops) for (let i = 0; i < loop.length; i += 1) visit(grid.key, loop[i], loop[(i + 1) % loop.length]);
      }
    };
    segments((key, a, b) => {
      const segment = sides(a, b);
      const known = owners.get(segment);
      if (known) known[1] = key;
      else {
        owners.set(segment, [key, 0]);
        degree[a] += 1;
        degree[b] += 1;
      }
    });
    const pair = new Map(); // vertex -> what lies beside its first segment
    const node = new Uint8Array(this.x.length);
    for (const [segment, [one, other]] of owners) {
      const beside = one < other ? `${one},${other}` : `${other},${one}`;
      for (const id of [Math.floor(segment / SHIFT), segment % SHIFT]) {
        if (degree[id] !== 2) node[id] = 1;
        else if (!pair.has(id)) pair.set(id, beside);
        else if (pair.get(id) !== beside) node[id] = 1;
      }
    }
    this.arcs = new Map();
    this.at = this.x.map(() => []);
    this.node = node;
    const seen = new Set();
    for (const grid of this.grids.values()) {
      for (const loop of grid.loops) {
        const begun = loop.findIndex((id) => node[id]);
        const first = begun >= 0 ? begun : loop.indexOf(Math.min(...loop)); // a ring without nodes: the same start from both sides
        const turned = first > 0 ? [...loop.slice(first), ...loop.slice(0, first)] : loop;
        let piece = [turned[0]];
        for (let i = 1; i <= turned.length; i += 1) {
          const id = turned[i % turned.length];
          piece.push(id);
          if (!node[id] && i < turned.length) continue;
          const segment = sides(piece[0], piece[1]);
          const last = sides(piece.at(-2), piece.at(-1));
          if (!seen.has(segment) && !seen.has(last)) this.add(piece, owners.get(segment));
          seen.add(segment).add(last);
          piece = [id];
        }
      }
    }
  }

  add(points, keys) {
    const id = `${points[0]}-${points[1]}-${points.at(-1)}`;
    const arc = { id, points, keys: [...keys].sort((a, b) => a - b), closed: points[0] === points.at(-1) };
    this.arcs.set(id, arc);
    points.forEach((vertex, i) => { if (!(arc.closed && i === points.length - 1)) this.at[vertex].push([arc, i]); });
  }

  line(arc) {
    return arc.points.map((id) => latlng(this.point(id)));
  }

  face(key) {
    return this.grids.get(key).loops.map((loop) => loop.map((id) => latlng(this.point(id))));
  }

  /** Tell whether two vertices follow each other on a border. */
  beside(one, other) {
    return this.at[one].some(([arc, i]) => arc.points[i + 1] === other || arc.points[i - 1] === other
      || (arc.closed && i === 0 && arc.points.at(-2) === other));
  }

  /** The grids that hold a vertex. */
  holders(id) {
    const keys = new Set(this.at[id].flatMap(([arc]) => arc.keys));
    keys.delete(0);
    return keys;
  }

  /** The grid under a place, null outside. */
  under([x, y]) {
    for (const [key, grid] of this.grids) {
      let odd = false;
      for (const loop of grid.loops) {
        for (let i = 0, j = loop.length - 1; i < loop.length; j = i, i += 1) {
          const [ax, ay, bx, by] = [this.x[loop[i]], this.y[loop[i]], this.x[loop[j]], this.y[loop[j]]];
          if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) odd = !odd;
        }
      }
      if (odd) return key;
    }
    return null;
  }

  /** The rings around the whole community: the outer arcs, joined end to end. */
  outline() {
    const from = new Map();
    for (const arc of this.arcs.values()) {
      if (arc.keys[0] !== 0) continue;
      for (const [end, points] of [[arc.points[0], arc.points], [arc.points.at(-1), [...arc.points].reverse()]]) {
        if (!from.has(end)) from.set(end, []);
        from.get(end).push({ arc, points });
      }
    }
    const used = new Set();
    const rings = [];
    for (const choices of from.values()) {
      const begin = choices.find(({ arc }) => !used.has(arc.id));
      if (!begin) continue;
      used.add(begin.arc.id);
      const ring = [...begin.points];
      for (;;) {
        const next = ring[0] !== ring.at(-1) && (from.get(ring.at(-1)) || []).find(({ arc }) => !used.has(arc.id));
        if (!next) break;
        used.add(next.arc.id);
        ring.push(...next.points.slice(1));
      }
      rings.push(ring.map((id) => latlng(this.point(id))));
    }
    return rings;
  }
}
