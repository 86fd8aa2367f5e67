// Countdowns and ages, by the server's clock: a phone's own may be minutes off.

const MINUTE = 60;
const HOUR = 3_600;
const DAY = 86_400;

let ahead = 0; // milliseconds that the server's clock is ahead of ours

export function startTicking() {
  setClock(document.documentElement.dataset.now);
  setInterval(() => { if (!document.hidden) tick(); }, 1_000);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) tick(); });
}

export function setClock(now) {
  ahead = Date.parse(now) - Date.now();
}

// The time on the reader's wall, as the server would write it.
export function clockAt() {
  const timeZone = document.documentElement.dataset.zone;
  return new Date(Date.now() + ahead).toLocaleTimeString("en-GB", { timeZone });
}

export function tick() {
  const now = Date.now() + ahead;
  for (const node of document.querySelectorAll("[data-tick]")) {
    const at = Date.parse(node.closest("time").dateTime);
    const seconds = Math.trunc((at - now) / 1_000);
    const words = node.dataset.tick === "age" ? age(-seconds) : countdown(seconds);
    if (node.textContent !== words) node.textContent = words;
    if (node.dataset.tick === "countdown") node.classList.toggle("late", seconds < 0);
  }
}

// The same words as times.py writes.

function countdown(left) {
  const late = left < 0 ? "late " : "";
  const seconds = Math.abs(left);
  if (seconds >= DAY) return late + length(seconds);
  const two = (part) => String(part).padStart(2, "0");
  const [hours, minutes] = [Math.trunc(seconds / HOUR), Math.trunc((seconds % HOUR) / MINUTE)];
  return late + (hours ? `${hours}:${two(minutes)}` : `${minutes}`) + `:${two(seconds % MINUTE)}`;
}

function age(seconds) {
  return seconds < MINUTE ? "just now" : `${length(seconds)} ago`;
}

function length(seconds) {
  for (const [unit, word, part, partWord] of [[DAY, "d", HOUR, "h"], [HOUR, "h", MINUTE, "min"]]) {
    if (seconds < unit) continue;
    const rest = Math.trunc((seconds % unit) / part);
    return `${Math.trunc(seconds / unit)} ${word}` + (rest ? ` ${rest} ${partWord}` : "");
  }
  return seconds >= MINUTE ? `${Math.trunc(seconds / MINUTE)} min` : `${seconds} s`;
}
