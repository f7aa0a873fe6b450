/** Trying an event: an example that is chosen takes the place of what stands in the field. */

const examples = document.querySelector("[data-examples]");
const field = document.querySelector("#event");
const texts = JSON.parse(examples.dataset.examples);

examples.addEventListener("change", () => {
  field.value = texts[examples.value];
  field.dispatchEvent(new Event("change", { bubbles: true }));
});
