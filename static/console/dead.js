/** Dead letters: choosing all of them, and nothing to press while nothing is chosen. */

const form = document.querySelector("#dead-letters");

function show() {
  const ticks = [...form.querySelectorAll(".tick input")];
  const chosen = ticks.filter((tick) => tick.checked).length;
  for (const button of form.querySelectorAll("[data-needs-choice]")) button.disabled = chosen === 0;
  const all = form.querySelector("[data-tick-all]");
  all.hidden = ticks.length < 2;
  all.dataset.name ??= all.textContent;
  all.textContent = chosen === ticks.length ? "Choose none" : all.dataset.name;
}

if (form) {
  form.addEventListener("change", show);
  form.querySelector("[data-tick-all]").addEventListener("click", () => {
    const ticks = [...form.querySelectorAll(".tick input")];
    const all = ticks.every((tick) => tick.checked);
    for (const tick of ticks) tick.checked = !all;
    show();
  });
  addEventListener("pageshow", show);
  show();
}
