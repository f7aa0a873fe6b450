/** Every page's own script: the time as the reader has it, what changes, keys, copying. Without it all can be read. */
import { drawCharts, redrawCharts } from "./charts.js";
import { tellTimes } from "./times.js";
import { listenToKeys } from "./keys.js";

/** Milliseconds between two looks at what has changed, while somebody looks; a page may ask for more. */
const OFTEN = Number(document.querySelector("[data-often]")?.dataset.often ?? 5000);

/** Why nothing is looked at now. */
const holding = new Set();

const toast = document.querySelector("#toast");
let fading;

/** Say something for a few seconds. */
export function say(text) {
  toast.textContent = text;
  toast.hidden = false;
  clearTimeout(fading);
  fading = setTimeout(() => { toast.hidden = true; }, 6000);
}

/** On a narrow screen the navigation is wider than the screen: have it show where we are. */
function showHere() {
  const here = document.querySelector("#nav [aria-current]");
  if (here) here.closest("nav").scrollLeft = here.offsetLeft - 16;
}

/** What a new piece of a page needs, and a page at its beginning. */
function prepare(root) {
  tellTimes(root);
  drawCharts(root);
}

/** Hold what lives on this page still, for this reason, or no more. */
export function hold(why, still) {
  if (still) holding.add(why);
  else holding.delete(why);
}

/** Let what lives on this page look again. */
function refresh() {
  if (document.hidden || holding.size) return;
  document.body.dispatchEvent(new Event("refresh"));
}

/** Put the text of what stands beside the button on the clipboard. */
async function copy(button) {
  const source = button.parentElement.querySelector("pre, input, textarea, code");
  await navigator.clipboard.writeText(source.value ?? source.textContent);
  say("Copied");
}

/** Which details were open, by id: what is swapped in opens them again. */
let open = [];

document.body.addEventListener("htmx:beforeSwap", (event) => {
  open = [...event.detail.target.querySelectorAll("details[id][open]")].map((each) => each.id);
});
document.body.addEventListener("htmx:afterSwap", () => {
  for (const id of open) document.getElementById(id)?.setAttribute("open", "");
});
document.body.addEventListener("htmx:oobAfterSwap", showHere);
document.body.addEventListener("htmx:load", (event) => prepare(event.detail.elt));
document.body.addEventListener("htmx:responseError", (event) => say(event.detail.xhr.responseText || "That did not work."));
document.body.addEventListener("htmx:sendError", () => say("Gatepost does not answer. It is tried again."));
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy]");
  if (button) copy(button);
  for (const menu of document.querySelectorAll("details.switcher[open]")) if (!menu.contains(event.target)) menu.open = false;
});
document.addEventListener("visibilitychange", refresh);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redrawCharts);
listenToKeys();
prepare(document.body);
showHere();
setInterval(refresh, OFTEN);
setInterval(() => tellTimes(document.body), 30000);
