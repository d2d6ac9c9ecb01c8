// The oracle's page: a report is challenged with evidence, and a challenger who was right is paid.

import { changed } from "./live.js";
import { act } from "./wallet.js";
import { say } from "./words.js";

// What the raw data gave, by the address that computes it again.
const results = new Map();

const within = (address) => `[data-challenge="${CSS.escape(address.split("?")[0])}"]`;

function shown() {
  for (const [address, result] of results) {
    const said = document.querySelector(`${within(address)} [data-challenge-said]`);
    if (!said) continue;
    said.textContent = result.ok || result.holds
      ? say("The value that counts follows from its raw data. A challenge would most likely fail.")
      : say("The raw data do not give this value. You challenge with them as evidence.");
  }
}

document.addEventListener("penstock:recomputed", (event) => {
  results.set(event.target.dataset.recompute, event.detail);
  shown();
});
document.body.addEventListener("htmx:oobAfterSwap", shown);

async function recomputed(form) {
  const address = form.dataset.challenge;
  const known = [...results].find(([each]) => each.split("?")[0] === address);
  if (known) return known[1];
  const button = document.querySelector(`[data-recompute^="${CSS.escape(address)}"]`);
  if (!button) return null;
  const done = new Promise((resolve) => {
    const stop = new AbortController();
    const end = (result) => {
      stop.abort();
      resolve(result);
    };
    document.addEventListener("penstock:recomputed", (event) => event.target === button && end(event.detail), { signal: stop.signal });
    document.addEventListener("penstock:not-recomputed", (event) => event.target === button && end(null), { signal: stop.signal });
  });
  button.click();
  return done;
}

document.addEventListener("submit", async (event) => {
  const form = event.target.closest("[data-challenge]");
  if (!form) return;
  event.preventDefault();
  const button = form.querySelector("button");
  button.disabled = true;
  try {
    const result = await recomputed(form);
    const evidence = result?.evidence;
    if (!evidence) {
      form.querySelector("[data-challenge-said]").textContent = say("There is no evidence to challenge with.");
      return;
    }
    await act(form.dataset.deployment, "challenge", { ...Object.fromEntries(new FormData(form)), evidence });
  } catch {
    // The dialog has said what went wrong.
  } finally {
    button.disabled = false;
  }
});

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-withdraw]");
  if (!button) return;
  button.disabled = true;
  try {
    await act(button.dataset.deployment, "withdraw-credit", { account: button.dataset.withdraw });
  } catch {
    // The dialog has said what went wrong.
  } finally {
    button.disabled = false;
  }
});

addEventListener("penstock:done", () => setTimeout(changed, 1_000));
