/**
 * Another order of the day's stops, worked out on the phone while there is no network: cheapest insertion, then 2-opt
 * and moving up to three stops (Or-opt), on the day's own matrix. Same input, same answer. It is a good order, not the
 * proven one, and the page says so.
 *
 * @typedef {{order: number[], dropped: number[], endS: number, proven: false}} Reordered
 */
const WORTH = { must: 3, should: 2, may: 1 };
const AGAIN_AFTER_S = 45 * 60; // nobody was home: ring again no sooner

/**
 * @param {object} day  as the server told it
 * @param {{atS: number, from?: string|number|null, doneStops?: number[], skippedStops?: number[],
 *   notHome?: Array<{household_id: number, again: "today"|"another_day"}>|Record<number, "today"|"another_day">,
 *   minutesLeft?: number|null}} now  atS: seconds of the local day; from: a place of the matrix, "start" or a stop
 * @returns {Reordered} order: the stops still to come; dropped: those for which no time is left
 */
export function reorder(day, { atS, from = null, doneStops = [], skippedStops = [], notHome = [], minutesLeft = null }) {
  const again = new Map(Array.isArray(notHome) ? notHome.map((one) => [one.household_id, one.again])
    : Object.entries(notHome).map(([id, when]) => [Number(id), when]));
  const gone = new Set([...doneStops, ...skippedStops]);
  const index = new Map(day.matrix.places.map((place, i) => [String(place), i]));
  const origin = index.get(String(from ?? doneStops.at(-1) ?? "start")) ?? index.get("start");
  const end = index.get("end");
  const jobs = day.stops.filter((stop) => !stop.done && !gone.has(stop.number) && index.has(String(stop.number)))
    .map((stop) => job(stop, again, atS, index.get(String(stop.number)))).filter(Boolean);
  const seconds = day.matrix.seconds;
  const travel = (a, b) => { const s = seconds[a][b]; return s == null || s < 0 ? Infinity : s; };
  const limit = minutesLeft == null ? Math.max(day.shift.end_s, atS) : atS + minutesLeft * 60;

  /** When the walk ends, Infinity when a promise cannot be kept or time runs out. */
  const ends = (route, until = limit) => {
    let [at, place] = [atS, origin];
    for (const one of route) {
      at = served(one, at + travel(place, one.place));
      if (at > until) return Infinity;
      place = one.place;
    }
    at += travel(place, end);
    return at > until ? Infinity : at;
  };

  let route = [];
  let waiting = [...jobs].sort((a, b) => b.worth - a.worth || a.number - b.number);
  for (let round = 0; round < 3 && waiting.length; round += 1) {
    const left = [];
    for (const one of waiting) {
      const better = inserted(route, one, ends);
      if (better) route = better;
      else left.push(one);
    }
    route = improved(route, ends);
    if (left.length === waiting.length) break;
    waiting = left;
  }
  const endS = route.length ? ends(route) : atS + (travel(origin, end) === Infinity ? 0 : travel(origin, end));
  const inside = new Set(route.map((one) => one.number));
  return {
    order: route.map((one) => one.number),
    dropped: jobs.filter((one) => !inside.has(one.number)).map((one) => one.number),
    endS: Math.round(endS),
    proven: false,
  };
}

/** What is left to do at a stop, or null. */
function job(stop, again, atS, place) {
  if (stop.kind === "errand") {
    return { number: stop.number, place, worth: WORTH.must, notBefore: 0, work: [{ s: stop.leave_s - stop.arrive_s, pinned: null }] };
  }
  const open = stop.doors.filter((door) => door.state === "planned" && again.get(door.household_id) !== "another_day");
  if (!open.length) return null;
  const later = open.filter((door) => again.has(door.household_id));
  const work = [...open.filter((door) => !again.has(door.household_id)), ...later]
    .map((door) => ({ s: door.vertical_s + door.service_s, pinned: door.pinned, climb: door.vertical_s }));
  const pinned = open.some((door) => door.pinned);
  const worth = pinned ? 100 : Math.max(...open.map((door) => WORTH[door.urgency] ?? 1));
  return { number: stop.number, place, worth, notBefore: later.length === open.length ? atS + AGAIN_AFTER_S : 0, work };
}

/** When a stop is left when one comes at a time; Infinity when its promise would be broken. */
function served(one, comes) {
  let at = Math.max(comes, one.notBefore);
  for (const { s, pinned, climb = 0 } of one.work) {
    if (pinned) {
      at = Math.max(at, pinned.from_s - climb);
      if (at + climb > pinned.until_s) return Infinity;
    }
    at += s;
  }
  return at;
}

function inserted(route, one, ends) {
  let [best, found] = [Infinity, null];
  for (let i = 0; i <= route.length; i += 1) {
    const tried = [...route.slice(0, i), one, ...route.slice(i)];
    const at = ends(tried);
    if (at < best) [best, found] = [at, tried];
  }
  return found;
}

/** Turn pieces round and move short ones, pass after pass, as long as the walk ends earlier. */
function improved(start, ends) {
  let [route, best] = [start, ends(start)];
  const moves = [...turns(route.length), ...shifts(route.length)];
  for (let better = true; better;) {
    better = false;
    for (const move of moves) {
      const tried = move(route);
      const at = ends(tried);
      if (at < best) [route, best, better] = [tried, at, true];
    }
  }
  return route;
}

function* turns(n) {
  for (let i = 0; i < n - 1; i += 1) {
    for (let j = i + 2; j <= n; j += 1) yield (r) => [...r.slice(0, i), ...r.slice(i, j).reverse(), ...r.slice(j)];
  }
}

function* shifts(n) {
  for (let length = 1; length <= 3; length += 1) {
    for (let i = 0; i + length <= n; i += 1) {
      for (let at = 0; at <= n - length; at += 1) {
        if (at === i) continue;
        yield (r) => {
          const rest = [...r.slice(0, i), ...r.slice(i + length)];
          return [...rest.slice(0, at), ...r.slice(i, i + length), ...rest.slice(at)];
        };
      }
    }
  }
}
