/**
 * A tower on a phone: one table per stairwell, floors from the top, a cell per door, coloured and signed by the state
 * of its visits, ringed where it is planned. Only the stairwell that is looked at is in the page.
 *
 * @typedef {{household_id: number, grid_id: number, room: string, state: string, planned: boolean}} Room
 * @typedef {{entrance_id: number, unit: string, floors: {floor: number, rooms: Room[]}[]}} Unit
 * @typedef {{building_id: number, title: string, lift: boolean, units: Unit[]}} Tower
 */

const order = new Intl.Collator("zh", { numeric: true, sensitivity: "base" });
/** Compare as people count: 2 before 10, 9栋 before 10栋. */
export const natural = (a, b) => order.compare(a, b);

const read = () => JSON.parse(document.getElementById("tower-words").textContent);
const say = (sentence, n) => sentence.replace("{n}", String(n));

function element(name, className, words) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (words !== undefined) made.textContent = words;
  return made;
}

/** The place of a room on its floor: 3302 is 02 of floor 33, so that doors one above another stand in one column. */
function place(room, floor) {
  const label = String(floor);
  return room.startsWith(label) && room.length > label.length ? room.slice(label.length) : null;
}

/**
 * The columns of a stairwell: the places of its rooms, in natural order; null when the rooms tell no place.
 * @param {Unit} unit
 */
export function columns(unit) {
  const found = new Set();
  for (const { floor, rooms } of unit.floors) {
    for (const { room } of rooms) {
      const at = place(room, floor);
      if (at === null) return null;
      found.add(at);
    }
  }
  return [...found].sort(natural);
}

/** Keys move within the table, Tab leaves it: one stop for a table of hundreds. */
function walk(table) {
  table.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
    const cell = event.target.closest?.("td, th");
    if (!step || !cell) return;
    event.preventDefault();
    const rows = [...table.tBodies[0].rows];
    let [y, x] = [cell.parentElement.rowIndex + step[0], cell.cellIndex + step[1]];
    for (; rows[y] && rows[y].cells[x]; y += step[0], x += step[1]) {
      const next = rows[y].cells[x].querySelector("button");
      if (!next) continue;
      event.target.tabIndex = -1;
      next.tabIndex = 0;
      next.focus();
      return;
    }
  });
}

/** @param {Room} room */
function cell(room, words, { choose, done }) {
  const box = element("td");
  const told = [words.states[room.state] ?? room.state];
  if (room.planned) told.push(words.planned);
  if (done.has(room.household_id)) told.push(words.done);
  const door = element(choose ? "button" : "span", `room room-${room.state}`);
  if (choose) {
    door.type = "button";
    door.tabIndex = -1;
    door.addEventListener("click", () => choose(room));
  }
  door.dataset.household = String(room.household_id);
  door.classList.toggle("planned", room.planned);
  door.classList.toggle("done", done.has(room.household_id));
  door.append(element("span", "label", room.room), element("span", `key key-${room.state}`));
  door.lastElementChild.setAttribute("aria-hidden", "true");
  door.append(element("span", "unseen", ` ${told.join(" ")}`));
  box.append(door);
  return box;
}

/** @param {Unit} unit */
function stairwell(unit, words, options, caption) {
  const table = element("table", "tower-table");
  if (options.choose) table.setAttribute("role", "grid");
  table.append(element("caption", "unseen", caption));
  const group = element("colgroup");
  group.append(element("col", "side"));
  table.append(group);
  const body = table.createTBody();
  const places = columns(unit);
  const floors = [...unit.floors].sort((a, b) => b.floor - a.floor);
  const wide = Math.max(0, ...floors.map(({ rooms }) => rooms.length));
  for (const { floor, rooms } of floors) {
    const row = body.insertRow();
    const head = element("th", "floor", options.chooseFloor ? undefined : String(floor));
    head.scope = "row";
    if (options.chooseFloor) {
      const whole = element("button", "floor-open", String(floor));
      whole.type = "button";
      whole.tabIndex = -1;
      whole.setAttribute("aria-label", say(words.floor, floor));
      whole.addEventListener("click", () => options.chooseFloor(floor, unit));
      head.append(whole);
    } else head.setAttribute("aria-label", say(words.floor, floor));
    row.append(head);
    const sorted = [...rooms].sort((a, b) => natural(a.room, b.room));
    const slots = places
      ? places.map((at) => sorted.filter((room) => place(room.room, floor) === at))
      : Array.from({ length: wide }, (_, i) => sorted.slice(i, i + 1));
    for (const [room] of slots) row.append(room ? cell(room, words, options) : element("td"));
  }
  table.style.setProperty("--doors", String(places ? places.length : wide));
  const first = table.querySelector("button.planned") ?? table.querySelector("button.room");
  if (first) first.tabIndex = 0;
  walk(table);
  return table;
}

const countOf = (unit) => unit.floors.reduce((n, { rooms }) => n + rooms.filter((room) => room.planned).length, 0);

/**
 * Draw a tower; nothing is in the page but the stairwell that is looked at.
 * @param {Tower} tower
 * @param {{choose?: ((room: Room) => void)|null, chooseFloor?: ((floor: number, unit: Unit) => void)|null, entranceId?: number|null, done?: Set<number>}} options
 *   choose: called with the door that is tapped; chooseFloor: with the floor whose number is; entranceId: the stairwell to show first; done: recorded today
 * @returns {HTMLElement}
 */
export function drawTower(tower, { choose = null, chooseFloor = null, entranceId = null, done = new Set() } = {}) {
  const words = read();
  const units = tower.units.filter((unit) => unit.floors.length).sort((a, b) => natural(a.unit, b.unit));
  const box = element("div", "tower");
  box.append(element("p", "quiet tower-lift", tower.lift ? words.lift : words.stairs));
  if (!units.length) {
    box.append(element("p", "empty", words.empty));
    return box;
  }
  const nameOf = (unit) => (/^\d+$/.test(unit.unit) ? say(words.unit, unit.unit) : units.length > 1 ? unit.unit : words.only);
  const stage = element("div", "tower-stage");
  const doors = element("div", "tower-units");
  const show = (unit) => {
    for (const button of doors.children) button.setAttribute("aria-pressed", String(button.dataset.entrance === String(unit.entrance_id)));
    stage.replaceChildren(stairwell(unit, words, { choose, chooseFloor, done }, `${tower.title} ${nameOf(unit)}`));
    requestAnimationFrame(() => stage.querySelector(".planned:not(.done)")?.scrollIntoView({ block: "nearest", inline: "nearest" }));
  };
  for (const unit of units) {
    const button = element("button", "tower-unit", nameOf(unit));
    button.type = "button";
    button.dataset.entrance = String(unit.entrance_id);
    const n = countOf(unit);
    if (n) button.append(element("span", "tower-count", say(words.doors, n)));
    button.addEventListener("click", () => show(unit));
    doors.append(button);
  }
  if (units.length > 1) box.append(doors);
  box.append(stage);
  show(units.find((unit) => unit.entrance_id === entranceId) ?? units.find(countOf) ?? units[0]);
  return box;
}
