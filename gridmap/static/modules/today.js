/**
 * The worker's day: draws the list from the day's JSON, records a door in one tap, finds another order.
 *
 * The server has drawn the header and the next stop already; everything is drawn again from the same data, so that the
 * page is the same without a network. This file begins it and listens to the outbox; day.js holds what is known,
 * list.js draws it, door.js and floors.js are what one touches, records.js keeps, order.js finds another order.
 */
import { at, drawnBy, findDay, my, render, setDay } from "./day.js";
import { el, words } from "./doorstep.js";
import { askHours, hideHours } from "./hours.js";
import { drawList } from "./list.js";
import { openOutbox } from "./outbox.js";
import { loadMarks } from "./snapshot.js";
import { drawStrip } from "./strip.js";

let drawn = ""; // what the list says of its records

async function changed(detail) {
  const [before, said] = [my.waiting, my.told];
  my.told = detail;
  try {
    my.waiting = new Map((await (await my.outbox).pending()).map((slip) => [slip.id, slip]));
    const heard = (one) => JSON.stringify([one?.held, one?.decided]);
    if ([...before.keys()].some((id) => !my.waiting.has(id)) || heard(said) !== heard(detail)) await learnStates();
  } catch (fault) {
    if (fault.name !== "StorageFault") throw fault;
    my.told = { ...detail, fault };
  }
  drawStrip();
  const seen = JSON.stringify([[...my.waiting.values()].map(({ id, state }) => [id, state]), Object.values(my.marks).map(({ state }) => state)]);
  if (seen === drawn || document.querySelector(".choosing") || at("list").querySelector("details[open]")) return;
  drawn = seen; // while somebody chooses or reads, the list waits
  render();
}

/** What the outbox knows by now of the records among the marks. */
async function learnStates() {
  for (const [id, { id: record, state, words: said }] of Object.entries(await loadMarks(my.day.account_id, my.day.on))) {
    if (my.marks[id] && my.marks[id].id === record) Object.assign(my.marks[id], { state, words: said });
  }
}

async function begin() {
  drawnBy(() => { drawList(); hideHours(); });
  my.day = await findDay();
  if (!my.day) {
    at("next").replaceChildren(el("p.empty", {}, words.no_day));
    return;
  }
  my.outbox = openOutbox({ accountId: my.day.account_id, key: my.day.key, name: my.day.worker.name });
  try {
    my.marks = await loadMarks(my.day.account_id, my.day.on);
  } catch (fault) {
    if (fault.name !== "StorageFault") throw fault;
  }
  await setDay(my.day);
  const box = await my.outbox;
  box.addEventListener("change", ({ detail }) => changed(detail));
  await changed(await box.told());
  setInterval(async () => changed(await box.told()), 15_000);
  askHours();
  document.documentElement.dataset.ready = "yes"; // for whoever waits: tests, screenshots
}

begin();
