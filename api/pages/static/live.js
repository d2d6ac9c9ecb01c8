// Keeps a page up with the chain: a change renews the parts that say so, and the demonstration's clock can be moved.

import { say } from "./words.js";

const QUIET = 600; // milliseconds without another message before the page is renewed
const holder = document.querySelector("[data-live]");
const spoken = document.getElementById("said");

export function announce(text) {
  if (spoken) spoken.textContent = text;
}

// Another script (the wallet's) calls this when it has changed something.
export function changed() {
  document.body.dispatchEvent(new CustomEvent("penstock:changed"));
}

// What happened since the page was made comes first, so nothing is missed while it loads.
function follow(deployment, after) {
  let timer;
  const soon = () => {
    clearTimeout(timer);
    timer = setTimeout(changed, QUIET);
  };
  const wish = new URLSearchParams(deployment ? { deployment } : {});
  if (after) wish.set("after", after);
  const source = new EventSource(`/v1/stream?${wish}`);
  for (const topic of ["chain", "kpi", "deployment", "reorganisation", "resync"]) source.addEventListener(topic, soon);
  addEventListener("pagehide", () => source.close());
}

// A part that somebody is using stays as it is until the next change.
document.body.addEventListener("htmx:oobBeforeSwap", (event) => {
  const part = event.detail.target;
  if (part.contains(document.activeElement)) event.detail.shouldSwap = false;
  else for (const each of part.querySelectorAll("details[id]")) each.open ? kept.add(each.id) : kept.delete(each.id);
});

const kept = new Set();

document.body.addEventListener("htmx:oobAfterSwap", (event) => {
  event.target.dataset.fresh = "";
  for (const id of kept) document.getElementById(id)?.setAttribute("open", "");
  announce(say("The page has been brought up to date."));
});

if (holder) follow(holder.dataset.live, holder.dataset.after);

// What is being computed is looked at again.
const LATER = 4000;
setInterval(() => {
  if (document.querySelector("[data-soon]") && !document.hidden) changed();
}, LATER);

// On paper nothing is folded.
let folded = [];
addEventListener("beforeprint", () => {
  folded = [...document.querySelectorAll("main details:not([open])")];
  for (const each of folded) each.open = true;
});
addEventListener("afterprint", () => {
  for (const each of folded) each.open = false;
});

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-advance]");
  if (!button) return;
  const told = document.getElementById("demo-said");
  button.disabled = true;
  told.textContent = say("The clock moves; everybody does what is due. This can take some seconds.");
  try {
    const answer = await fetch("/v1/demo/advance", {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "application/json" },
      body: "{}",
    });
    const body = await answer.json();
    if (!answer.ok) throw new Error(body.detail ?? answer.statusText);
    location.reload();
  } catch (error) {
    told.textContent = say("That did not work: {reason}", { reason: error.message });
    button.disabled = false;
  }
});
