/** JSON laid out for reading, built from text nodes alone: whatever is in it stays text. */

const TOKEN = /("(?:[^"\\]|\\.)*")(\s*:)?|-?\d[\d.eE+-]*|\b(?:true|false|null)\b/g;

/** An element with a class and text or elements inside; text never becomes markup. */
export function make(tag, className, ...inside) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...inside.map((each) => (each instanceof Node ? each : String(each))));
  return element;
}

/** A <pre> of a value; a string that holds JSON is laid out as well, any other is shown as it is. */
export function json(value) {
  const block = make("pre");
  block.tabIndex = 0;
  const text = typeof value === "string" ? laidOut(value) : JSON.stringify(value, null, 2);
  if (text === undefined) {
    block.append(String(value));
    return block;
  }
  let from = 0;
  for (const token of text.matchAll(TOKEN)) {
    const [whole, string, colon] = token;
    block.append(text.slice(from, token.index));
    if (string) block.append(make("span", colon ? "j-key" : "j-text", string), colon ?? "");
    else block.append(make("span", "j-bare", whole));
    from = token.index + whole.length;
  }
  block.append(text.slice(from));
  return block;
}

/** A reply's text, indented when it is JSON; undefined when it is not. */
function laidOut(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return undefined;
  }
}
