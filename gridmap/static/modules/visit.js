/** Recording a visit at one household, opened from its card: the same recorder as on the day's list. */
import { block, el, icon, words } from "./doorstep.js";
import { keepVisit, takeBack } from "./keeping.js";
import { offerFile, offerUndo, tell, toldOf } from "./notices.js";
import { openOutbox } from "./outbox.js";
import { form } from "./recorder.js";

const about = block("visit");
const { door } = about;

function begin() {
  const outbox = openOutbox({ accountId: about.account_id, key: about.key, name: about.name });
  const place = document.getElementById("form");
  const save = el("button.act.main", { type: "submit" }, icon("check-lg"), words.save);
  const made = form(about);
  place.append(...made.body, el("div.save", {}, save));
  place.addEventListener("submit", async (event) => {
    event.preventDefault();
    const visit = made.read();
    if (!visit) return;
    save.disabled = true;
    const { ids, fault } = await keepVisit(await outbox, door, visit, about.on, null);
    if (fault) offerFile(fault, about.on);
    else {
      offerUndo(toldOf([door], visit.result), async () => {
        tell(await takeBack(await outbox, door, ids, about.on) ? words.withdrawn : words.undone);
        save.disabled = false;
      });
    }
  });
  document.documentElement.dataset.ready = "yes"; // for whoever waits: tests, screenshots
}

begin();
