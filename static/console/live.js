/** The live page: pausing it, marking what is new, and holding still while somebody reads further down. */
import { hold } from "./console.js";

/** Pixels from the top, from which somebody is taken to read and not to watch. */
const READING = 240;

let paused = false;
let newest = Number(document.querySelector("#live")?.dataset.newest ?? 0);

function show() {
  hold("pause", paused);
  hold("reading", scrollY > READING);
  const button = document.querySelector("#pause");
  if (!button) return;
  button.setAttribute("aria-pressed", String(paused));
  button.querySelector("span").textContent = paused ? "Go on" : "Pause";
  const use = button.querySelector("use");
  use.setAttribute("href", use.getAttribute("href").replace(/#.*/, paused ? "#play" : "#pause"));
}

document.addEventListener("click", (event) => {
  if (!event.target.closest("[data-pause]")) return;
  paused = !paused;
  show();
});
addEventListener("scroll", show, { passive: true });
document.body.addEventListener("htmx:afterSwap", (event) => {
  const list = document.querySelector("#live");
  if (!list) return;
  const before = newest;
  newest = Number(list.dataset.newest);
  const narrowed = event.detail.requestConfig?.elt?.id === "narrow";
  if (before && !narrowed) for (const row of list.querySelectorAll("[data-seq]")) row.classList.toggle("fresh", Number(row.dataset.seq) > before);
  show();
});
show();
