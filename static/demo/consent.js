/** The consent banner: asks once, remembers the answer in the shop's own storage, and tells Gatepost on every page. */

const KEY = "demo_shop.consent";
const PURPOSES = ["personalization", "marketing", "analytics"];

const banner = document.querySelector("#consent");
const form = document.querySelector("#consent-form");
const purposes = document.querySelector("#consent-purposes");
const choose = document.querySelector("#consent-choose");
const save = document.querySelector("#consent-save");

/** The choice of this page, for browsers that let a page keep nothing. */
let present = null;

/** What was chosen: {purpose: "granted" | "denied"}, or null before a choice was made. */
export function choice() {
  try {
    const kept = JSON.parse(localStorage.getItem(KEY));
    if (PURPOSES.every((purpose) => ["granted", "denied"].includes(kept?.[purpose]))) present = kept;
  } catch {
    // Storage is closed, or holds something else: the choice of this page stands.
  }
  return present;
}

/** Tell Gatepost what was chosen; before a choice, tell nothing and ask. */
export function tell() {
  const made = choice();
  banner.hidden = made !== null;
  if (made) window.gatepost.push(["consent", made]);
  document.dispatchEvent(new CustomEvent("shop:consent", { detail: made }));
}

/** Show the banner again, with the present choice ticked. */
function ask() {
  const made = choice() ?? {};
  for (const purpose of PURPOSES) form.elements[purpose].checked = made[purpose] === "granted";
  unfold(choice() !== null);
  banner.hidden = false;
  document.querySelector("#consent-title").focus();
}

/** Show or hide the single purposes. */
function unfold(open) {
  purposes.hidden = save.hidden = !open;
  choose.hidden = open;
  choose.setAttribute("aria-expanded", String(open));
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const answer = event.submitter?.value ?? "chosen";
  const granted = (purpose) => answer === "granted" || (answer === "chosen" && form.elements[purpose].checked);
  present = Object.fromEntries(PURPOSES.map((purpose) => [purpose, granted(purpose) ? "granted" : "denied"]));
  try {
    localStorage.setItem(KEY, JSON.stringify(present));
  } catch {
    // Then it is asked again on the next page.
  }
  tell();
});

choose.addEventListener("click", () => {
  unfold(true);
  form.elements[PURPOSES[0]].focus();
});

for (const button of document.querySelectorAll("[data-open-consent]")) button.addEventListener("click", ask);

// Another tab chose, or the back button brought this page back from before the choice.
addEventListener("storage", (event) => {
  if (event.key === KEY && choice()) tell();
});
addEventListener("pageshow", (event) => {
  if (event.persisted) tell();
});
