/** Batches on the wire: when they leave, by which way, and what becomes of them after the answer. */
import {ENDPOINT} from "./settings.js";
import {quiet, tell} from "./quiet.js";
import {now} from "./clock.js";
import {allowed, consent, consent_at, gpc} from "./consent.js";
import {keys, memory, remove, store, stored, WITHDRAWAL} from "./shelf.js";
import {close, events} from "./batch.js";

/** How long an answer may take, in milliseconds. */
const PATIENCE = 30000;

/** The first and the longest pause after a failure, and the longest a server can ask for, in seconds. */
const FIRST = 5;
const LONGEST = 300;
const ASKED = 3600;

/** 0: nothing is under way. 1: a request is. 2: the last one failed, and the next has its time. */
let state = 0;

/** The key of the batch under way. */
let under = "";

/** The open batch, when the page was looked at last. */
let gathered;

/** The timer that ends the pause after a failure. */
let retry = 0;

/** The last pause in seconds, doubled with each further failure; 0 once a request was answered. */
let pause = 0;

/**
 * What happens gathers until the page was looked at twice, and leaves together. The scripts of a page still being
 * read may yet say what kind of page it is.
 */
export function gather() {
  if (document.readyState == "loading") return;
  if (gathered == events) ripen();
  gathered = events.length && events;
}

/** The open batch has gathered for long enough. */
function ripen() {
  if (allowed()) close();
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
    if (key != WITHDRAWAL) remove(key);
  }
  return memory[WITHDRAWAL];
}

/** Send what may leave, one batch after the other, until there is none or one fails. Never throws. */
async function run() {
  try {
    if (!released() || state) return;
    state = 1;
    if (stored()[0]) await alone(() => each(stored()));
    do await each(keys(memory));
    while (state < 2 && keys(memory)[0]);
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
 * Do what only one tab may do at a time, unless another one does it now. Browsers without locks may do it twice;
 * the server knows the events by their ids.
 * @type {(work: () => Promise<void>) => Promise<void> | undefined}
 */
const alone = quiet((work) =>
  navigator.locks
    ? navigator.locks.request(ENDPOINT, {ifAvailable: true}, (lock) => lock && work()).catch(Object)
    : work(),
);

/**
 * Send a batch and act on the answer.
 *
 * Another try is worth it after 408, 429, 5xx and no answer at all; whatever else is refused would be refused
 * again. Until then the batch lies, where possible, so that it outlives the page. No answer may also mean that
 * the browser refused it for want of keepalive room: so it is tried a second time at once, without.
 * @param {string} key
 */
async function send(key) {
  under = key;
  let text;
  let answer;
  for (const keepalive of [true, false]) {
    // Meanwhile it may have been withdrawn.
    text = memory[key] || localStorage[key];
    if (!text) return;
    try {
      answer = answer || (await (ask(text, keepalive) || (beacon(text) && {})));
    } catch {}
  }
  under = "";
  tell("answer", answer, text);
  if (answer && !/408|429|5../.test(answer.status)) {
    pause = 0;
    return remove(key);
  }
  state = 2;
  if (store(key)) delete memory[key];
  pause = Math.min(pause * 2 || FIRST, LONGEST);
  const asked = answer?.headers?.get("retry-after");
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
    // A sandbox has no cookies, and would not be shown an answer to a request that may carry some.
    credentials: self.origin == "null" ? "omit" : "include",
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
  const head = JSON.stringify({sent_at: now(), consent, consent_at, gpc: gpc()});
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
  if (type[0] == "v" && !state) return ripen();
  if (!released()) return;
  close();
  for (const key of keys(memory)) {
    // A purchase is worth being sent twice.
    const doubtful = pause || key == under || key.endsWith("1");
    const safe = doubtful && store(key);
    const gone = key != under && (state < 2 || !safe) && beacon(memory[key]);
    if (gone || safe || store(key)) delete memory[key];
  }
}
