/**
 * The list twin of the borders: grids, their borders and nodes for the keyboard; faults one after the other; what was
 * said. The panel's tabs are here too.
 */
/* global L */
import { ask, icon, tell } from "./stage.js";
import { latlng } from "./border_shapes.js";
import { at, gridRow, make, nodeList, say } from "./border_panel.js";

const STEP_M = 1;
const KEEP_MS = 700; // after the last key, a node that was moved is kept
const ARROWS = { ArrowUp: [0, 1], ArrowDown: [0, -1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };
const METRES = 111320; // in a degree of latitude

/** @param {L.Map} map */
export function listing(map, shapes, hand, page) {
  const { words } = page;
  const data = JSON.parse(at("data").textContent);
  let moving = null; // a node the keyboard moves
  let faults = [];
  let here = -1;
  const spot = L.circleMarker([0, 0], { radius: 22, color: "#b3261e", weight: 3, fill: false, interactive: false });

  // --- tabs ----------------------------------------------------------------------------------------------------------------

  const tabs = [...document.querySelectorAll("[role=tab]")];
  function tab(name) {
    for (const one of tabs) {
      const open = one.dataset.tab === name;
      one.setAttribute("aria-selected", String(open));
      one.tabIndex = open ? 0 : -1;
      at(one.getAttribute("aria-controls")).hidden = !open;
    }
    if (name !== "faults") spot.remove();
  }
  tabs.forEach((one, i) => {
    one.addEventListener("click", () => { tab(one.dataset.tab); if (one.dataset.tab === "faults" && here < 0) check(); });
    one.addEventListener("keydown", (event) => {
      const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!by) return;
      const next = tabs[(i + by + tabs.length) % tabs.length];
      next.focus();
      next.click();
    });
  });

  // --- grids ---------------------------------------------------------------------------------------------------------------

  const ordered = () => [...shapes.grids.values()].sort((a, b) => a.number - b.number || a.key - b.key);
  function draw() {
    const open = page.grid();
    const held = document.activeElement?.dataset ?? {};
    at("grid-list").replaceChildren(...ordered().map((grid) => {
      const row = gridRow(grid, { words, editable: page.editing(), open: grid.key === open, note: grid.key < 0 ? words.added : "" });
      if (grid.key === open) row.append(inside(grid));
      return row;
    }));
    const again = held.vertex ? `[data-vertex="${held.vertex}"]` : held.lock ? `[data-lock="${held.lock}"]` : held.grid ? `[data-grid="${held.grid}"]` : "";
    if (again) at("grid-list").querySelector(again)?.focus({ preventScroll: true });
  }
  /** What belongs to the open grid: its words, and its borders with their nodes. */
  function inside(grid) {
    const parts = [];
    if (page.editing()) {
      const form = at("grid-form").content.firstElementChild.cloneNode(true);
      form.elements.name.value = grid.name;
      form.elements.kind.value = grid.kind;
      form.dataset.key = String(grid.key);
      if (grid.key < 0) form.elements.worker.value = String(grid.worker_id || 0);
      else form.querySelector(".worker").remove();
      parts.push(form);
    }
    const metres = (arc) => Math.round(shapes.line(arc).reduce((sum, point, i, all) => (i ? sum + map.distance(all[i - 1], point) : 0), 0));
    for (const arc of shapes.arcs.values()) {
      if (!arc.keys.includes(grid.key) || arc.keys[0] === 0) continue;
      const other = shapes.grids.get(arc.keys.find((key) => key !== grid.key))?.name || words.outside;
      const nodes = hand.held(arc).map((index) => ({ id: arc.points[index], junction: Boolean(shapes.node[arc.points[index]]), arc, index }));
      const made = nodeList(arc, nodes, { words, other, length: metres(arc) });
      made.dataset.arc = arc.id;
      parts.push(made);
    }
    return make("div", "grid-inside", parts);
  }
  function choose(key) {
    page.choose(key);
    draw();
    if (key === null) return;
    tab("grids");
    at("grid-list").querySelector(`[data-grid="${key}"]`)?.scrollIntoView({ block: "nearest" });
  }
  at("grid-list").addEventListener("click", ({ target }) => {
    const button = target.closest("button");
    if (!button) return;
    if (button.dataset.lock) page.change("lock", { key: Number(button.dataset.lock), locked: button.getAttribute("aria-pressed") !== "true" });
    if (button.dataset.grid) {
      const key = Number(button.dataset.grid);
      const open = page.grid() !== key;
      choose(open ? key : null);
      if (open) map.fitBounds(L.latLngBounds(shapes.face(key)[0]), { padding: [70, 110], maxZoom: 18 });
    }
  });
  at("grid-list").addEventListener("submit", (event) => {
    event.preventDefault();
    const form = event.target;
    const grid = shapes.grids.get(Number(form.dataset.key));
    const wish = { key: grid.key };
    const name = form.elements.name.value.trim();
    const { kind, worker } = form.elements;
    const steps = [];
    if (name !== grid.name) steps.push(["rename", { ...wish, name }]);
    if (kind.value !== grid.kind) steps.push(["kind", { ...wish, grid_kind: kind.value }]);
    if (worker && Number(worker.value) !== (grid.worker_id || 0)) steps.push(["assign", { ...wish, worker_id: Number(worker.value) }]);
    steps.reduce((done, [what, body]) => done.then((fine) => fine && page.change(what, body)), Promise.resolve(true));
  });

  // --- the keyboard on a node ------------------------------------------------------------------------------------------------

  const holderOf = (button) => {
    const arc = shapes.arcs.get(button.closest(".arc").dataset.arc);
    const id = Number(button.dataset.vertex);
    return { arc, id, index: arc.points.indexOf(id) };
  };
  at("grid-list").addEventListener("focusin", ({ target }) => {
    if (!target.dataset?.vertex) return;
    const { arc, id } = holderOf(target);
    hand.focus(id, arc);
    const where = L.latLng(latlng(shapes.point(id)));
    if (!map.getBounds().pad(-0.15).contains(where)) map.panTo(where, { animate: false });
  });
  at("grid-list").addEventListener("focusout", () => settle());
  at("grid-list").addEventListener("keydown", (event) => {
    const button = event.target.closest("[data-vertex]");
    if (!button || !page.editing()) return;
    const by = ARROWS[event.key];
    const { arc, id, index } = holderOf(button);
    if (by) {
      event.preventDefault();
      const grid = page.locked({ id, arc });
      if (grid) { tell(say(words.is_locked, { name: grid.name }), { bad: true }); return; }
      if (!moving) moving = { drag: hand.nudge(id, arc, index), id };
      const [x, y] = moving.drag.to;
      const step = (event.shiftKey ? 10 : 1) * STEP_M * (1e7 / METRES);
      const flat = Math.cos((y * 1e-7 * Math.PI) / 180);
      hand.bend(moving.drag, [Math.round(x + (by[0] * step) / flat), Math.round(y + by[1] * step)]);
      clearTimeout(moving.later);
      moving.later = setTimeout(settle, KEEP_MS);
    } else if (event.key === "Enter" && moving) {
      event.preventDefault();
      settle();
    } else if (event.key === "Escape" && moving) {
      event.stopPropagation();
      clearTimeout(moving.later);
      hand.back(moving.drag);
      moving = null;
      hand.refresh();
    } else if (event.key === "Delete") {
      event.preventDefault();
      hand.remove({ id, arc, index });
    }
  });
  /** Keep what the keyboard has moved. */
  function settle() {
    if (!moving) return;
    const { drag, later } = moving;
    clearTimeout(later);
    moving = null;
    hand.drop(drag);
  }

  // --- faults ----------------------------------------------------------------------------------------------------------------

  async function check() {
    tab("faults");
    at("fault-words").textContent = words.checking;
    try {
      ({ faults } = await ask(`${data.url}/faults.json`));
    } catch (error) {
      at("fault-words").textContent = error instanceof TypeError ? words.offline : error.message;
      return;
    }
    here = 0;
    at("fault-words").textContent = faults.length ? say(words.faults, { n: faults.length }) : words.no_faults;
    at("fault-walk").hidden = faults.length < 2;
    at("fault-list").replaceChildren(...faults.map((fault, i) => {
      const button = make("button", "fault", [icon("exclamation-triangle"), make("span", "", fault.words)]);
      button.type = "button";
      button.dataset.fault = String(i);
      return make("li", "", [button]);
    }));
  }
  function go(i) {
    here = (i + faults.length) % faults.length;
    const fault = faults[here];
    for (const button of document.querySelectorAll("[data-fault]")) {
      const now = Number(button.dataset.fault) === here;
      if (now) button.setAttribute("aria-current", "true");
      else button.removeAttribute("aria-current");
      if (now) button.scrollIntoView({ block: "nearest" });
    }
    if (!fault.at) return;
    map.setView([fault.at[1], fault.at[0]], Math.max(map.getZoom(), 17.5));
    spot.setLatLng([fault.at[1], fault.at[0]]).addTo(map);
  }
  document.addEventListener("click", ({ target }) => {
    const button = target.closest?.("[data-fault], [data-walk]");
    if (!button || !faults.length) return;
    go(button.dataset.fault ? Number(button.dataset.fault) : here + Number(button.dataset.walk));
  });

  // --- what was said -----------------------------------------------------------------------------------------------------------

  function talk(comments) {
    at("comments").replaceChildren(...comments.map((one) => make("li", "", [
      make("p", "quiet small", `${one.who} · ${one.when}`), make("p", "", one.words),
    ])));
    at("no-comments").hidden = comments.length > 0;
    at("comment-count").textContent = comments.length ? String(comments.length) : "";
  }

  return { draw, choose, tab, check, talk };
}
