/**
 * The panel beside the borders: what a change does to each grid, the list twin of the map with its nodes for the
 * keyboard, faults one after the other. Every text comes from the server or the page and is set with textContent.
 *
 * @typedef {{key: number, name: string, tone: string, mark: string, homes: {before: string, after: string, change: string},
 *   band: {low: number, high: number, most: number, before: number|null, after: number|null, state: string, words: string}|null,
 *   rows: {word: string, before: string, after: string, change: string}[], groups: {word: string, before: string, after: string}[],
 *   walking: string}} Card
 */
import { icon } from "./stage.js";

export const at = (id) => document.getElementById(id);
export const say = (sentence, values) => sentence.replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));

/** An element with a class and text, or with children. */
export function make(tag, className = "", content = "") {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...(Array.isArray(content) ? content : [content]));
  return made;
}

function bandOf(band) {
  const scale = (n) => `${Math.max(0, Math.min(100, (100 * n) / band.most))}%`;
  const bar = make("div", `band ${band.state}`);
  bar.setAttribute("role", "img");
  bar.setAttribute("aria-label", band.words);
  const zone = make("span", "zone");
  zone.style.left = scale(band.low);
  zone.style.width = `${(100 * (band.high - band.low)) / band.most}%`;
  bar.append(zone);
  for (const [name, value] of [["was", band.before], ["is", band.after]]) {
    if (value === null) continue;
    const point = make("span", name);
    point.style.left = scale(value);
    bar.append(point);
  }
  return make("div", "band-box", [bar, make("p", "quiet small", band.words)]);
}

function row({ word, before, after, change }, className = "") {
  const line = make("tr", className);
  const head = make("th", "", word);
  head.scope = "row";
  line.append(head, make("td", "right was", before), make("td", "right", after), make("td", "right diff", change));
  return line;
}

/** One grid before and after. @param {Card} card @param {Record<string, string>} words */
function cardOf(card, words, open) {
  const head = make("h2", "", card.name);
  const title = make("div", "effect-head", card.mark ? [head, make("span", "tag", card.mark)] : [head]);
  const homes = make("p", "homes-line", [
    make("span", "was number", card.homes.before), icon("arrow-right"), make("span", "number", card.homes.after),
    make("span", "unit", words.homes), make("span", `delta ${card.tone}`, card.homes.change),
  ]);
  const table = document.createElement("table");
  table.className = "effect-table";
  const body = document.createElement("tbody");
  const head2 = make("tr", "unseen-head", [words.what, words.before, words.after, words.change].map((word) => {
    const cell = make("th", word === words.what ? "" : "right", word);
    cell.scope = "col";
    return cell;
  }));
  const thead = make("thead", "", [head2]);
  body.append(...card.rows.map((one) => row(one, one.code)));
  table.append(thead, body);
  const parts = [title, homes];
  if (card.band) parts.push(bandOf(card.band));
  parts.push(table);
  if (card.groups.length) {
    const more = make("details", "groups", [make("summary", "", words.groups)]);
    more.open = open;
    const list = document.createElement("table");
    list.className = "effect-table";
    list.append(make("tbody", "", card.groups.map((one) => row({ ...one, change: one.change }))));
    more.append(list);
    parts.push(more);
  }
  const made = make("article", `effect card ${card.tone}`, parts);
  made.dataset.key = String(card.key);
  return made;
}

/** Show what a change does. @param {{words: string, cards: Card[]}} told */
export function effects(box, told, words) {
  const open = new Set([...box.querySelectorAll("article:has(details[open])")].map((one) => one.dataset.key));
  box.replaceChildren(...told.cards.map((card) => cardOf(card, words, open.has(String(card.key)))));
}

/** Put the walking minutes into cards that are shown, when the slower answer has come. */
export function walking(box, minutes) {
  for (const [key, told] of Object.entries(minutes)) {
    const line = box.querySelector(`article[data-key="${key}"] tr.walking`);
    if (!line) continue;
    const [, before, after, change] = line.children;
    before.textContent = told.before;
    after.textContent = told.after;
    change.textContent = told.change;
  }
}

/** A grid in the list: its name, a button that locks it, and when it is open what belongs to it. */
export function gridRow(grid, { words, editable, open, note }) {
  const swatch = make("span", `number-plate ${grid.kind === "commercial" ? "commercial" : ""}`, String(grid.number));
  const name = make("span", "name", grid.name);
  const sub = make("span", "sub", [note, grid.worker].filter(Boolean).join(" · "));
  const choose = make("button", "grid-choose", [swatch, make("span", "names", [name, sub])]);
  choose.type = "button";
  choose.dataset.grid = String(grid.key);
  choose.setAttribute("aria-expanded", String(open));
  const parts = [choose];
  if (editable) {
    const lock = make("button", "tool lock", [icon(grid.locked ? "lock" : "unlock")]);
    lock.type = "button";
    lock.dataset.lock = String(grid.key);
    lock.setAttribute("aria-pressed", String(grid.locked));
    lock.setAttribute("aria-label", say(words.lock, { name: grid.name }));
    parts.push(lock);
  }
  return make("li", open ? "open" : "", [make("div", "grid-line", parts)]);
}

/** The nodes of a border, each a button that arrow keys move. */
export function nodeList(arc, nodes, { words, other, length }) {
  const list = make("ol", "nodes", nodes.map(({ id, junction }, i) => {
    const button = make("button", `node ${junction ? "junction" : ""}`, String(i + 1));
    button.type = "button";
    button.dataset.vertex = String(id);
    button.setAttribute("aria-label", say(junction ? words.junction : words.node, { n: i + 1, all: nodes.length, name: other }));
    return make("li", "", [button]);
  }));
  return make("div", "arc", [make("h2", "", say(words.arc, { name: other, m: length })), list]);
}
