/**
 * The record of one door in full: everything is a chip or a line of text, nothing but the result is asked for.
 *
 * @typedef {{household_id: number, grid_id: number, address: string, label: string, members: {id: number, name: string,
 *   relation: string}[], materials: number[], purposes: string[]}} Door
 */
import { clock, el, icon, later, momentOf, openSheet, say, weekdayOf, words } from "./doorstep.js";

const LONGEST_SIDE = 1280; // px of a photo
const LARGEST_PHOTO = 480_000; // bytes; the server takes 500 kB
const TIMES_MIN = [9 * 60 + 30, 10 * 60 + 30, 14 * 60 + 30, 15 * 60, 16 * 60 + 30, 18 * 60 + 30, 19 * 60 + 30];
const PROMISE_MIN = 30; // how long a promised moment is waited for

/**
 * The body of a visit on the wire; what is not told is null or empty.
 * @param {Door} door @param {object} told @param {number|null} planId
 */
export function visitBody(door, told, planId) {
  const { photo, ...more } = told;
  return {
    household_id: door.household_id,
    in_grid_id: door.grid_id,
    result: "met",
    mode: "door",
    visited_at: new Date().toISOString(),
    minutes: null,
    purpose: door.purposes?.[0] ?? "routine",
    resident_id: null,
    materials: [],
    needs: [],
    hazards: [],
    dispute: null,
    follow_up_on: null,
    consent: null,
    availability: [],
    appointment: null,
    event: null,
    note: null,
    plan_id: planId || null,
    ...more,
  };
}

/** A group of chips of which one, or any number, is pressed; all are buttons, so a keyboard and a reader know them. */
function choices(label, options, { many = false, value = many ? [] : null, changed = () => {} } = {}) {
  const chosen = new Set(many ? value : value === null ? [] : [value]);
  const box = el("div.picks", { role: "group", aria: { label } });
  for (const [code, word] of options) {
    const button = el("button.pick", { aria: { pressed: chosen.has(code) }, data: { code: String(code) } }, word);
    button.addEventListener("click", () => {
      const was = chosen.has(code);
      if (!many) chosen.clear();
      if (was) chosen.delete(code);
      else chosen.add(code);
      for (const other of box.children) other.setAttribute("aria-pressed", String([...chosen].some((c) => String(c) === other.dataset.code)));
      changed();
    });
    box.append(button);
  }
  return { box, get value() { return many ? [...chosen] : [...chosen][0] ?? null; } };
}

const line = (label, props = {}) => el("label.field", {}, el("span", {}, label), el("textarea", { rows: 2, maxLength: 500, ...props }));
const textOf = (field) => field.querySelector("textarea, input").value.trim();

/** One thing that can be added; closed until it is wanted. */
function part(name, title, symbol, ...inside) {
  return el("details.part", { data: { part: name } },
    el("summary", {}, icon(symbol), el("span", {}, title), icon("chevron-down")), el("div.part-body", {}, ...inside));
}

/**
 * Draw a photo anew, so that nothing is left of it but what is seen: no place, no device, no time.
 * @param {Blob} file @returns {Promise<{canvas: HTMLCanvasElement, jpeg: string}>} jpeg: base64
 */
export async function redraw(file) {
  const picture = await createImageBitmap(file, { imageOrientation: "from-image" });
  const canvas = document.createElement("canvas");
  for (const [side, quality] of [[LONGEST_SIDE, 0.8], [LONGEST_SIDE, 0.6], [960, 0.6], [640, 0.5]]) {
    const scale = Math.min(1, side / Math.max(picture.width, picture.height));
    canvas.width = Math.max(1, Math.round(picture.width * scale));
    canvas.height = Math.max(1, Math.round(picture.height * scale));
    canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
    const jpeg = canvas.toDataURL("image/jpeg", quality).split(",")[1];
    if (jpeg.length * 0.75 <= LARGEST_PHOTO) return { canvas, jpeg };
  }
  throw new RangeError("photo too large");
}

function photoPart() {
  const found = { jpeg: null, taken_at: null };
  const input = el("input.unseen", { type: "file", accept: "image/*", id: "photo-file" });
  input.setAttribute("capture", "environment");
  const told = el("p.hint", { role: "status" }, words.photo_note);
  const seen = el("div.seen");
  input.addEventListener("change", async () => {
    if (!input.files[0]) return;
    try {
      const { canvas, jpeg } = await redraw(input.files[0]);
      Object.assign(found, { jpeg, taken_at: new Date().toISOString() });
      canvas.setAttribute("role", "img");
      canvas.setAttribute("aria-label", words.photo);
      const drop = el("button.button", { onclick: () => { found.jpeg = null; seen.replaceChildren(); input.value = ""; input.focus(); } }, words.photo_remove);
      seen.replaceChildren(canvas, drop);
      told.textContent = words.photo_note;
    } catch {
      told.textContent = words.photo_bad; // not a picture, or one this browser cannot read
    }
  });
  const box = part("photo", words.photo, "camera", input, el("label.button", { htmlFor: "photo-file" }, icon("camera"), words.photo_take), told, seen);
  return { box, found };
}

function needPart() {
  const rows = [];
  const list = el("div.stack");
  const add = () => {
    const kind = choices(words.need, Object.entries(words.needs));
    const summary = line(words.need_words, { name: "need" });
    rows.push({ kind, summary });
    list.append(el("div.one", {}, kind.box, summary));
    return summary;
  };
  add();
  const more = el("button.button", { onclick: () => add().querySelector("textarea").focus() }, icon("plus"), words.need_more);
  const read = () => rows.map(({ kind, summary }) => ({ kind: kind.value, summary: textOf(summary), field: summary })).filter(({ kind, summary }) => kind || summary);
  return { box: part("need", words.need, "chat-dots", list, more), read };
}

function hazardPart() {
  const kinds = choices(words.hazard, Object.entries(words.hazards), { many: true });
  const note = line(words.hazard_note, { rows: 1 });
  const read = () => kinds.value.map((kind) => ({ kind, note: textOf(note) || null }));
  return { box: part("hazard", words.hazard, "exclamation-triangle", kinds.box, note), read };
}

/** Days from tomorrow on, said as people say them. */
function days(on, count) {
  const named = [words.tomorrow, words.after_tomorrow];
  return Array.from({ length: count }, (_, i) => {
    const day = later(on, i + 1);
    return [day, named[i] ?? words.weekdays[weekdayOf(day)]];
  });
}

function followPart(on) {
  const date = el("input", { type: "date", min: later(on, 1), name: "follow_up" });
  const usual = [[1, words.tomorrow], [3, say(words.in_days, { n: 3 })], [7, say(words.in_days, { n: 7 })], [30, words.in_month]];
  const picks = choices(words.follow_up, usual, { changed: () => { date.value = picks.value ? later(on, picks.value) : ""; } });
  return { box: part("follow_up", words.follow_up, "arrow-repeat", picks.box, el("label.field", {}, el("span", {}, words.date), date)), read: () => date.value || null };
}

function promisePart(on, timezone, hours) {
  const day = choices(words.promise_day, days(on, 6));
  const time = choices(words.promise_time, TIMES_MIN.filter((t) => t >= hours.quiet_until_min && t <= hours.quiet_from_min).map((t) => [t, clock(60 * t)]));
  const box = part("promise", words.promise, "calendar-check", el("h3", {}, words.promise_day), day.box, el("h3", {}, words.promise_time), time.box);
  const read = () => (day.value === null || time.value === null ? null : {
    starts_at: momentOf(day.value, time.value, timezone), ends_at: momentOf(day.value, time.value + PROMISE_MIN, timezone),
  });
  return { box, read, half: () => (day.value === null) !== (time.value === null) };
}

function homePart(hours) {
  const late = Math.max(hours.quiet_from_min, 18 * 60 + 30);
  const all = [0, 1, 2, 3, 4, 5, 6];
  const spans = {
    evenings: { weekdays: all, from_min: 18 * 60, until_min: late },
    weekends: { weekdays: [5, 6], from_min: hours.quiet_until_min, until_min: late },
    mornings: { weekdays: all, from_min: hours.quiet_until_min, until_min: 12 * 60 },
    afternoons: { weekdays: all, from_min: 14 * 60, until_min: 18 * 60 },
  };
  const picks = choices(words.availability, Object.keys(spans).map((code) => [code, words[code]]), { many: true });
  return { box: part("availability", words.availability, "clock", picks.box), read: () => picks.value.map((code) => spans[code]) };
}

/**
 * The form itself.
 * @param {{door: Door, on: string, timezone: string, hours: object, materials: {id: number, name: string}[],
 *   result?: string, open?: string}} about  open: the part to begin with
 * @returns {{body: Node[], first: HTMLElement|null, read: () => object|null}} read: null when something is missing
 */
export function form({ door, on, timezone, hours, materials, result = "met", open = "" }) {
  const persons = door.members.map((m) => [m.id, `${m.name} ${words.relations[m.relation] ?? ""}`.trim()]);
  const who = choices(words.person, persons);
  const whoBox = el("section.ask", { hidden: !persons.length || result !== "met" }, el("h3", {}, words.person), who.box);
  const results = choices(words.result, Object.entries(words.results), {
    value: result, changed: () => { whoBox.hidden = !persons.length || results.value !== "met"; },
  });
  const mode = choices(words.mode, Object.entries(words.modes), { value: "door" });
  const purpose = choices(words.purpose, Object.entries(words.purposes), { value: door.purposes?.[0] ?? "routine" });
  const usual = [...materials].sort((a, b) => Number(door.materials?.includes(b.id)) - Number(door.materials?.includes(a.id)));
  const given = choices(words.materials, usual.map((m) => [m.id, m.name]), { many: true });
  const event = choices(words.event, Object.entries(words.events));
  const consent = choices(words.consent, Object.entries(words.consents));
  const [need, hazard, follow, home, photo] = [needPart(), hazardPart(), followPart(on), homePart(hours), photoPart()];
  const promise = promisePart(on, timezone, hours);
  const dispute = line(words.dispute_words);
  const note = line(words.note);
  const bad = el("p.notice.bad", { role: "alert", hidden: true });

  const parts = [
    need.box,
    usual.length && part("materials", words.materials, "file-text", given.box),
    promise.box,
    home.box,
    follow.box,
    hazard.box,
    part("dispute", words.dispute, "people", dispute),
    part("event", words.event, "lightning-charge", event.box),
    part("consent", words.consent, "shield-check", consent.box),
    part("purpose", words.purpose, "list-check", purpose.box),
    part("note", words.note, "file-text", note),
    photo.box,
  ].filter(Boolean);
  const first = parts.find((one) => one.dataset.part === open) ?? null;
  if (first) first.open = true;

  const wrong = (sentence, field) => {
    bad.textContent = sentence;
    bad.hidden = false;
    const details = field.closest("details");
    if (details) details.open = true;
    field.querySelector("textarea, button").focus();
    return null;
  };
  function read() {
    bad.hidden = true;
    const needs = need.read();
    const empty = needs.find(({ summary }) => !summary);
    if (empty) return wrong(words.need_empty, empty.field);
    if (promise.half()) return wrong(words.promise_half, promise.box.querySelector(".part-body"));
    const now = new Date().toISOString();
    return {
      result: results.value ?? "met",
      mode: mode.value ?? "door",
      resident_id: results.value === "met" ? who.value : null,
      purpose: purpose.value ?? "routine",
      materials: given.value,
      needs: needs.map(({ kind, summary }) => ({ kind: kind ?? "other", summary })),
      hazards: hazard.read(),
      dispute: textOf(dispute) ? { summary: textOf(dispute) } : null,
      follow_up_on: follow.read(),
      consent: consent.value,
      availability: home.read(),
      appointment: promise.read(),
      event: event.value ? { kind: event.value, happened_at: now } : null,
      note: textOf(note) || null,
      photo: photo.found.jpeg ? photo.found : null,
    };
  }
  const ask = (title, box) => el("section.ask", {}, el("h3", {}, title), box);
  return { body: [ask(words.result, results.box), whoBox, ask(words.mode, mode.box), el("div.parts", {}, ...parts), bad], first, read };
}

/**
 * The form as a sheet over the list.
 * @param {object} about  as of `form`
 * @param {(told: object) => Promise<boolean>} save  true: it is kept, the sheet closes
 */
export function openRecorder(about, save) {
  let made;
  const { box } = openSheet(about.door.label === about.door.address ? words.record : `${about.door.label} · ${words.record}`, (close) => {
    made = form(about);
    const button = el("button.act.main", {}, icon("check-lg"), words.save);
    button.addEventListener("click", async () => {
      const told = made.read();
      if (!told) return;
      button.disabled = true;
      if (await save(told)) close();
      else button.disabled = false;
    });
    return { body: made.body, foot: [button], note: about.door.address };
  });
  box.classList.add("recorder");
  if (made.first) made.first.scrollIntoView({ block: "start" });
}
