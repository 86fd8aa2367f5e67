// Keeps a page up to date: one event stream while it is seen, and a look every ten seconds where that fails.

import { morph } from "./morph.js";
import { clockAt, setClock, tick } from "./ticking.js";

const EVERYTHING = "*";
const POLL_MS = 10_000;
const SAFETY_MS = 60_000; // a phone that changes networks may hold a dead stream that looks alive
const ANSWER_MS = 8_000;
const REST_MS = 1_000; // in a storm a page is read once a second, and less often the longer the server takes
const REST_MOST_MS = 10_000;

let address = "";
let watches = "";
let stream = null;
let reading = false;
let again = false;
let readAt = Date.now();
let failedAt = null;

export function follow(page, incident) {
  address = page;
  watches = incident;
  document.addEventListener("visibilitychange", look);
  addEventListener("online", look);
  addEventListener("pageshow", (event) => { if (event.persisted) look(); });
  addEventListener("pagehide", close);
  setInterval(poll, POLL_MS);
  if (!document.hidden) open();
}

function look() {
  if (document.hidden) return close();
  open();
  read();
}

function open() {
  if (stream && stream.readyState !== EventSource.CLOSED) return;
  stream = new EventSource("/live");
  // Between the page and its stream something may have changed unheard.
  stream.onopen = read;
  // The reader should hear at once that nothing more will come, not at the next look.
  stream.onerror = read;
  stream.onmessage = (event) => {
    const { incident } = JSON.parse(event.data);
    if ([incident, watches].includes(EVERYTHING) || incident === watches) read();
  };
}

function close() {
  stream?.close();
  stream = null;
}

function poll() {
  if (document.hidden) return;
  const alive = stream?.readyState === EventSource.OPEN;
  if (!alive || Date.now() - readAt > SAFETY_MS) read();
  open();
}

// One reading at a time; what changes meanwhile leads to one more.
async function read() {
  again = true;
  if (reading) return;
  reading = true;
  while (again) {
    again = false;
    const began = performance.now();
    try {
      await readOnce();
      said("");
    } catch {
      failedAt ??= clockAt();
      said(`Tocsin cannot be reached since ${failedAt}. What you see may be old. Trying again.`);
    }
    const took = performance.now() - began;
    await new Promise((rested) => { setTimeout(rested, Math.min(Math.max(REST_MS, 10 * took), REST_MOST_MS)); });
  }
  reading = false;
}

async function readOnce() {
  const answer = await fetch(address, {
    headers: { accept: "text/html" },
    cache: "no-store",
    signal: AbortSignal.timeout(ANSWER_MS),
  });
  // Signed out, or gone: go where the server leads.
  if (answer.redirected) return location.assign(answer.url);
  if (!answer.ok) throw new Error(answer.status);
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  const { now } = fresh.documentElement.dataset;
  if (!now) throw new Error("not a page of ours");
  setClock(now);
  document.title = fresh.title;
  morph(document.querySelector("main"), fresh.querySelector("main"));
  readAt = Date.now();
  failedAt = null;
  tick();
}

function said(words) {
  const stale = document.getElementById("stale");
  if (stale.textContent === words) return;
  stale.textContent = words;
  stale.hidden = !words;
}
