// The operations page: reads the operations API every few seconds, draws what it says, and acts with a reason.
// The token comes from the form or from #token=... in the address, and stays in this tab.

import { plots } from "./plots.js";

const REFRESH_MS = 5000;
const root = new URL("..", location.href); // the page stands at <root>health/operations
const $ = (id) => document.getElementById(id);
let failing = 0;
let now = 0; // by the service's clock, as of the last answer

const given = new URLSearchParams(location.hash.slice(1)).get("token");
if (given) {
  sessionStorage.setItem("guard-token", given);
  history.replaceState(null, "", location.pathname);
}

// Asking and acting

class Problem extends Error {
  constructor(status, text) { super(text); this.status = status; }
}

async function ask(address, body) {
  const headers = { Authorization: `Bearer ${sessionStorage.getItem("guard-token") ?? ""}` };
  const options = body ? { method: "POST", headers, body: JSON.stringify(body) } : { headers };
  const answer = await fetch(new URL(address, root), options);
  const content = await answer.json();
  if (!answer.ok) throw new Problem(answer.status, content.detail ?? `The service answered ${answer.status}.`);
  return content;
}

async function act(address, body, done) {
  try {
    const { data } = await ask(address, body);
    say(typeof done === "function" ? done(data) : done);
  } catch (error) {
    say(error.message, "bad");
  }
  await refresh();
}

function say(text, kind = "good") {
  $("said").replaceChildren(h("p", { class: `notice ${kind}` }, text));
}

function askWhy(title, text) {
  const box = $("why");
  box.querySelector("h2").textContent = title;
  box.querySelector("p").textContent = text;
  box.querySelector("input").value = "";
  box.returnValue = "";
  box.showModal();
  return new Promise((resolve) => {
    box.addEventListener("close", () => resolve(box.returnValue === "do" ? box.querySelector("input").value : null), { once: true });
  });
}

// Building

function h(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(name, value);
    else if (value !== false && value != null) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.flat().filter((child) => child != null && child !== false));
  return made;
}

function button(key, text, onclick, second = true) {
  return h("button", { class: second ? "button second" : "button", type: "button", "data-key": key, click: onclick }, text);
}

// What is drawn anew keeps the focus on the button that had it.
function put(id, ...nodes) {
  const place = $(id), key = place.contains(document.activeElement) ? document.activeElement.dataset.key : null;
  place.replaceChildren(...nodes.flat());
  if (key) place.querySelector(`[data-key="${CSS.escape(key)}"]`)?.focus();
}

const count = (n) => n.toLocaleString("en");
const bytes = (n) => (n < 1e3 ? `${n} bytes` : n < 1e6 ? `${(n / 1e3).toFixed(0)} KB` : n < 1e9 ? `${(n / 1e6).toFixed(1)} MB` : `${(n / 1e9).toFixed(2)} GB`);
const share = (n) => `${(n * 100).toFixed(n && n < 0.1 ? 1 : 0)} %`;
const ms = (n) => (n >= 1000 ? `${(n / 1000).toFixed(1)} s` : `${n.toFixed(n < 10 ? 1 : 0)} ms`);
const when = (iso) => h("time", { datetime: iso, title: iso }, new Date(iso).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "medium" }));
const lasting = (s) => (s < 90 ? `${Math.round(s)} s` : s < 5400 ? `${Math.round(s / 60)} min` : `${(s / 3600).toFixed(1)} h`);
const ago = (iso) => `${lasting(Math.max(0, (now - Date.parse(iso)) / 1000))} ago`;
const words = (text) => text.toLowerCase().replaceAll("_", " ");

function facts(pairs) {
  return h("dl", { class: "facts" }, pairs.filter(([, value]) => value != null).map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
}

// The column named by `wide` wraps; the others stand on one line.
function table(caption, heads, wide, rows, empty) {
  if (!rows.length) return h("p", { class: "hint" }, empty);
  const head = h("thead", {}, h("tr", {}, heads.map((name) => h("th", { scope: "col" }, name))));
  const body = h("tbody", {}, rows.map((row) => h("tr", {}, row.map((cell, n) => h("td", { class: heads[n] === wide && "wide" }, cell)))));
  return h("div", { class: "table", tabindex: "0", role: "region", "aria-label": caption }, h("table", {}, h("caption", { class: "unseen" }, caption), head, body));
}

function state(word) {
  const kind = { HEALTHY: "good", DEGRADED: "warn", UNHEALTHY: "bad", CLOSED: "good", OPEN: "bad", HALF_OPEN: "warn", FAILED: "bad", critical: "bad", error: "bad", warning: "warn" }[word] ?? "";
  return h("span", { class: `state ${kind}` }, words(word));
}

// Sections

function drawServices(services) {
  put("services", services.map((one) => {
    const at = `health/services/${one.name}`, breaker = one.circuit_breaker, acts = [];
    if (!one.degraded) acts.push(["degrade", "Degrade", "Uploads are queued untried, downloads stay. Why?"]);
    else acts.push(["restore", "Restore", "Leave degraded mode. Refused while the breaker is not closed. Why?"]);
    if (breaker.state !== "CLOSED" || one.degraded) acts.push(["force-recovery", "Force recovery", "Close the breaker and leave degraded mode, whatever was found. Why?"]);
    const buttons = acts.map(([word, text, question]) => button(`${one.name} ${word}`, text, async () => {
      const reason = await askWhy(`${text} ${one.name}`, question);
      if (reason) await act(`${at}/${word}`, { reason }, `${one.name}: done.`);
    }));
    if (breaker.state !== "CLOSED") buttons.push(button(`${one.name} reset`, "Reset breaker", () => act("health/circuit-breaker/reset", { service: one.name, reason: "reset on the operations page" }, "The breaker is closed.")));
    const check = one.last_check;
    return h("article", { class: "card" },
      h("h3", {}, one.name, " ", state(one.status)),
      facts([
        ["Breaker", h("span", {}, state(breaker.state), breaker.permanently_open ? " permanently" : "", breaker.open_for_seconds ? ` for ${lasting(breaker.open_for_seconds)}` : "")],
        ["Degraded", one.degraded ? `${one.degraded_mode.cause === "hand" ? `by ${one.degraded_mode.by}` : "by rule"}: ${one.degraded_mode.reason}` : "no"],
        ["Calls, 5 min", count(one.calls_last_5_minutes)],
        ["Errors, 5 min", share(one.error_rate_last_5_minutes)],
        ["p95, 5 min", ms(one.p95_ms_last_5_minutes)],
        ["Last check", check?.at && `${check.ok ? "passed" : check.error || "failed"}, ${ago(check.at)}`],
      ]),
      h("div", { class: "buttons" }, buttons));
  }));
}

function drawQueue(queue, failed) {
  const nodes = [facts([
    ["Waiting", count(queue.total_queued)], ["Failed", count(queue.total_failed)],
    ["Oldest", queue.oldest_age_seconds == null ? "none" : lasting(queue.oldest_age_seconds)],
    ["Held back", queue.held.join(", ") || "none"], ["Pushes waiting", count(queue.notifications_queued)],
    ["Takes new work", queue.accepts_new ? "yes" : "no: the local disk is full"],
  ]), h("div", { class: "buttons" }, button("process", "Process now", () => act("health/queue/process", {}, (done) => `${done.processed} processed, ${done.total_queued} left. ${done.held.join(" ")}`)))];
  if (failed.length) nodes.push(table("Failed operations", ["Operation", "Key", "Error", "Since", ""], "Error", failed.map((one) => [
    `${one.id} ${one.action}`, one.key, one.error, when(one.changed_at),
    h("span", { class: "buttons" },
      button(`retry ${one.id}`, "Retry", () => act(`health/queue/operations/${one.id}/retry`, {}, "It is tried again.")),
      button(`discard ${one.id}`, "Discard", async () => {
        const reason = await askWhy(`Discard operation ${one.id}`, "It is given up; those behind it go on. Why?");
        if (reason) await act(`health/queue/operations/${one.id}/discard`, { reason }, "It was discarded.");
      })),
  ]), ""));
  put("queue", nodes);
}

function checkedWords(one) {
  if (!one) return "not made since the start";
  if (one.state === "RUNNING") return `running, ${share(one.progress)}`;
  const bad = ["corrupt", "missing", "stray", "unreadable"].map((kind) => [kind, one[`${kind}_count`]]).filter(([, n]) => n);
  return `${count(one.checked)} of ${count(one.total)} objects, ${bad.length ? bad.map(([kind, n]) => `${n} ${kind}`).join(", ") : "all good"}${one.finished_at ? `, ${ago(one.finished_at)}` : ""}`;
}

function drawBackups(stores) {
  put("backups", stores.map(({ name, stats, integrity, objects, size }) => h("article", { class: "card" },
    h("h3", {}, name, " ", stats ? state(stats.healthy ? "HEALTHY" : "DEGRADED") : ""),
    facts([
      ["Objects", `${count(objects)}, ${bytes(size)}`],
      ["Backups", stats ? count(stats.total_backups) : "no backup store"],
      ["Last", stats?.last_backup ? `${stats.last_backup.type}, ${lasting(stats.last_backup_age_seconds)} ago` : null],
      ["Last holds", stats && `${count(stats.objects_in_last_backup)} objects, ${bytes(stats.bytes_in_last_backup)}`],
      ["Running", stats?.running ? stats.running.type : null],
      ["Last failure", stats?.last_failure ? `${stats.last_failure.error}` : null],
      ["Integrity", checkedWords(integrity)],
    ]),
    h("div", { class: "buttons" },
      stats && button(`${name} backup`, "Back up now", () => act("api/backup/create", { type: "incremental", service: name }, (done) => `Backup ${done.id}: ${words(done.state)}.`)),
      stats && button(`${name} emergency`, "Emergency backup", () => act("api/backup/create", { type: "emergency", priority: "high", service: name }, (done) => `Backup ${done.id}: ${words(done.state)}.`)),
      button(`${name} check`, "Check integrity", () => act("api/files/integrity-check", { service: name }, (done) => `Integrity: ${checkedWords(done)}.`)),
      button(`${name} test`, "Test operations", () => act("api/files/test-operations", { service: name }, (done) => `Test operations: ${done.passed ? "all passed" : done.steps.filter((step) => !step.ok).map((step) => step.step ?? step.name).join(", ") + " failed"}.`))))));
}

function drawNotices(found) {
  const active = found.notifications.filter((one) => one.active);
  put("notices", table("Shown now", ["To", "Type", "Message", "Since", ""], "Message", active.map((one) => [
    words(one.target), words(one.type), one.message, when(one.at),
    button(`clear ${one.id}`, "Clear", () => act(`health/notifications/${one.id}/clear`, {}, "It is off the screens.")),
  ]), "Nothing is shown to anybody now."));
}

function drawHistory(found) {
  put("breaker", table("Changes of the circuit breakers", ["When", "Service", "From", "To", "Why"], "Why", found.history.slice(0, 20).map((one) => [
    when(one.at), one.service, state(one.from), state(one.to), one.reason,
  ]), "The breakers have not moved."));
}

function drawEvents(found) {
  put("events", table("Events", ["When", "Level", "What", "By"], "What", found.map((one) => [
    when(one.at), state(one.level), one.message, one.by,
  ]), "Nothing has happened."));
}

// The loop

async function refresh() {
  if ($("why").open) return;
  const level = $("level").value, hours = $("hours").value;
  try {
    const status = await ask("health/status");
    const [services, metrics, queue, failed, notices, history, events] = (await Promise.all([
      ask("health/services"), ask(`health/metrics?hours=${hours}`), ask("health/queue/status"),
      ask("health/queue/operations?status=FAILED&limit=50"), ask("health/notifications"),
      ask("health/circuit-breaker/history"), ask(`health/events?limit=60${level && `&level=${level}`}`),
    ])).map((answer) => answer.data);
    const stores = await Promise.all(services.services.filter((one) => one.object_store).map(async ({ name, object_store }) => {
      const { data } = await ask(`health/${object_store}/status`);
      const stats = data.backup ? (await ask(`api/backup/stats?service=${name}`)).data : null;
      return { name, stats, integrity: data.last_integrity_check, objects: data.objects, size: data.bytes };
    }));
    failing = 0;
    now = Date.parse(status.as_of);
    $("login").hidden = true;
    $("all").hidden = false;
    document.title = `${words(status.data.overall_status)} · ${status.data.service}`;
    $("name").textContent = `Operations of ${status.data.service}`;
    $("overall").replaceChildren(state(status.data.overall_status));
    $("asof").replaceChildren("as of ", when(status.as_of));
    put("warnings", status.data.warnings.map((text) => h("li", { class: "notice warn" }, text)));
    drawServices(services.services);
    $("metrics").replaceChildren(...plots(metrics.series, Number(hours), now, $("metrics").clientWidth));
    drawQueue(queue, failed.operations);
    drawBackups(stores);
    drawNotices(notices);
    drawHistory(history);
    drawEvents(events.events);
  } catch (error) {
    trouble(error);
  }
}

function trouble(error) {
  if (error instanceof Problem && (error.status === 401 || error.status === 403)) {
    const problem = $("login").querySelector(".problem");
    problem.hidden = !sessionStorage.getItem("guard-token");
    problem.textContent = error.message;
    $("all").hidden = true;
    $("login").hidden = false;
    sessionStorage.removeItem("guard-token");
    return;
  }
  failing += 1;
  if (failing > 1) $("overall").replaceChildren(h("span", { class: "state bad" }, `no answer for ${failing * REFRESH_MS / 1000} s`));
  if (!(error instanceof TypeError || error instanceof Problem)) throw error;
}

$("login").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem("guard-token", $("token").value.trim());
  $("token").value = "";
  refresh();
});

$("broadcast").addEventListener("submit", async (event) => {
  event.preventDefault();
  const fields = Object.fromEntries(new FormData(event.target));
  await act("health/notifications/broadcast", fields, "It was sent.");
  event.target.reset();
});

$("level").addEventListener("change", refresh);
$("hours").addEventListener("change", refresh);
await refresh();
setInterval(() => { if (!document.hidden && $("login").hidden) refresh(); }, REFRESH_MS);
