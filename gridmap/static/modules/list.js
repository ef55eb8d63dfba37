/** The list itself: the header, the next stop with its doors, what comes after, what is done and what is left out. */
import { SKIPPED, at, errandOpen, everyDoor, isDone, isLeft, isOpen, isSkipped, my, progress, render } from "./day.js";
import { doorRow, openDoor, stateOf, tagsOf } from "./door.js";
import { chip, clock, el, icon, say, words } from "./doorstep.js";
import { openFloor, openTower, towerOf } from "./floors.js";
import { bringBack, openReplan, skipErrand } from "./order.js";
import { recordErrand } from "./records.js";

const SHOWN_DOORS = 12;

function duration(seconds) {
  const minutes = Math.ceil(seconds / 60);
  if (minutes < 90) return say(words.left_min, { n: minutes });
  const h = Math.round(minutes / 30) / 2; // of hours nobody needs to know the minute
  return say(words.left_h, { h });
}

const walkOf = (stop) => (stop.walk ? say(words.walk_m, { n: stop.walk.m }) : words.no_way);

function stopHead(stop) {
  const tower = towerOf(stop);
  const walk = el("span.walk", {}, walkOf(stop));
  return el("div.stop-head", {}, icon(stop.errand ? "flag" : "building"), el("div.stop-name", {}, el("h3", {}, stop.title), tower && walk),
    !tower && walk,
    tower && el("button.button.tower-open", { aria: { haspopup: "dialog" }, onclick: () => openTower(stop) }, icon("grid-3x3"), words.tower),
    ...(stop.links ?? []).map((link) => el("a.button.go", { href: link.url, rel: "noopener noreferrer", target: "_blank" }, icon("geo-alt"), say(words.navigate, { name: link.name }))));
}

/** The doors of a stop in walking order; a floor with several gets a line of its own. */
function doorList(stop, doors, current) {
  const floors = Map.groupBy ? Map.groupBy(doors, (door) => door.floor) : doors.reduce((m, d) => m.set(d.floor, [...(m.get(d.floor) ?? []), d]), new Map());
  const rows = [];
  for (const [floor, some] of floors) {
    const open = some.filter(isOpen);
    if (some.length > 1 && open.length) {
      rows.push(el("li.floor-line", {}, el("span", {}, say(words.floor, { n: floor }), el("small", {}, say(words.doors, { n: some.length }))),
        el("button.button", { aria: { haspopup: "dialog" }, onclick: () => openFloor(stop, floor) }, icon("door-closed"), words.whole_floor)));
    }
    rows.push(...some.map((door) => doorRow(door, door === current)));
  }
  return el("ol.doors", {}, ...rows);
}

function errandCard(stop) {
  const done = ({ currentTarget }) => { currentTarget.disabled = true; recordErrand(stop); };
  return el("div.errand", {}, el("p.quiet", {}, words.errands[stop.errand.kind] ?? ""), el("div.acts", {}, el("button.act.met", { onclick: done }, icon("check-lg"), words.errand_done),
    el("button.act", { onclick: () => skipErrand(stop) }, words.skip)));
}

function nextCard(stop) {
  const doors = stop.doors.filter((door) => !isSkipped(door));
  const current = doors.find((door) => door.household_id === my.active && isOpen(door)) ?? doors.find(isOpen);
  const from = Math.max(0, doors.indexOf(current) - 2);
  const some = my.allDoors || doors.length <= SHOWN_DOORS ? doors : doors.slice(from, from + SHOWN_DOORS);
  return el("article.stop", { data: { stop: String(stop.number) } }, stopHead(stop),
    stop.errand ? errandCard(stop) : doorList(stop, some, current),
    some.length < doors.length && el("button.button.wide", { onclick: () => { my.allDoors = true; render(); } }, say(words.more_doors, { n: doors.length - some.length })));
}

/** Some facts in one line, which breaks between them only. */
const inPieces = (...facts) => facts.filter(Boolean).flatMap((fact, i) => [i ? " · " : "", el("span", {}, fact)]);

/** One of the stops after the next: a line; its doors when it is opened. */
function laterStop(stop) {
  const open = stop.doors.filter(isOpen);
  const worst = open.flatMap((door) => door.due).find(({ tone }) => tone === "bad");
  const pinned = open.find((door) => door.pinned);
  const inside = el("div.inside");
  const box = el("details.stop", { data: { stop: String(stop.number) } },
    el("summary", {}, el("span.number", {}, String(stop.number)),
      el("span.what", {}, el("strong", {}, stop.title),
        el("span.quiet", {}, ...inPieces(stop.errand ? words.errands[stop.errand.kind] ?? "" : say(words.doors, { n: open.length }), say(words.around, { at: clock(stop.arrive_s) }), walkOf(stop))),
        (pinned || worst) && el("span.tags", {}, ...[pinned && tagsOf(pinned).find((tag) => tag.classList.contains("tone-pin")), worst && chip(worst)].filter(Boolean))),
      icon("chevron-down")), inside);
  box.addEventListener("toggle", () => {
    if (box.open && !inside.firstChild) inside.append(...(stop.errand ? [errandCard(stop)] : [doorList(stop, stop.doors, null)]));
  });
  return box;
}

const fold = (title, count, rows, name) => rows.length > 0 && el("details.fold", { data: { fold: name } },
  el("summary", {}, el("span", {}, title), el("span.number", {}, String(count)), icon("chevron-down")), el("ul.rows", {}, ...rows));

function doneRows() {
  return everyDoor().filter(isDone).map((door) => el("li", {}, el("button.plain-row", { aria: { haspopup: "dialog" }, onclick: () => openDoor(door) },
    el("strong", {}, door.address), el("span.quiet", {}, stateOf(door) || words.done))));
}

function leftOutRows() {
  return my.day.left_out.map((left) => el("li", {}, el("a", { href: `/households/${left.household_id}` },
    el("strong", {}, left.address), el("span.tags", {}, ...left.reasons.slice(0, 2).map(chip)), el("span.quiet", {}, left.words))));
}

/** What is not gone to today, by the worker's word or for lack of time. */
function postponedRows() {
  const late = my.day.stops.filter((stop) => my.day.local?.dropped?.includes(stop.number));
  const line = (what, sentence, work) => el("li", {}, el("button.plain-row", work, el("strong", {}, what), el("span.quiet", {}, sentence)));
  const door = (one, sentence) => line(one.address, sentence, { aria: { haspopup: "dialog" }, onclick: () => openDoor(one) });
  const errand = (id, title, sentence) => line(title, sentence, { onclick: () => bringBack(id) });
  const skipped = Object.values(my.marks).filter((mark) => mark.result === SKIPPED);
  return [
    ...everyDoor().filter(isSkipped).map((one) => door(one, words.skip)),
    ...skipped.map((mark) => errand(mark.errandId, mark.title, `${words.skip} · ${words.bring_back}`)),
    ...late.flatMap((stop) => stop.doors).filter((one) => !isDone(one)).map((one) => door(one, words.no_time)),
    ...late.filter((stop) => stop.errand && errandOpen(stop)).map((stop) => el("li", {}, el("div.plain-row", {}, el("strong", {}, stop.title), el("span.quiet", {}, words.no_time)))),
  ];
}

function drawHead() {
  const { done, all, left_s: left } = progress();
  at("day-title").textContent = my.day.title;
  at("day-line").textContent = `${my.day.dated} · ${my.day.worker.name}`;
  const bar = at("day-bar");
  bar.setAttribute("aria-valuenow", String(done));
  bar.setAttribute("aria-valuemax", String(all));
  bar.setAttribute("aria-valuetext", say(words.walked, { done, all }));
  bar.firstElementChild.style.width = `${all ? (100 * done) / all : 0}%`;
  at("day-done").textContent = say(words.walked, { done, all });
  at("day-left").textContent = left ? duration(left) : "";
}

/** Draw the whole page anew from what is known. */
export function drawList() {
  const kept = focused();
  drawHead();
  const left = my.day.stops.filter(isLeft);
  const [next, ...rest] = left;
  const head = el("div.list-title", {}, el("h2", {}, next?.errand ? words.next_errand : words.next), el("button.link", { aria: { haspopup: "dialog" }, onclick: openReplan }, words.change));
  at("next").replaceChildren(...(next ? [head, nextCard(next)] : [el("p.empty", {}, everyDoor().length ? words.all_done : words.nothing)]));
  at("then").replaceChildren(...(rest.length ? [el("h2", {}, words.then), ...rest.map(laterStop)] : []));
  const carry = my.day.materials.map((m) => el("li", {}, el("span", {}, m.name), el("span.number", {}, `×${m.count}`)));
  const postponed = postponedRows();
  at("rest").replaceChildren(...[
    carry.length && el("section.carry", {}, el("h2", {}, icon("bag"), words.carry), el("ul", {}, ...carry)),
    fold(words.done, everyDoor().filter(isDone).length, doneRows(), "done"),
    fold(words.postponed, postponed.length, postponed, "postponed"),
    fold(words.left_out, my.day.left_out.length, leftOutRows(), "left"),
  ].filter(Boolean));
  if (my.day.local) at("rest").append(el("p.quiet.own", {}, words.own_order));
  refocus(kept);
}

/** Where the keyboard was, so that drawing anew does not throw it to the top. */
function focused() {
  const here = document.activeElement;
  return here && at("list").contains(here) ? here.closest("[data-household], [data-stop], [data-fold]")?.dataset ?? {} : null;
}

function refocus(kept) {
  for (const fold of at("rest").querySelectorAll("details")) if (kept?.fold === fold.dataset.fold) fold.open = true;
  if (!kept) return;
  const place = kept.household ? `#next [data-household="${kept.household}"]:not(.done) .acts button`
    : kept.fold ? `[data-fold="${kept.fold}"] > summary` : kept.stop ? `details[data-stop="${kept.stop}"] > summary` : "#next .link";
  const target = at("list").querySelector(place) || at("next").querySelector(".acts button") || at("next").querySelector("button");
  target?.focus({ preventScroll: true });
  const card = target?.closest(".door, .stop");
  if (card) card.scrollIntoView({ block: "nearest" });
}
