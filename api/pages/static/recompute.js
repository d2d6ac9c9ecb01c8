// Buttons that have a report computed again from its raw data, and say what came of it.

import { say } from "./words.js";
import { announce } from "./live.js";

const PAUSE = 700; // milliseconds between two looks at the job

async function answer(response) {
  const body = await response.json();
  if (!response.ok) throw new Error(body.detail ?? response.statusText);
  return body;
}

async function finished(address, tell) {
  for (;;) {
    const job = await answer(await fetch(address));
    if (job.state === "done") return answer(await fetch(`${address}/result`));
    if (job.state === "failed" || job.state === "cancelled") throw new Error(job.error ?? job.state);
    tell(say("Computing again: {percent} %", { percent: Math.round(100 * (job.progress ?? 0)) }));
    await new Promise((ready) => setTimeout(ready, PAUSE));
  }
}

function paragraph(tone, text) {
  const part = document.createElement("div");
  part.className = `notice ${tone}`;
  const line = document.createElement("p");
  line.textContent = text;
  part.append(line);
  return part;
}

function told(result) {
  if (result.ok) return paragraph("good", say("Every reading follows from its raw data. The report is right."));
  const part = result.holds
    ? paragraph("wait", say("Some readings do not follow from their raw data. The middle one, which counts, does."))
    : paragraph("bad", say("This report does not follow from the raw data."));
  const list = document.createElement("ul");
  for (const culprit of result.culprits) {
    const item = document.createElement("li");
    const node = culprit.signer_index === null || culprit.signer_index === undefined ? culprit.node : say("Node {number}", { number: culprit.signer_index + 1 });
    item.textContent = `${node}: ${culprit.reason}`;
    list.append(item);
  }
  part.append(list);
  return part;
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-recompute]");
  if (!button) return;
  const place = document.getElementById(button.getAttribute("aria-describedby"));
  const tell = (text) => place.replaceChildren(paragraph("", text));
  button.disabled = true;
  tell(say("Computing again from the raw data. This runs the real model and takes some seconds."));
  try {
    const response = await fetch(button.dataset.recompute, { method: "POST", headers: { Accept: "application/json" } });
    let result = await answer(response);
    if (response.status === 202) result = await finished(response.headers.get("location") ?? `/v1/jobs/${result.id}`, tell);
    place.replaceChildren(told(result));
    announce(place.textContent);
    button.dispatchEvent(new CustomEvent("penstock:recomputed", { bubbles: true, detail: result }));
  } catch (error) {
    place.replaceChildren(paragraph("bad", say("That did not work: {reason}", { reason: error.message })));
    button.dispatchEvent(new CustomEvent("penstock:not-recomputed", { bubbles: true }));
  } finally {
    button.disabled = false;
  }
});
