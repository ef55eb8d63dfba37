/**
 * What goes between the editor and the server: previews while a hand moves (one at a time, the newest wins), changes one
 * after the other, each on the revision before it.
 */

/** Something the server says no to; `status` 409 means that somebody else was faster. */
export class Refused extends Error {
  constructor(sentence, status) {
    super(sentence);
    this.status = status;
  }
}

export async function post(url, body) {
  const answer = await fetch(url, {
    method: "POST",
    headers: { Accept: "application/json", "Content-Type": "application/json", "X-Gridmap": "1" },
    body: JSON.stringify(body),
  });
  const told = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Refused(told.error || String(answer.status), answer.status);
  return told;
}

/** @param {string} base  the draft's address */
export function sender(base) {
  let asking = false;
  let waiting = null;
  let wanted = 0;
  let line = Promise.resolve();

  return {
    /** Ask what an operation would do; null takes back what was asked. Answers that are no longer wanted are dropped. */
    preview(operation, answered) {
      wanted += 1;
      waiting = operation && { operation, answered, mine: wanted };
      const next = async () => {
        if (asking || !waiting) return;
        const { operation: asked, answered: tell, mine } = waiting;
        waiting = null;
        asking = true;
        let told = null;
        try {
          told = await post(`${base}/preview`, { operation: asked });
        } catch (error) {
          told = { sentence: error instanceof Refused ? error.message : "" };
        } finally {
          asking = false;
        }
        if (mine === wanted) tell(told);
        next();
      };
      next();
    },
    /** Change the draft; changes stand in line. @returns {Promise<object>} what the draft is now */
    change(what, body) {
      const mine = line.then(() => post(`${base}/${what}`, body()));
      line = mine.catch(() => {});
      return mine;
    },
  };
}
