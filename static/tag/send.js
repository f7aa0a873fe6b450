/** Batches on the wire: when they leave, by which way, and what becomes of them after the answer. */
import {ENDPOINT} from "./settings.js";
import {quiet, tell} from "./quiet.js";
import {now} from "./clock.js";
import {allowed, consent, consent_at, gpc} from "./consent.js";
import {keys, memory, put, remove, store, stored} from "./shelf.js";
import {close, events, retitle, size} from "./batch.js";

/** How long events gather before they leave together, in milliseconds. */
const GATHER = 300;

/** How long an answer may take, in milliseconds. */
const PATIENCE = 30000;

/** How long a tab may send what was kept before another one may, in milliseconds. */
const LEASE = 60000;

/** The first and the longest pause after a failure, and the longest a server can ask for, in seconds. */
const FIRST = 5;
const LONGEST = 300;
const ASKED = 3600;

/** How many bytes of requests may be under way when the page goes; 64 KiB are for all scripts together. */
const KEEPALIVE = 49152;

/** 0: nothing is under way. 1: a request is. 2: the last one failed, and the next has its time. */
let state = 0;

/** The key of the batch under way. */
let under = "";

/**
 * The events that have gathered for long enough: while the open batch still holds them, it is to be closed.
 * @type {string[] | null}
 */
let gathered = null;

/** The timer that ends the pause after a failure. */
let retry = 0;

/** The last pause in seconds, doubled with each further failure; 0 once a request was answered, at first NaN. */
let pause = NaN;

/** Whether the server may have been told of a grant, so that it must hear of a withdrawal too. */
let told = false;

/** Send what is in the open batch in a moment, so that what follows meanwhile goes along. */
export function soon() {
  const batch = events;
  setTimeout(quiet(() => {
    if (batch != events) return;
    // The scripts of a page still being read may yet say what kind of page it is.
    if (document.readyState == "loading") soon();
    else ripen();
  }), GATHER);
}

/** The open batch has gathered for long enough. */
function ripen() {
  retitle();
  gathered = events;
  run();
}

/** Send what is on the shelf, as soon as the caller has yielded. */
export function later() {
  setTimeout(run);
}

/**
 * Hold what waits against the consent; true when what is then left may leave.
 *
 * Undecided, events wait. Denied, they are gone wherever they lie, and all that may leave is the word of a
 * withdrawal: no event, no page, no user.
 * @returns {boolean | undefined}
 */
function released() {
  if (allowed()) return true;
  if (!consent) return;
  close();
  for (const key of keys(memory).concat(stored())) {
    tell("drop", key, "consent");
    remove(key);
  }
  if (told) put(memory, '"events":[]}', ENDPOINT + " 0");
  return told;
}

/** Send what may leave, one batch after the other, until there is none or one fails. Never throws. */
async function run() {
  try {
    if (!released() || state) return;
    state = 1;
    if (stored()[0]) await alone(() => each(stored()));
    do {
      if (gathered == events) close();
      await each(keys(memory));
    } while (state < 2 && (gathered == events || keys(memory)[0]));
  } catch {}
  if (state < 2) state = 0;
}

/**
 * Send these one after the other, until one fails.
 * @param {string[]} waiting keys
 */
async function each(waiting) {
  for (const key of waiting) if (state < 2 && released()) await send(key);
}

/**
 * Do something that only one tab may do at a time, unless another one does it now. Pages on plain http have no
 * locks, and say in the storage until when they are at it.
 * @param {() => Promise<void>} work
 */
async function alone(work) {
  try {
    await navigator.locks.request(ENDPOINT, {ifAvailable: true}, (lock) => lock && work());
  } catch {
    if (+localStorage[ENDPOINT] > now()) return;
    localStorage[ENDPOINT] = now() + LEASE;
    await work();
    delete localStorage[ENDPOINT];
  }
}

/**
 * Send a batch and act on the answer.
 *
 * Another try is worth it after 408, 429, 5xx and no answer at all; whatever else is refused would be refused
 * again. Until then the batch lies, where possible, so that it outlives the page. No answer may also mean that
 * the browser refused it for want of keepalive room: so it is tried a second time at once, without.
 * @param {string} key
 */
async function send(key) {
  const text = memory[key] || localStorage[key];
  if (!text) return;
  const grant = allowed();
  told = told || grant;
  under = key;
  let answer;
  for (const keepalive of [true, false]) {
    try {
      answer = answer || (await (ask(text, keepalive) || (beacon(text) && {})));
    } catch {}
  }
  under = "";
  tell("answer", answer, text);
  if (answer && !/408|429|5../.test(answer.status)) {
    pause = 0;
    told = grant;
    return remove(key);
  }
  state = 2;
  if (store(key)) delete memory[key];
  pause = Math.min(pause * 2 || FIRST, LONGEST);
  const asked = answer?.headers.get("retry-after");
  // A little later than asked, and not in step with every other browser.
  retry = setTimeout(resume, (asked > 0 ? Math.min(asked, ASKED) : pause) * (1000 + Math.random() * 200));
}

/**
 * Post a batch; nothing, when the page has broken `fetch`.
 * @type {(text: string, keepalive: boolean) => Promise<Response> | undefined}
 */
const ask = quiet((text, keepalive) =>
  fetch(ENDPOINT, {
    method: "POST",
    body: body(text),
    credentials: "include",
    keepalive,
    signal: AbortSignal.timeout?.(PATIENCE),
  }),
);

/**
 * Give a batch to the browser to send, whatever becomes of the page; true when it has taken it.
 * @type {(text: string) => boolean | undefined}
 */
const beacon = quiet((text) => navigator.sendBeacon(ENDPOINT, body(text)));

/**
 * A batch as it goes on the wire; `sent_at` is the time of this attempt.
 * @param {string} text
 * @returns {string}
 */
function body(text) {
  const head = JSON.stringify({__proto__: null, sent_at: now(), consent, consent_at, gpc: gpc() || undefined});
  return head.slice(0, -1) + "," + text;
}

/** Try again now, if the last request failed. */
export function resume() {
  if (state < 2) return;
  clearTimeout(retry);
  state = 0;
  run();
}

/**
 * The page may be going away, and then nobody hears an answer any more: send what waits by beacons, and keep
 * what is not known to arrive. After a failure, and when the browser takes no more, what can be kept is not
 * sent.
 * @param {{type: string}} event
 */
export function hide({type}) {
  const leaving = type == "pagehide";
  if (!leaving && document.visibilityState != "hidden") return;
  if (!leaving && state < 2) return ripen();
  retitle();
  if (!released()) return;
  close();
  let room = KEEPALIVE;
  for (const key of keys(memory)) {
    // Before the first answer nobody knows. Only a purchase is worth being sent twice.
    const doubtful = pause || key == under || (pause !== 0 && key.endsWith("1"));
    const safe = doubtful && store(key);
    room -= size(memory[key]);
    const gone = key != under && (state < 2 || !safe) && room > 0 && beacon(memory[key]);
    if (gone) told = allowed();
    if (gone || safe || store(key)) delete memory[key];
  }
}
