// Forms become actions of the reader's wallet: what is typed is written as the API wants it.

import { changed } from "./live.js";
import { act } from "./wallet.js";
import { say } from "./words.js";

// Whole units of the currency, as 1,234.5, in its minor units, as text; throws for what is none. A comma parts
// thousands and nothing else: 1,5 is no amount, whatever it would be elsewhere.
function minor(text, decimals) {
  const [, whole, part = ""] = /^(\d{1,3}(?:,\d{3})+|\d+)(?:\.(\d+))?$/.exec(text.trim()) ?? [];
  if (whole === undefined || part.length > decimals) throw new Error(say("Not an amount of the currency: {text}", { text }));
  return BigInt(whole.replaceAll(",", "") + part.padEnd(decimals, "0")).toString();
}

const written = {
  money: (text, input) => minor(text, Number(input.dataset.decimals)),
  day: (text) => Date.parse(`${text}T23:59:59Z`) / 1000, // until its end
  flag: (text) => text === "true",
};

function values(form) {
  const given = {};
  for (const input of form.elements) {
    const text = input.value;
    if (!input.name || text === "") continue;
    const write = written[input.dataset.kind];
    given[input.name] = write ? write(text, input) : text;
  }
  return given;
}

// Forms come and go with the parts of the page, so the document listens for them.
document.addEventListener("submit", async (event) => {
  const form = event.target.closest("[data-act]");
  if (!form) return;
  event.preventDefault();
  const { act: action, deployment, part } = form.dataset;
  const again = form.querySelector("button");
  const note = form.querySelector("[data-wrong]");
  let given;
  try {
    given = values(form);
  } catch (error) {
    note.textContent = error.message;
    note.hidden = false;
    return;
  }
  again.disabled = true;
  try {
    const done = await act(deployment, action, given, part);
    if (done) form.reset();
  } catch {
    // The dialog has said what went wrong.
  } finally {
    again.disabled = false;
  }
});

document.addEventListener("input", (event) => {
  const note = event.target.closest("[data-act]")?.querySelector("[data-wrong]");
  if (note) note.hidden = true;
});

addEventListener("penstock:done", () => setTimeout(changed, 1_000));
