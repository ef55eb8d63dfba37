/** A whole floor recorded at once, and a whole tower on one screen. */
import { at, everyDoor, isDone, my } from "./day.js";
import { openDoor, recordInFull } from "./door.js";
import { el, openSheet, say, words } from "./doorstep.js";
import { record } from "./records.js";
import { drawTower } from "./tower.js";

export const towerOf = (stop) => my.day.towers.find((tower) => tower.building_id === stop.building_id) ?? null;

/** The doors of a floor as they can be recorded: those of the plan, and the others of the stairwell. */
function floorDoors(stop, floor) {
  const tower = towerOf(stop);
  const unit = tower?.units.find((one) => one.entrance_id === stop.entrance_id);
  const rooms = unit?.floors.find((one) => one.floor === floor)?.rooms ?? [];
  const planned = new Map(everyDoor().map((door) => [door.household_id, door]));
  const found = rooms.map((room) => planned.get(room.household_id) ?? unplanned(room, tower, unit));
  return found.length ? found : stop.doors.filter((door) => door.floor === floor);
}

const unplanned = (room, tower, unit) => ({
  household_id: room.household_id, grid_id: room.grid_id, label: room.room, address: `${tower.title} ${unit.unit} ${room.room}`,
  members: [], materials: [], purposes: ["routine"], state: "", due: [], reasons: [], groups: [], needs: [],
});

export function openFloor(stop, floor, done = () => {}) {
  const doors = floorDoors(stop, floor).filter((door) => !isDone(door));
  const planned = doors.filter((door) => door.state === "planned");
  const chosen = new Set((planned.length ? planned : doors).map((door) => door.household_id));
  openSheet(say(words.floor_who, { n: floor }), (close) => {
    const save = el("button.act.main");
    const picks = doors.map((door) => el("button.pick", { data: { household: String(door.household_id) } }, door.label));
    const show = () => {
      for (const pick of picks) pick.setAttribute("aria-pressed", String(chosen.has(Number(pick.dataset.household))));
      save.replaceChildren(say(words.floor_save, { n: chosen.size }));
      save.disabled = !chosen.size;
    };
    picks.forEach((pick, i) => pick.addEventListener("click", () => {
      if (!chosen.delete(doors[i].household_id)) chosen.add(doors[i].household_id);
      show();
    }));
    save.addEventListener("click", () => {
      const some = doors.filter((door) => chosen.has(door.household_id));
      close();
      done();
      record(some, { result: "nobody" });
    });
    const all = el("button.button", { onclick: () => { doors.forEach((door) => chosen.add(door.household_id)); show(); } }, words.floor_all);
    show();
    return { body: [el("div.picks.rooms", { role: "group", aria: { label: say(words.floor, { n: floor }) } }, ...picks), all], foot: [save], note: stop.title };
  });
}

export function openTower(stop) {
  const tower = towerOf(stop);
  openSheet(tower.title, (close) => {
    const planned = new Map(everyDoor().map((door) => [door.household_id, door]));
    const choose = (room) => {
      const unit = tower.units.find((one) => one.floors.some(({ rooms }) => rooms.includes(room)));
      close();
      if (planned.has(room.household_id)) openDoor(planned.get(room.household_id));
      else recordInFull(unplanned(room, tower, unit), { result: "met" });
    };
    const chooseFloor = (floor, unit) => openFloor({ ...stop, entrance_id: unit.entrance_id, title: tower.title }, floor, close);
    const done = new Set(everyDoor().filter(isDone).map((door) => door.household_id));
    const key = at("tower-key").content.cloneNode(true);
    return { body: [drawTower(tower, { choose, chooseFloor, entranceId: stop.entrance_id, done }), key] };
  }).box.classList.add("tower-sheet");
}
