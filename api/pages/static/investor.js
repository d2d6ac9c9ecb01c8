// The investor's page: whoever connects sees what is theirs, and forms become actions of their wallet.

import "./acts.js";
import { connect, disconnect, restore, short, useDemo } from "./wallet.js";
import { say } from "./words.js";

const page = document.querySelector("[data-investor]");
const bar = document.querySelector("[data-wallet]");
const shown = page?.dataset.investor ?? "";

function go(address) {
  const url = new URL(location.href);
  if (address) url.searchParams.set("address", address);
  else url.searchParams.delete("address");
  if (url.href !== location.href) location.assign(url);
}

function tell(wallet) {
  if (!bar) return;
  const who = bar.querySelector("[data-who]");
  const name = wallet?.name ? `${say(wallet.name)} ` : "";
  who.textContent = wallet ? say("Connected: {who}", { who: name + short(wallet.address) }) : say("No wallet is connected.");
  bar.querySelector("[data-connect]").hidden = Boolean(wallet);
  bar.querySelector("[data-disconnect]").hidden = !wallet;
  const other = bar.querySelector("[data-other]");
  other.hidden = !wallet || !shown || wallet.address.toLowerCase() === shown.toLowerCase();
  if (!other.hidden) {
    const own = Object.assign(document.createElement("a"), { href: `/investor?address=${wallet.address}` });
    own.textContent = say("Show what your own wallet holds");
    const words = say("This shows another wallet, {shown}. What you do here, your own wallet does.", { shown: short(shown) });
    other.replaceChildren(`${words} `, own);
  }
}

document.querySelector("[data-connect]")?.addEventListener("click", async () => {
  const wallet = await connect();
  if (wallet) go(wallet.address);
});

document.querySelector("[data-disconnect]")?.addEventListener("click", () => {
  disconnect();
  go("");
});

// Without scripts the form shows an account; with them the account also acts.
document.querySelector("[data-accounts]")?.addEventListener("submit", (event) => {
  event.preventDefault();
  const select = event.target.elements.address;
  useDemo(select.value, select.selectedOptions[0].dataset.name);
  go(select.value);
});

addEventListener("penstock:wallet", (event) => tell(event.detail));

const wallet = await restore();
tell(wallet);
if (wallet && !shown) go(wallet.address);
