/** Better hours for today's walk: offered until he sets out, taken and taken back with one tap. */
import { at, everyDoor, isDone, my, setDay } from "./day.js";
import { words } from "./doorstep.js";
import { offerUndo, tell } from "./notices.js";
import { offerHours, setOutAt } from "./offer.js";

const begun = () => Object.keys(my.marks).length > 0 || my.day.stops.some((stop) => stop.done) || everyDoor().some(isDone);
const failed = (sentence) => tell(sentence ?? words.hours_failed, { bad: true });

async function back(day, startS) {
  const { ok, said } = await setOutAt(day.plan_id, startS);
  if (!ok) { failed(said.error); return; }
  await setDay(said);
  tell(words.undone);
}

/** Ask once the list stands. */
export function askHours() {
  offerHours(at("hours"), {
    planId: my.day.local ? 0 : my.day.plan_id,
    begun,
    done: async (day, offer) => {
      await setDay(day);
      offerUndo(offer.taken, () => back(day, offer.before_s));
    },
    failed,
  });
}

/** Once he has set out nothing is offered. */
export function hideHours() {
  if (begun()) at("hours").hidden = true;
}
