/**
 * The planner's borders: drag them, cut, join, give, draw; see at once what it does to people and work. What is drawn
 * here is a wish: the server does it in whole numbers and answers with the grids as they are kept.
 */
/* global L */
import { ask, tell } from "./stage.js";
import { isPhone, sheet } from "./sheet.js";
import { dragging } from "./border_drag.js";
import { drawing } from "./border_layer.js";
import { sketching } from "./border_line.js";
import { at, effects, say, walking } from "./border_panel.js";
import { Refused, post, sender } from "./border_send.js";
import { Shapes, UNIT, degrees, latlng, whole } from "./border_shapes.js";
import { snapping } from "./border_snap.js";
import { giving } from "./border_give.js";
import { listing } from "./border_list.js";

const PREVIEW_MS = 120; // between two previews while a hand moves
const WATCH_MS = 20_000; // who may only look sees what the other draws, and when he lets go

/** The borders as a layer; the page fills it. @param {L.Map} map */
export function borders(map) {
  const shapes = new Shapes();
  return { map, shapes, layer: drawing(map, shapes) };
}

/** Start the page. @param {L.Map} map */
export function start(map, { borders: made }) {
  const data = JSON.parse(at("data").textContent);
  const { words } = data;
  const { shapes, layer } = made;
  const send = sender(data.url);
  const stage = map.getContainer().closest(".stage");
  let plan = data.plan;
  let mode = null;
  let told = { step: null, total: data.total }; // what the last change does, and what the whole draft does
  let view = "total";
  let wanted = new Set(); // grids that are chosen for the tool in hand
  let chosen = null; // the grid of the list

  const wide = () => !isPhone();
  const editing = () => plan.editable && wide();
  const offline = (error) => (error instanceof Refused ? error.message : words.offline);

  // --- showing ---------------------------------------------------------------------------------------------------------

  function paint(cards) {
    const kinds = new Map();
    const below = new Map();
    for (const grid of shapes.grids.values()) if (grid.locked) kinds.set(grid.key, "locked");
    for (const card of cards) {
      kinds.set(card.key, card.tone === "gains" || card.tone === "loses" ? card.tone : "other");
      if (card.homes.change) below.set(card.key, `${card.homes.change} ${words.homes}`);
    }
    for (const key of wanted) kinds.set(key, "wanted");
    if (chosen !== null && !kinds.has(chosen)) kinds.set(chosen, "other");
    layer.tint(kinds);
    layer.name(below);
  }
  const current = () => (view === "step" && told.step) || told.total;
  /** Show what a change does; `fresh` is one that is only tried. */
  function show(now = current()) {
    at("told").textContent = now.words;
    effects(at("effects"), now, words);
    if (now === current()) walking(at("effects"), walked());
    at("no-effects").hidden = now.cards.length > 0;
    for (const button of document.querySelectorAll("[data-view]")) {
      button.setAttribute("aria-pressed", String(button.dataset.view === view));
      if (button.dataset.view === "step") button.disabled = !told.step;
    }
    paint(now.cards);
  }
  function standing() {
    stage.classList.toggle("editing", editing());
    for (const [id, can] of [["undo", plan.can_undo], ["redo", plan.can_redo]]) if (at(id)) at(id).disabled = !can || !plan.editable;
    for (const button of document.querySelectorAll("[data-mode]")) button.disabled = !plan.editable;
    for (const part of document.querySelectorAll("[data-needs]")) {
      part.hidden = !(part.dataset.needs === "editable" ? plan.editable : plan[part.dataset.needs]);
    }
    const button = at("submit-open");
    if (button) button.disabled = !plan.changed;
    at("holder").textContent = plan.holder;
    for (const seen of document.querySelectorAll(".panel input[name=revision]")) seen.value = String(plan.revision);
    hint();
  }
  function was() {
    layer.was((told.total.was || []).map((flat) => {
      let [x, y] = [0, 0];
      const points = [];
      for (let i = 0; i < flat.length; i += 2) { x += flat[i]; y += flat[i + 1]; points.push([x, y]); }
      return points;
    }));
  }
  /** Take what the server answers: the grids that changed, and what it does. */
  function take(answer) {
    plan = answer.plan;
    shapes.put(answer.changed || []);
    if (answer.total) told = { step: answer.step || null, total: answer.total };
    view = told.step ? "step" : "total";
    layer.all();
    layer.around();
    was();
    show();
    standing();
    list.draw();
    hand.refresh();
    walk();
  }
  let walks = 0;
  let minutes = {}; // of walking, by grid: present borders and draft
  /** The walking minutes as the view needs them: what they were before one step of several is not known. */
  function walked() {
    if (view === "total" || plan.edits === 1) return minutes;
    return Object.fromEntries(Object.entries(minutes).map(([key, told]) => [key, { before: "—", after: told.after, change: "" }]));
  }
  /** Ask for the walking minutes of the grids that are shown; they take longer. */
  async function walk() {
    const keys = [...new Set([told.step, told.total].flatMap((one) => one?.cards.map((card) => card.key) || []))];
    walks += 1;
    const mine = walks;
    minutes = {};
    if (!keys.length) return;
    try {
      const found = await ask(`${data.url}/walking.json?keys=${keys.join(",")}`);
      if (mine !== walks) return;
      ({ minutes } = found);
    } catch {
      if (mine !== walks) return;
      minutes = Object.fromEntries(keys.map((key) => [key, { before: "—", after: "—", change: "" }])); // the rest of the panel stands
    }
    walking(at("effects"), walked());
  }

  // --- changing ----------------------------------------------------------------------------------------------------------

  const quiet = () => tell("");
  /** Change the draft. @returns {Promise<boolean>} whether the server did it */
  async function change(what, body = {}) {
    stage.classList.add("sending");
    try {
      take(await send.change(what, () => ({ revision: plan.revision, ...body })));
      quiet();
      return true;
    } catch (error) {
      tell(offline(error), { bad: true });
      if (error.status === 409) await reload();
      else show();
      return false;
    } finally {
      stage.classList.remove("sending");
    }
  }
  const edit = (operation) => change("edit", { operation, snap: snap.on });
  /** Somebody else was faster: show what is there now. */
  async function reload() {
    try {
      const now = await ask(`${data.url}/state.json`);
      shapes.grids.clear();
      take({ ...now, changed: now.grids });
    } catch (error) {
      tell(offline(error), { bad: true });
    }
  }
  let asked = 0;
  /** Show what an operation would do, while a hand moves. */
  function preview(operation) {
    if (!operation) { send.preview(null); show(); return; }
    const now = performance.now();
    clearTimeout(preview.later);
    const go = () => {
      asked = performance.now();
      send.preview(operation, (answer) => {
        stage.classList.toggle("forbidden", Boolean(answer.sentence));
        if (answer.sentence) at("told").textContent = answer.sentence;
        else if (answer.step) show(answer.step);
      });
    };
    if (now - asked >= PREVIEW_MS) go();
    else preview.later = setTimeout(go, PREVIEW_MS - (now - asked));
  }

  // --- hands and tools ---------------------------------------------------------------------------------------------------

  const snap = snapping(map, data.url);
  const lockedAt = (handle) => {
    const keys = handle.id === null ? new Set(handle.arc.keys) : shapes.holders(handle.id);
    return [...keys].map((key) => shapes.grids.get(key)).find((grid) => grid?.locked);
  };
  const hand = dragging(map, shapes, layer, {
    ready: () => editing() && mode === "move" && !sketch.drawing,
    snap: snap.at,
    touched: (keys) => paint([...keys].map((key) => ({ key, tone: "other", homes: { change: "" } }))),
    moving: preview,
    moved: async (operation) => {
      clearTimeout(preview.later);
      send.preview(null);
      stage.classList.remove("forbidden");
      return edit(operation);
    },
    removed: edit,
    chosen: () => {},
    barred: (handle) => {
      const grid = lockedAt(handle);
      if (grid) return say(words.is_locked, { name: grid.name });
      return handle.id !== null && shapes.at[handle.id].some(([arc]) => arc.keys[0] === 0) ? words.outline : "";
    },
    told: (why) => tell(why === "junction" ? words.no_removal : why, { bad: true }),
  });
  const sketch = sketching(map, { snap: snap.at, drawn: hint, done: finish });
  const give = giving(map, data.url, { drawn: hint, failed: (error) => tell(offline(error), { bad: true }) });
  const list = listing(map, shapes, hand, {
    words,
    editing,
    choose: (key) => { chosen = key; show(); },
    edit,
    change,
    grid: () => chosen,
    locked: lockedAt,
  });

  const RINGS = { cut: false, reshape: false, draw: true };
  function enter(next) {
    if (mode === next && sketch.drawing) return;
    sketch.end();
    give.end();
    hand.cancel();
    wanted = new Set();
    mode = next;
    stage.dataset.hand = mode;
    for (const button of document.querySelectorAll("[data-mode]")) button.setAttribute("aria-pressed", String(button.dataset.mode === mode || (mode === "reshape" && button.dataset.mode === "move")));
    if (mode in RINGS) sketch.begin({ ring: RINGS[mode] });
    if (mode === "give") give.begin();
    if (mode !== "move") hand.choose(null);
    stage.classList.toggle("drawing", mode in RINGS);
    hint();
    show();
  }
  /** Say what to do next with the tool in hand, and show the buttons that belong to it. */
  function hint() {
    if (!at("hint")) return; // who may only read has no tools
    if (!plan.editable) {
      at("hint").textContent = words.viewing;
      for (const id of ["done", "back", "leave", "along", "unit"]) at(id).hidden = true;
      return;
    }
    const n = mode === "give" ? give.count : sketch.count;
    const ready = mode === "give" ? n > 0 && give.to !== null : n > (mode === "draw" ? 2 : 1);
    const begun = ready ? `${mode}_ready` : mode === "give" && give.to !== null ? "give_to" : mode;
    at("hint").textContent = say(words[begun] || words[mode] || "", { n, name: shapes.grids.get(give.to)?.name || "" });
    at("done").hidden = !(mode in RINGS || mode === "give");
    at("done").disabled = !ready;
    at("back").hidden = !(mode in RINGS || mode === "give");
    at("back").disabled = !n && give.to === null;
    at("leave").hidden = mode === "move";
    at("along").hidden = mode !== "move";
    at("unit").hidden = mode !== "give";
  }
  async function finish() {
    const line = sketch.sent();
    let operation = null;
    if (mode === "cut") {
      const key = cutKey(line);
      if (key === null) { tell(words.cut_where, { bad: true }); return; }
      operation = { kind: "cut", key, line };
    } else if (mode === "reshape") operation = { kind: "reshape", line };
    else if (mode === "draw") operation = { kind: "draw", ring: line };
    else if (mode === "give") operation = { kind: "give", unit: give.unit, ids: give.ids(), to: give.to };
    if (operation && await edit(operation)) enter("move");
  }
  /** The grid a drawn line runs through the longest. */
  function cutKey(line) {
    const points = line.map(([x, y]) => [Math.round(x / UNIT), Math.round(y / UNIT)]);
    const share = new Map();
    for (let i = 1; i < points.length; i += 1) {
      for (let k = 0; k < 24; k += 1) {
        const t = (k + 0.5) / 24;
        const key = shapes.under([points[i - 1][0] + t * (points[i][0] - points[i - 1][0]), points[i - 1][1] + t * (points[i][1] - points[i - 1][1])]);
        if (key !== null) share.set(key, (share.get(key) || 0) + map.distance(latlng(points[i - 1]), latlng(points[i])));
      }
    }
    return [...share].sort((a, b) => b[1] - a[1])[0]?.[0] ?? null;
  }
  map.on("click", ({ latlng: where, containerPoint }) => {
    if (!editing() || sketch.drawing) return;
    const key = shapes.under(whole(where));
    if (mode === "join") {
      const border = hand.arcAt(containerPoint, 22);
      if (border && border.arc.keys[0] !== 0) { join(...border.arc.keys); return; }
      if (key === null) return;
      if (wanted.has(key)) wanted.delete(key);
      else wanted.add(key);
      if (wanted.size === 2) join(...wanted);
      else { at("hint").textContent = wanted.size ? say(words.join_next, { name: shapes.grids.get(key).name }) : words.join; show(); }
      return;
    }
    if (mode === "give") { give.click(where, key); wanted = new Set(give.to === null ? [] : [give.to]); show(); return; }
    if (mode === "move" && !hand.arcAt(containerPoint, 14)) { hand.choose(null); list.choose(key === chosen ? null : key); }
    else if (mode === "move") { const border = hand.arcAt(containerPoint, 22); if (border) hand.choose(border.arc); }
  });
  async function join(one, other) {
    const [keep, gone] = [one, other].map((key) => shapes.grids.get(key)).sort((a, b) => (a.key < 0) - (b.key < 0) || a.number - b.number);
    wanted = new Set();
    if (await edit({ kind: "join", keep: keep.key, gone: gone.key })) enter("move");
    else hint();
  }

  // --- keyboard and buttons ----------------------------------------------------------------------------------------------

  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, select, textarea, dialog");
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z" && !typing && editing()) {
      event.preventDefault();
      if (event.shiftKey ? plan.can_redo : plan.can_undo) change(event.shiftKey ? "redo" : "undo");
      return;
    }
    if (typing) return;
    if (event.key === "Escape" && !hand.cancel() && mode !== "move" && editing()) enter("move");
    if (event.key === "Enter" && editing() && !at("done").disabled && !at("done").hidden && !event.target.closest("button, a, summary")) finish();
    if (event.key === "Backspace" && sketch.count) { event.preventDefault(); sketch.back(); }
  });
  const acts = {
    undo: () => change("undo"),
    redo: () => change("redo"),
    done: finish,
    back: () => (mode === "give" ? give.back() : sketch.back()),
    leave: () => enter("move"),
    along: () => enter("reshape"),
    renumber: () => change("renumber"),
    rebase: () => change("rebase"),
    hold: () => change("hold"),
    snap: (button) => button.setAttribute("aria-pressed", String(snap.toggle())),
    faults: () => list.check(),
    "submit-open": () => at("submit").showModal(),
    "submit-close": () => at("submit").close(),
    "force-open": () => at("force").showModal(),
    "force-close": () => at("force").close(),
  };
  document.addEventListener("click", ({ target }) => {
    const button = target.closest?.("button");
    if (!button || button.disabled) return;
    if (button.dataset.mode) enter(button.dataset.mode);
    if (button.dataset.view) { view = button.dataset.view; show(); }
    if (button.dataset.act) acts[button.dataset.act]?.(button);
    const { tool } = button.dataset;
    if (tool === "in") map.zoomIn(1);
    if (tool === "out") map.zoomOut(1);
    if (tool === "locate") map.locate({ setView: true, maxZoom: 18 });
  });
  at("unit")?.addEventListener("change", ({ target }) => { give.unit = target.value; give.forget(); hint(); });
  for (const [id, what] of [["submit", "submit"], ["force", "hold"]]) {
    at(id)?.querySelector("form").addEventListener("submit", async (event) => {
      event.preventDefault();
      const fields = Object.fromEntries(new FormData(event.target));
      const problem = event.target.querySelector(".problem");
      problem.textContent = "";
      try {
        const answer = await post(`${data.url}/${what}`, { revision: plan.revision, ...fields });
        if (answer.next) { location.assign(answer.next); return; }
        at(id).close();
        take(answer);
      } catch (error) {
        problem.textContent = offline(error);
      }
    });
  }
  at("talk")?.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      const { comments } = await post(`${data.url}/comments`, { words: event.target.elements.words.value });
      event.target.reset();
      list.talk(comments);
    } catch (error) {
      tell(offline(error), { bad: true });
    }
  });

  // --- the view ------------------------------------------------------------------------------------------------------------

  sheet(() => map.invalidateSize({ pan: false }));
  shapes.put(data.shapes);
  const box = L.latLngBounds([...shapes.grids.values()].flatMap((grid) => grid.points[0].map(latlng)));
  const over = wide() ? (document.querySelector(".border-tools")?.offsetHeight ?? 0) + 12 : 12; // what the tools hide
  const fit = () => map.fitBounds(box, { paddingTopLeft: [24, over + 12], paddingBottomRight: [wide() ? 72 : 24, wide() ? 76 : window.innerHeight * 0.5], animate: false });
  /** Look where the address says: #zoom/latitude/longitude. */
  function look() {
    const hash = location.hash.match(/^#(\d+(?:\.\d+)?)\/(-?\d+(?:\.\d+)?)\/(-?\d+(?:\.\d+)?)$/);
    if (hash) map.setView([Number(hash[2]), Number(hash[3])], Number(hash[1]), { animate: false });
    return Boolean(hash);
  }
  if (!look() && box.isValid()) fit();
  window.addEventListener("hashchange", look);
  map.on("locationerror", () => tell(words.nowhere));
  map.on("gridmap:failed", ({ sentence }) => tell(sentence, { bad: true }));
  map.on("moveend", () => snap.load());
  take({ plan, changed: [], total: told.total });
  list.talk(data.comments);
  enter("move");
  if (data.open === "submit" && at("submit")) at("submit").showModal();
  if (data.tab) list.tab(data.tab);
  new ResizeObserver(() => map.invalidateSize({ pan: false })).observe(map.getContainer());
  setInterval(() => { if (!plan.editable && plan.state === "draft" && !document.hidden) reload(); }, WATCH_MS);
  document.documentElement.dataset.ready = "yes"; // for whoever waits: tests, screenshots
}
