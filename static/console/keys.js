/** Keys: g and a letter goes to a page, / to the search, p pauses what moves, ? shows them all. */

const SOON = 1200;

let went = 0;

const isTyping = (target) => target.closest("input, textarea, select, dialog[open]") !== null;

function press(key) {
  if (Date.now() - went < SOON) {
    went = 0;
    document.querySelector(`nav [data-key="${CSS.escape(key)}"]`)?.click();
  } else if (key === "g") {
    went = Date.now();
  } else if (key === "/") {
    const search = document.querySelector("[data-search]");
    if (!search) return false;
    search.focus();
  } else if (key === "p") {
    document.querySelector("[data-pause]")?.click();
  } else if (key === "?") {
    document.querySelector("#keys").showModal();
  } else return false;
  return true;
}

/** From now on. */
export function listenToKeys() {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
    if (press(event.key)) event.preventDefault();
  });
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-show-keys]")) document.querySelector("#keys").showModal();
  });
}
