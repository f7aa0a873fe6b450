/** The panel's list: one entry per event, one line per vendor, brought up to date in place. */
import { json, make } from "./json.js";

const NAMES = { personaclick: "PersonaClick", blueshift: "Blueshift", esputnik: "eSputnik", alana: "Alana", eightselect: "8SELECT" };
const WORDS = { waiting: "waiting", delivered: "delivered", not_wanted: "not wanted", retrying: "retrying", dead: "refused", held: "held" };
const MOST = 100;
/** Milliseconds after which an event that no vendor has taken up is thought to be for none. */
const PATIENCE = 20_000;

const clock = (at) => new Date(at).toLocaleTimeString("en-GB");

/** The entries by event id, with what they were last made of, newest last. */
const shown = new Map();

/** Whether anything may still change about an event. */
function open(event, now) {
  if (!event.deliveries.length) return now - event.at < PATIENCE;
  return event.deliveries.some((delivery) => ["waiting", "retrying", "held"].includes(delivery.state));
}

/** The number to ask the feed from: just before the oldest event that may still change, else the newest. */
export function cursor(now) {
  let newest = 0;
  for (const { event } of shown.values()) {
    if (open(event, now)) return event.seq - 1;
    newest = event.seq;
  }
  return newest;
}

/** Take in what the feed said at `now` (ms by the server's clock); returns how many events are shown. */
export function update(list, events, now, fresh) {
  for (const event of events) {
    let entry = shown.get(event.id);
    if (!entry) {
      entry = begin(event, fresh);
      shown.set(event.id, entry);
      list.prepend(entry.element);
    }
    entry.event = event;
  }
  for (const [id, entry] of shown) {
    if (shown.size <= MOST) break;
    entry.element.remove();
    shown.delete(id);
  }
  for (const entry of shown.values()) for (const delivery of entry.event.deliveries) line(entry, delivery, now);
  return shown.size;
}

/** A new entry: its head, and an empty list for the vendors. */
function begin(event, fresh) {
  const element = make("li", fresh ? "event fresh" : "event");
  element.dataset.test = "panel-event";
  element.dataset.eventName = event.name;
  const time = make("time", "", clock(event.at));
  time.dateTime = new Date(event.at).toISOString();
  const head = make("details");
  head.append(make("summary", "", make("span", "event-name", event.name), make("span", "event-gist", gist(event)), time));
  head.append(make("div", "inside", about(event), json(event.params)));
  const vendors = make("ul");
  element.append(head, vendors);
  return { element, vendors, event, lines: new Map() };
}

/** What an event was about, in a few words. */
function gist({ name, params, page }) {
  const { transaction_id: order, search_term: term, category_id: category, items } = params ?? {};
  if (order) return order;
  if (term) return `“${term}”`;
  if (category) return category;
  if (items?.length === 1) return `${items[0].item_name ?? items[0].item_id}${items[0].quantity > 1 ? ` × ${items[0].quantity}` : ""}`;
  if (items) return items.length ? `${items.length} items` : "now empty";
  try {
    return name === "page_view" ? new URL(page).pathname : "";
  } catch {
    return "";
  }
}

/** Where it happened and what was consented to. */
function about({ id, page, consent }) {
  const list = make("dl");
  const agreed = Object.entries(consent ?? {}).map(([purpose, decision]) => `${purpose} ${decision}`);
  for (const [term, value] of [["page", page], ["consent", agreed.join(", ") || "none"], ["id", id]]) {
    list.append(make("dt", "", term), make("dd", "", value ?? ""));
  }
  return list;
}

/** Bring one vendor's line up to date; what is unfolded stays unfolded. */
function line(entry, delivery, now) {
  let known = entry.lines.get(delivery.vendor);
  if (!known) {
    known = { element: make("details", "delivery"), words: make("span", "words"), why: make("span", "why"), inside: make("div", "inside") };
    const vendor = make("span", "vendor", NAMES[delivery.vendor] ?? delivery.vendor);
    known.element.append(make("summary", "", vendor, known.words, known.why), known.inside);
    known.element.dataset.test = "panel-delivery";
    known.element.dataset.vendor = delivery.vendor;
    entry.lines.set(delivery.vendor, known);
    entry.vendors.append(make("li", "", known.element));
  }
  known.why.textContent = why(delivery, now);
  const text = JSON.stringify(delivery);
  if (text === known.text) return;
  known.text = text;
  known.element.dataset.state = delivery.state;
  known.words.textContent = WORDS[delivery.state] ?? delivery.state;
  known.inside.replaceChildren(...exchange(delivery));
}

/** Why it stands as it does, in what room the line has: the vendor's name is on it already. */
function why({ vendor, state, reason, attempts, next_at: next }, now) {
  if (state === "delivered") return attempts > 1 ? `at attempt ${attempts}` : "";
  const name = `${NAMES[vendor] ?? vendor} `;
  const short = reason.startsWith(name) ? reason.slice(name.length) : reason;
  return state === "retrying" && next ? [soon(next - now), short].filter(Boolean).join(" · ") : short;
}

/** A stretch of time ahead, in words. */
function soon(ms) {
  const seconds = Math.ceil(ms / 1000);
  if (seconds <= 0) return "now";
  if (seconds < 100) return `in ${seconds} s`;
  if (seconds < 5400) return `in ${Math.round(seconds / 60)} min`;
  return `in ${Math.round(seconds / 3600)} h`;
}

/** What was sent and what was answered, oldest first. */
function exchange({ state, reason, attempts, requests }) {
  const parts = [];
  if (reason) parts.push(make("p", "", reason));
  for (const request of requests) {
    if (parts.length) parts.push(make("hr"));
    parts.push(make("p", "ask", `${request.method} ${request.path}`));
    if (request.body !== null && request.body !== undefined) parts.push(json(request.body));
    const status = request.status === null ? "no answer" : `answered ${request.status}`;
    parts.push(make("p", "label", `${clock(request.at)}, ${status}${request.reply ? ":" : ""}`));
    if (request.reply) parts.push(json(request.reply));
  }
  if (attempts > 1) parts.push(make("p", "label", `${attempts} attempts`));
  if (!parts.length) parts.push(make("p", "label", state === "waiting" ? "Not sent yet." : "Nothing was sent."));
  return parts;
}
