// Wallets and what they do: connect one (EIP-1193, found by EIP-6963) or act as an account of the demonstration;
// an action is prepared by the service, shown in words, signed and sent by the wallet, and waited for. No key
// ever leaves the wallet.
//
//   import { connect, act } from "/static/wallet.js";
//   const wallet = await connect();                       // null if the reader decides otherwise
//   const done = await act(deployment, "subscribe", { units: "4" });    // {hashes} or null

import { announce, changed } from "./live.js";
import { say } from "./words.js";

const REMEMBERED = "penstock-wallet";
const POLL = 500; // milliseconds between two looks at a transaction
const PATIENCE = 180_000;
const DECLINED = 4001; // EIP-1193: the user said no
const UNKNOWN_CHAIN = 4902; // EIP-3085

const found = new Map(); // EIP-6963 announcements by id
addEventListener("eip6963:announceProvider", (event) => found.set(event.detail.info.uuid, event.detail));
dispatchEvent(new Event("eip6963:requestProvider"));

let current = null;

document.head.append(
  Object.assign(document.createElement("link"), { rel: "stylesheet", href: new URL("wallet.css", import.meta.url).href }),
);

export class Declined extends Error {}

// -- the service

export async function call(path, body, method = body === undefined ? "GET" : "POST") {
  const headers = { Accept: "application/json", "Accept-Language": document.documentElement.lang || "en" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const answer = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  const content = answer.status === 204 ? null : await answer.json().catch(() => null);
  if (!answer.ok) throw new Error(content?.detail ?? `${answer.status} ${answer.statusText}`);
  return content;
}

// -- which wallet

class DemoProvider {
  constructor(address) {
    this.address = address;
  }

  async request({ method, params = [] }) {
    if (method === "eth_accounts" || method === "eth_requestAccounts") return [this.address];
    return (await call("/v1/demo/rpc", { method, params })).result;
  }
}

export function connected() {
  return current;
}

function remember(wallet) {
  current = wallet;
  const kept = wallet && { kind: wallet.kind, address: wallet.address, name: wallet.name, id: wallet.id };
  if (kept) sessionStorage.setItem(REMEMBERED, JSON.stringify(kept));
  else sessionStorage.removeItem(REMEMBERED);
  dispatchEvent(new CustomEvent("penstock:wallet", { detail: wallet }));
  return wallet;
}

export function disconnect() {
  remember(null);
}

export function useDemo(address, name) {
  return remember({ kind: "demo", address, name, provider: new DemoProvider(address) });
}

function injected() {
  const wallets = [...found.values()].map(({ info, provider }) => ({ id: info.uuid, name: info.name, provider }));
  if (!wallets.length && window.ethereum) {
    wallets.push({ id: "injected", name: say("Wallet of this browser"), provider: window.ethereum });
  }
  return wallets;
}

async function useInjected(choice, quietly = false) {
  const accounts = await choice.provider.request({ method: quietly ? "eth_accounts" : "eth_requestAccounts" });
  if (!accounts?.length) return null;
  if (!quietly) await onOurChain(choice.provider);
  if (!choice.provider.penstock) {
    choice.provider.penstock = true;
    choice.provider.on?.("accountsChanged", ([first]) => {
      if (current?.provider === choice.provider) remember(first ? { ...current, address: first } : null);
    });
  }
  return remember({ kind: "injected", address: accounts[0], ...choice });
}

// The wallet must be on the service's chain; one that does not know a local chain is told where it is.
export async function onOurChain(provider) {
  const ours = await call("/v1/chain");
  const wanted = `0x${ours.chain_id.toString(16)}`;
  const now = await provider.request({ method: "eth_chainId" });
  if (BigInt(now) === BigInt(wanted)) return;
  try {
    await provider.request({ method: "wallet_switchEthereumChain", params: [{ chainId: wanted }] });
  } catch (error) {
    if (error.code !== UNKNOWN_CHAIN || !ours.url) {
      throw new Error(say("The wallet is on chain {now}; this service is on chain {wanted}.", { now: BigInt(now), wanted: ours.chain_id }));
    }
    const chain = {
      chainId: wanted,
      chainName: say("Penstock, local chain"),
      nativeCurrency: { name: "Ether", symbol: "ETH", decimals: 18 },
      rpcUrls: [ours.url],
    };
    await provider.request({ method: "wallet_addEthereumChain", params: [chain] });
  }
  if (BigInt(await provider.request({ method: "eth_chainId" })) !== BigInt(wanted)) {
    throw new Error(say("The wallet has not changed to chain {wanted}.", { wanted: ours.chain_id }));
  }
}

// The wallet of before, without asking anybody.
export async function restore() {
  if (current) return current;
  let kept;
  try {
    kept = JSON.parse(sessionStorage.getItem(REMEMBERED));
  } catch {
    return null;
  }
  if (!kept) return null;
  if (kept.kind === "demo") return useDemo(kept.address, kept.name);
  const choice = injected().find((each) => each.id === kept.id || each.name === kept.name);
  return choice ? useInjected(choice, true).catch(() => null) : null;
}

// A wallet: that of before, or the one that the reader chooses. Null if none is chosen.
export async function connect() {
  const before = await restore();
  if (before) return before;
  const demo = await call("/v1/demo").catch(() => null);
  return choose(injected(), demo?.accounts ?? []);
}

function choose(wallets, accounts) {
  const dialog = open(say("Choose a wallet"));
  return new Promise((resolve) => {
    let chosen = null;
    const close = () => resolve(chosen);
    dialog.element.addEventListener("close", close, { once: true });
    const use = async (action) => {
      try {
        chosen = await action();
        dialog.close();
      } catch (error) {
        dialog.complain(error.code === DECLINED ? say("The wallet declined.") : error.message);
      }
    };
    if (wallets.length) {
      const list = make("div", { className: "stack" });
      for (const each of wallets) list.append(button(each.name, () => use(() => useInjected(each))));
      dialog.body.append(list);
    } else {
      dialog.body.append(make("p", { textContent: say("There is no wallet in this browser.") }));
    }
    if (accounts.length) {
      const select = make("select", { id: "wallet-account" });
      for (const each of accounts) select.append(new Option(`${say(each.name)} (${short(each.address)})`, each.address));
      const label = make("label", { textContent: say("An account of the demonstration"), htmlFor: "wallet-account" });
      const field = make("div", { className: "field" });
      field.append(label, select);
      const take = () => use(async () => useDemo(select.value, accounts.find((each) => each.address === select.value).name));
      dialog.body.append(field, button(say("Act as this account"), take, "second"));
    }
    dialog.buttons.append(button(say("Cancel"), () => dialog.close(), "second"));
  });
}

// -- acting

// Does `action` of a deployment, of its `part` where several have it, with the reader's wallet: shown in words,
// signed, sent, and waited for.
// Gives {hashes} when everything is done, null when the reader does not want it.
export async function act(deployment, action, parameters = {}, part = null) {
  const wallet = await connect();
  if (!wallet) return null;
  const prepare = () =>
    call("/v1/transactions/prepare", { deployment, action, part, from: wallet.address, parameters });
  const dialog = open(say("One moment"));
  try {
    if (wallet.kind === "injected") await onOurChain(wallet.provider);
    const prepared = await prepare();
    dialog.title.textContent = prepared.title;
    if (!(await confirmed(dialog, prepared))) return null;
    const hashes = await send(dialog, wallet, prepared, prepare);
    announce(say("Done: {what}", { what: prepared.title }));
    changed();
    await finished(dialog, prepared, hashes);
    dispatchEvent(new CustomEvent("penstock:done", { detail: { deployment, action, hashes } }));
    return { hashes };
  } catch (error) {
    dialog.complain(error.code === DECLINED ? say("The wallet declined; nothing was sent.") : error.message);
    await dialog.dismissed(say("Close"));
    throw error;
  } finally {
    dialog.close();
  }
}

async function confirmed(dialog, prepared) {
  const list = make("ol", { className: "steps" });
  for (const step of prepared.steps) list.append(described(step));
  dialog.body.replaceChildren(list);
  if (prepared.given.length) dialog.body.append(told(prepared.given));
  const fee = prepared.steps.reduce((sum, step) => sum + BigInt(step.fee ?? 0), 0n);
  if (fee) dialog.body.append(make("p", { className: "note", textContent: say("Network fee: at most {fee} ETH", { fee: ether(fee) }) }));
  if (!prepared.affordable) dialog.complain(say("The wallet has too little ETH for the network fee."));
  if (prepared.ok === false) {
    await dialog.dismissed(say("Close"));
    return false;
  }
  return dialog.asked(say("Sign and send"), say("Cancel"));
}

function described(step) {
  const item = make("li");
  item.append(make("b", { textContent: step.title }));
  const { outcome } = step;
  if (outcome.refusal) {
    const words = make("p", { className: "notice bad", textContent: outcome.refusal.words });
    item.append(words);
  }
  if (outcome.note) item.append(make("p", { className: "notice", textContent: outcome.note }));
  const moves = outcome.moves ?? [];
  if (moves.length) {
    const list = make("ul");
    for (const move of moves) list.append(make("li", { textContent: move.words }));
    item.append(list);
  }
  return item;
}

// Everything that the action is done with, so that nobody signs what is not shown.
function told(given) {
  const list = make("dl", { className: "given" });
  for (const each of given) list.append(make("dt", { textContent: each.title }), make("dd", { textContent: each.words }));
  return list;
}

async function send(dialog, wallet, prepared, prepare) {
  const hashes = [];
  const items = dialog.body.querySelectorAll(".steps > li");
  for (let place = 0; place < prepared.steps.length; place++) {
    // Sent as it was shown: a commitment and what it hides belong together.
    const step = prepared.steps[place];
    let { gas } = step;
    if (place > 0) {
      // What came before has changed the chain, so the rest is simulated again, with its gas.
      const again = await prepare();
      const refused = again.steps.find((each) => each.outcome.refusal);
      if (again.ok === false) throw new Error(refused?.outcome.refusal.words ?? say("The contract refuses this now."));
      gas = again.steps.at(place - prepared.steps.length)?.gas;
    }
    dialog.say(say("Step {step} of {steps}: confirm it in your wallet.", { step: place + 1, steps: prepared.steps.length }));
    const transaction = { from: wallet.address, to: step.to, data: step.data, value: "0x0" };
    if (gas) transaction.gas = `0x${gas.toString(16)}`;
    const hash = await wallet.provider.request({ method: "eth_sendTransaction", params: [transaction] });
    dialog.say(say("Step {step} of {steps}: waiting for the chain.", { step: place + 1, steps: prepared.steps.length }));
    await mined(hash);
    hashes.push(hash);
    items[place]?.classList.add("done");
  }
  return hashes;
}

// Waits until the transaction is in a block and the service has seen it; throws the contract's reason if it failed.
export async function mined(hash) {
  const until = Date.now() + PATIENCE;
  while (Date.now() < until) {
    const seen = await call(`/v1/transactions/${hash}`).catch(() => null);
    if (seen?.state === "failed") throw new Error(seen.refusal?.words ?? say("The transaction failed."));
    if (seen?.state === "done") return seen;
    await new Promise((resolve) => setTimeout(resolve, POLL));
  }
  throw new Error(say("The chain has not taken the transaction yet; look again later."));
}

async function finished(dialog, prepared, hashes) {
  dialog.say(say("Done."));
  const link = make("a", { href: `/transactions/${hashes.at(-1)}`, textContent: say("See the transaction") });
  const line = make("p");
  line.append(link);
  dialog.body.append(line);
  await dialog.dismissed(say("Close"));
}

// -- signing

// Signs EIP-712 data, as the service prepares it.
export async function signTyped(data) {
  const wallet = await connect();
  if (!wallet) return null;
  return wallet.provider.request({ method: "eth_signTypedData_v4", params: [wallet.address, JSON.stringify(data)] });
}

// Sign-In with Ethereum; the session is a cookie that scripts cannot read.
export async function signIn() {
  const wallet = await connect();
  if (!wallet) return null;
  const asked = await call("/v1/auth/nonce");
  const message = [
    `${asked.domain} wants you to sign in with your Ethereum account:`,
    wallet.address,
    "",
    asked.statement,
    "",
    `URI: ${asked.uri}`,
    "Version: 1",
    `Chain ID: ${asked.chain_id}`,
    `Nonce: ${asked.nonce}`,
    `Issued At: ${new Date().toISOString()}`,
  ].join("\n");
  const hex = `0x${[...new TextEncoder().encode(message)].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
  const signature = await wallet.provider.request({ method: "personal_sign", params: [hex, wallet.address] });
  return call("/v1/auth/session", { message, signature });
}

// -- the dialog

export function short(address) {
  return `${address.slice(0, 6)}…${address.slice(-4)}`;
}

function ether(wei) {
  const text = wei.toString().padStart(19, "0");
  return `${text.slice(0, -18)}.${text.slice(-18)}`.replace(/(\.\d{6})\d*$/, "$1");
}

function make(tag, properties = {}) {
  return Object.assign(document.createElement(tag), properties);
}

function button(text, action, kind = "") {
  const element = make("button", { type: "button", textContent: text, className: `button ${kind}`.trim() });
  element.addEventListener("click", action);
  return element;
}

function open(heading) {
  const element = make("dialog", { className: "card wallet" });
  const title = make("h2", { textContent: heading, id: "wallet-title" });
  element.setAttribute("aria-labelledby", "wallet-title");
  const body = make("div", { className: "stack" });
  const status = make("p", { className: "note" });
  status.setAttribute("role", "status");
  const trouble = make("p", { className: "notice bad", hidden: true });
  trouble.setAttribute("role", "alert");
  const buttons = make("div", { className: "row" });
  element.append(title, body, status, trouble, buttons);
  document.body.append(element);
  element.addEventListener("close", () => element.remove());
  element.showModal();
  const answer = (choices) =>
    new Promise((resolve) => {
      const dismiss = () => resolve(false);
      element.addEventListener("close", dismiss, { once: true });
      buttons.replaceChildren(
        ...choices.map(([text, value, kind]) =>
          button(text, () => {
            element.removeEventListener("close", dismiss);
            buttons.replaceChildren();
            resolve(value);
          }, kind),
        ),
      );
      buttons.firstElementChild.focus();
    });
  return {
    element,
    title,
    body,
    buttons,
    close: () => element.open && element.close(),
    say: (text) => (status.textContent = text),
    complain: (text) => Object.assign(trouble, { textContent: text, hidden: false }),
    asked: (yes, no) => answer([[yes, true, ""], [no, false, "second"]]),
    dismissed: (text) => answer([[text, true, "second"]]),
  };
}
