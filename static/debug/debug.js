/**
 * The tag at work, for whoever builds the shop: every push, the event it became, what the server answered, and
 * what is missing. The tag loads this for `["debug", true]` or `?gp_debug` in the page's address, and never else.
 *
 * It passes the same content security policy as the tag: no markup from text, no inline style, no evaluation.
 */
import {style} from "./style.js";
import {missing, reasons} from "./advice.js";

/** How many rows are shown; older ones go. */
const ROWS = 200;

/**
 * @typedef {{element: HTMLElement, state: HTMLElement, notes: HTMLElement, detail: HTMLElement}} Row
 */

/**
 * The rows by the id of their event.
 * @type {Map<string, Row>}
 */
const rows = new Map();

/** The list of rows, once it is shown. */
let list;

/** The row of the push that is being carried out. */
let current;

/** The state of an event that has not left yet. */
const WAITS = "waits";

/** How long what may leave takes to do so, at most, in milliseconds. */
const PATIENCE = 1000;

/** Which part of the page said it, in words. */
const SOURCES = {page: "gatepost.push", layer: "data layer", attribute: "attribute", tool: "consent tool"};

/**
 * An element with a class and texts or elements in it.
 * @param {string} name
 * @param {string} [kind]
 * @param {...(string | Node)} inside
 * @returns {HTMLElement}
 */
function make(name, kind = "", ...inside) {
  const element = document.createElement(name);
  element.className = kind;
  element.append(...inside);
  return element;
}

/**
 * Values as they travel, laid out; what cannot be laid out is said to be so.
 * @param {unknown} value
 * @returns {string}
 */
function laid(value) {
  try {
    return JSON.stringify(value, null, 2) || "";
  } catch {
    return "(cannot be shown)";
  }
}

/**
 * A new row at the top.
 * @param {string} title
 * @param {string} from
 * @param {unknown} [detail]
 * @returns {Row}
 */
function add(title, from, detail) {
  const state = make("span", "state");
  const notes = make("ul", "notes");
  const more = make("pre", "", detail === undefined ? "" : laid(detail));
  const time = new Date().toTimeString().slice(0, 8);
  const head = make("summary", "", make("b", "", title), make("span", "from", ` ${from} · ${time} `), state);
  const element = make("details", "row", head, more);
  const item = make("li", "", element, notes);
  list.prepend(item);
  while (list.childElementCount > ROWS) list.lastElementChild.remove();
  return {element: item, state, notes, detail: more};
}

/**
 * Say how a row fares: what became of its event.
 * @param {{state: HTMLElement}} row
 * @param {string} text
 * @param {"good" | "bad" | "waits"} kind
 */
function mark(row, text, kind) {
  row.state.textContent = text;
  row.state.className = `state ${kind}`;
}

/**
 * What is wrong, below a row.
 * @param {{notes: HTMLElement}} row
 * @param {string[]} texts
 */
function note(row, texts) {
  for (const text of texts) row.notes.append(make("li", "", text));
}

/** Whether anything may leave, in words. */
function consentNow() {
  const {consent, gpc} = window.gatepost.privacy();
  const said = Object.entries(consent).map(([purpose, decision]) => `${purpose} ${decision}`);
  return `${said.join(", ") || "no decision yet"}${gpc ? "; Global Privacy Control" : ""}`;
}

/** What the tag tells of, by the word with which it does. */
const heard = {
  push(given, source) {
    const [name, first, second] = given;
    const title = name == "track" ? String(first) : String(name);
    current = add(title, SOURCES[source] || source, name == "track" ? second : first);
    mark(current, name == "track" ? "no event" : "done", name == "track" ? "bad" : "good");
  },
  event(event) {
    const row = current && current.element.textContent.startsWith(event.name) ? current : add(event.name, "tag");
    current = undefined;
    rows.set(event.id, row);
    row.detail.textContent = laid(event.params);
    mark(row, WAITS, "waits");
    note(row, missing(event.name, event.params));
  },
  async answer(response, text) {
    const told = affected(text);
    if (!response) return told.forEach((row) => mark(row, "no answer; is tried again", "waits"));
    if (!response.status) return told.forEach((row) => mark(row, "given to the browser", "good"));
    const said = await response.clone().json().catch(() => ({}));
    const again = /^(408|429|5)/.test(response.status);
    told.forEach((row, index) => {
      const dropped = (said.dropped || []).find((one) => one.index == index);
      if (dropped) mark(row, `dropped: ${dropped.reason}`, "bad");
      else if (response.ok) mark(row, "accepted", "good");
      else mark(row, `${response.status}${again ? "; is tried again" : ""}`, again ? "waits" : "bad");
      if (dropped && reasons[dropped.reason]) note(row, [reasons[dropped.reason]]);
      if (said.error) note(row, [said.error]);
    });
  },
};

/**
 * The rows of a batch as the tag keeps it: JSON without its opening brace.
 * @param {string} text
 */
function affected(text) {
  return JSON.parse("{" + text).events.map((event) => {
    if (!rows.has(event.id)) rows.set(event.id, add(event.name, "before this was opened", event.params));
    return /** @type {Row} */ (rows.get(event.id));
  });
}

/**
 * Say of what has waited for a while why it does: nothing leaves while no purpose is granted, and once the visitor
 * has decided so the tag forgets it.
 */
function explain() {
  const decisions = Object.values(window.gatepost.privacy().consent);
  if (!decisions.length || decisions.includes("granted")) return;
  for (const row of rows.values()) {
    if (row.state.textContent != WAITS) continue;
    mark(row, "dropped", "bad");
    note(row, [reasons.consent]);
  }
}

/** What is pushed into the data layer and is no event to us, with the reason. */
function watchLayer() {
  const layer = /** @type {any} */ (window).dataLayer;
  if (!Array.isArray(layer)) return;
  const {push} = layer;
  layer.push = (...entries) => {
    const before = list.firstElementChild;
    const result = push.apply(layer, entries);
    for (const entry of list.firstElementChild == before ? entries : []) {
      const name = entry && (typeof entry[0] == "string" ? `${entry[0]} ${entry[1]}` : entry.event);
      const row = add(String(name || "data"), "data layer");
      const why = entry && entry.eventModel ? "repeated by Google's script" : "no items, so not for us";
      mark(row, `passed over: ${why}`, "waits");
    }
    return result;
  };
}

/**
 * Show the overlay.
 * @param {(listener: (what: string, ...more: any[]) => void) => void} listen tells what the tag does from now on
 */
export function show(listen) {
  if (list) return;
  list = make("ol");
  const consent = make("p", "consent", consentNow());
  const panel = make("section", "panel", make("h2", "", "Gatepost"), consent, list);
  const toggle = make("button", "toggle", "Gatepost");
  panel.setAttribute("aria-label", "Gatepost: the tag at work");
  toggle.setAttribute("aria-expanded", "true");
  toggle.onclick = () => {
    panel.hidden = !panel.hidden;
    toggle.setAttribute("aria-expanded", String(!panel.hidden));
  };
  const host = make("gatepost-debug");
  const root = host.attachShadow({mode: "closed"});
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(style);
  root.adoptedStyleSheets = [sheet];
  root.append(panel, toggle);
  document.documentElement.append(host);
  watchLayer();
  listen((what, ...more) => {
    heard[what](...more);
    consent.textContent = consentNow();
    setTimeout(() => {
      consent.textContent = consentNow();
      explain();
    }, PATIENCE);
  });
}
