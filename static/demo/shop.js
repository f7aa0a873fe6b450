/**
 * What the shop tells Gatepost: everything goes through `gatepost.push`, which works before the tag has loaded.
 * The server writes what a page has to tell into its JSON block; a form's answer brings its own.
 */
import { tell as tellConsent } from "./consent.js";

window.gatepost = window.gatepost || [];

const TOLD = "demo_shop.told";
/** Milliseconds that a message stays. */
const SAID_FOR = 8000;

/** Push commands such as ["track", "add_to_cart", {…}]. */
function push(commands) {
  for (const command of commands) window.gatepost.push(command);
}

/** Push what must be told a single time, such as a purchase, however often its page is loaded. */
function pushOnce({ key, commands }) {
  try {
    const told = JSON.parse(localStorage.getItem(TOLD)) ?? [];
    if (told.includes(key)) return;
    localStorage.setItem(TOLD, JSON.stringify([...told, key].slice(-20)));
  } catch {
    // Storage is closed: telling twice is better than not at all.
  }
  push(commands);
}

document.documentElement.classList.add("js");
tellConsent();
const page = JSON.parse(document.querySelector("#page")?.textContent ?? "null");
if (page) push(page.commands);
if (page?.once) pushOnce(page.once);

/** Say something in a corner, where a screen reader hears it too, with a link to go on if there is one. */
function say({ say: text, more }, problem) {
  const toast = document.createElement("p");
  toast.className = problem ? "toast problem" : "toast";
  toast.append(text);
  if (more) {
    const link = document.createElement("a");
    link.href = more.href;
    link.textContent = more.text;
    toast.append(link);
  }
  document.querySelector("#said").replaceChildren(toast);
  setTimeout(() => toast.remove(), SAID_FOR);
}

/** Show how many pieces are in the cart and on the wishlist. */
function count(answer) {
  for (const badge of document.querySelectorAll("[data-count]")) {
    const number = answer[badge.dataset.count];
    badge.textContent = number;
    badge.hidden = !number;
  }
}

/** Turn "save" into "take off" and back, once the server has done the one or the other. */
function turn(form) {
  const button = form.querySelector("button");
  const saved = form.action.endsWith(form.dataset.add);
  form.action = saved ? form.dataset.remove : form.dataset.add;
  button.dataset.test = saved ? "remove-from-wishlist" : "add-to-wishlist";
}

/** Send a form without leaving the page, and push what came of it. */
async function send(form) {
  const button = form.querySelector("button");
  if (button.ariaBusy === "true") return;
  button.ariaBusy = "true";
  try {
    const response = await fetch(form.action, {
      method: "POST",
      body: new URLSearchParams(new FormData(form)),
      headers: { Accept: "application/json" },
    });
    const answer = await response.json();
    say(answer, !response.ok);
    if (!response.ok) return;
    push(answer.commands);
    count(answer);
    if (form.dataset.add) turn(form);
  } catch {
    form.submit();
  } finally {
    button.ariaBusy = "false";
  }
}

for (const form of document.querySelectorAll("form[data-live]")) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send(form);
  });
}

for (const form of document.querySelectorAll("form[data-submit-on-change]")) {
  form.addEventListener("change", () => form.requestSubmit());
}
