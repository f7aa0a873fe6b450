/** Batches on the wire: when they leave, by which way, and what becomes of them after the answer. */
import {ENDPOINT, REQUIRED} from "./settings.js";
import {quiet} from "./quiet.js";
import {consent, granted} from "./consent.js";
import {retitle} from "./scene.js";
import {now, put, queue, take} from "./queue.js";

/** @typedef {import("./queue.js").Entry} Entry */

/** How long events gather before they leave together, in milliseconds. */
const GATHER = 300;

/** How long an answer may take, in milliseconds. */
const PATIENCE = 30000;

/** The first and the longest pause after a failure, and the longest a server can ask for, in seconds. */
const FIRST = 5;
const LONGEST = 300;
const ASKED = 3600;

/** 0: nothing is under way. 1: a request is. 2: the last one failed, and the next has its time. */
let state = 0;

/** The timer that ends the gathering, while one runs. */
let gathering = 0;

/** The timer that ends the pause after a failure. */
let retry = 0;

/** The last pause in seconds, doubled with each further failure; 0 once a request was answered. */
let pause = 0;

/** Whether the last request got no answer: perhaps the browser refused it for want of keepalive room. */
let refused = false;

/** Whether the server was told of a grant, so that it must hear of a withdrawal too. */
let told = false;

/** Send what is queued in a moment, so that what follows meanwhile goes along. */
export function soon() {
  gathering = gathering || setTimeout(quiet(() => {
    gathering = 0;
    // The scripts of a page still being read may yet say what kind of page it is.
    if (document.readyState == "loading") return soon();
    retitle();
    atOnce();
  }), GATHER);
}

/** Send what is queued by now, as soon as the caller has yielded. */
export function atOnce() {
  clearTimeout(gathering);
  gathering = 0;
  for (const waiting of queue) waiting.due = true;
  setTimeout(quiet(next));
}

/** Send the oldest batch, if it has gathered and may leave, and nothing is under way. */
function next() {
  if (!state && released() && queue.length && queue[0].due) deliver(take());
}

/**
 * Hold the queue against the consent; true when what is then in it may leave.
 *
 * Undecided, events wait. Denied, they are gone, and all that may leave is the word of a withdrawal: no
 * event, no page, no user.
 * @returns {boolean}
 */
function released() {
  if (!REQUIRED || granted()) return true;
  if (consent) queue.length = 0;
  if (told) put({}).due = true;
  return told;
}

/**
 * A batch as it goes on the wire; `sent_at` is the time of this attempt.
 * @param {Entry[]} entries
 * @returns {string}
 */
function body(entries) {
  const gpc = navigator.globalPrivacyControl === true || undefined;
  const head = JSON.stringify({__proto__: null, sent_at: now(), ...entries[0].scene, consent, gpc});
  return head.slice(0, -1) + `,"events":[${entries.map(({json}) => json).filter((json) => json)}]}`;
}

/**
 * How long to wait after a failure, in seconds: what the server asks for, or twice as long each time.
 * @param {any} [asked] the Retry-After header, which holds a number, a date or nothing
 * @returns {number}
 */
function backoff(asked) {
  pause = Math.min(pause * 2 || FIRST, LONGEST);
  return asked > 0 ? Math.min(asked, ASKED) : pause;
}

/**
 * Send a batch and act on the answer. Another try is worth it after 408, 429, 5xx and no answer at all;
 * whatever else is refused would be refused again.
 * @param {Entry[]} entries
 */
async function deliver(entries) {
  const grant = granted();
  told = told || grant;
  state = 1;
  let seconds;
  try {
    const answer = await fetch(ENDPOINT, {
      method: "POST",
      body: body(entries),
      credentials: "include",
      keepalive: !refused,
      signal: AbortSignal.timeout && AbortSignal.timeout(PATIENCE),
    });
    if (/^(408|429|5)/.test(answer.status)) seconds = backoff(answer.headers.get("retry-after"));
  } catch {
    seconds = refused ? backoff() : 0;
    refused = true;
  }
  if (seconds === undefined) {
    state = pause = 0;
    refused = false;
    if (!grant) told = granted();
    next();
  } else {
    state = 2;
    queue.unshift(...entries);
    // A little later than asked, and not in step with every other browser.
    retry = setTimeout(quiet(resume), seconds * (1000 + Math.random() * 200));
  }
}

/** Try again now, if the last request failed. */
export function resume() {
  if (state < 2) return;
  clearTimeout(retry);
  state = 0;
  next();
}

/**
 * Give a batch to the browser to send, whatever becomes of the page; true when it has taken it.
 * @param {Entry[]} entries
 * @returns {boolean | undefined}
 */
function beacon(entries) {
  try {
    return navigator.sendBeacon(ENDPOINT, body(entries));
  } catch {}
}

/**
 * The page may be going away: send what waits in a way that outlives it.
 *
 * After a failure being hidden is no reason to hurry, but leaving is. No answer to that will be seen, so the
 * entries stay as well: should the page come back they are sent again, and the server knows their ids.
 * @param {{type: string}} event
 */
export function hide({type}) {
  const failed = state > 1;
  if (type != "pagehide" && (failed || document.visibilityState != "hidden")) return;
  retitle();
  if (!released()) return;
  const kept = failed ? [...queue] : [];
  while (queue.length) {
    const entries = take();
    if (beacon(entries)) told = granted() || failed;
    else if (!failed) deliver(entries);
  }
  queue.push(...kept);
}
