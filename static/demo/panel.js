/** The panel "Gatepost sees": opens and closes, asks the feed, and passes the switches on. Only the demo has it. */
import { choice } from "./consent.js";
import { cursor, update } from "./events.js";

const root = document.documentElement;
const panel = document.querySelector("#panel");
const tab = document.querySelector(".panel-tab");
const list = document.querySelector("#panel-events");
const live = document.querySelector("#panel-live");
const switches = document.querySelector("#panel-switches");

/** Milliseconds between two questions: while it is looked at, and while it is not. */
const OFTEN = 1000;
const SELDOM = 5000;

let now = 0;
let first = true;
let timer;

/** Open or close, and remember it for the next page. */
function show(open) {
  root.dataset.panel = open ? "open" : "closed";
  document.cookie = `demo_panel=${root.dataset.panel}; path=/; max-age=31536000; samesite=lax`;
  if (open) ask();
}

/** Ask the feed what is new and what has changed, again and again. */
async function ask() {
  clearTimeout(timer);
  try {
    const response = await fetch(`${list.dataset.feed}?after=${cursor(now)}`);
    const answer = await response.json();
    if (!response.ok) throw new Error(answer.error);
    now = answer.now;
    const count = update(list, answer.events, now, !first);
    first = false;
    document.querySelector("#panel-empty").hidden = count > 0;
    document.querySelector("[data-events]").textContent = count;
    report("live", "ok");
  } catch (error) {
    report(error instanceof TypeError ? "the demo does not answer" : error.message, "lost");
  }
  clearTimeout(timer);
  timer = setTimeout(ask, document.hidden || !panel.checkVisibility() ? SELDOM : OFTEN);
}

/** Say how the feed is, once per change, so that a screen reader is not told every second. */
function report(text, state) {
  if (live.textContent !== text) live.textContent = text;
  live.className = `panel-live ${state}`;
}

/** Say what the visitor has agreed to. */
function sayConsent(made) {
  const granted = Object.keys(made ?? {}).filter((purpose) => made[purpose] === "granted");
  const text = !made ? "No choice made: nothing is sent." : granted.length ? `Agreed: ${granted.join(", ")}.` : "Only necessary: nothing is sent.";
  document.querySelector("#panel-consent").textContent = text;
}

switches.addEventListener("click", async (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  const said = document.querySelector("#panel-said");
  try {
    const body = new URLSearchParams({ switch: button.value });
    said.textContent = (await (await fetch(switches.dataset.action, { method: "POST", body })).json()).say;
  } catch {
    said.textContent = "The demo does not answer. Is it still running?";
  }
});

for (const button of document.querySelectorAll("[data-open-panel]")) {
  button.addEventListener("click", () => {
    show(true);
    panel.querySelector("[data-close-panel]").focus();
  });
}
panel.querySelector("[data-close-panel]").addEventListener("click", () => {
  show(false);
  tab.focus();
});
document.addEventListener("shop:consent", (event) => sayConsent(event.detail));
document.addEventListener("visibilitychange", () => document.hidden || ask());
sayConsent(choice());
ask();
