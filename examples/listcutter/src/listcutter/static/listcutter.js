// What plain HTML cannot do: progress of an upload, progress of a cut, notices as they come, storage away and back.

const form = document.querySelector("form.upload");
if (form) form.addEventListener("submit", upload);

function upload(event) {
  event.preventDefault();
  const box = form.querySelector(".progress"), bar = box.querySelector("progress"), said = box.querySelector("span");
  const button = form.querySelector("button");
  const request = new XMLHttpRequest();
  const fail = (text) => { said.textContent = text; bar.hidden = true; button.disabled = false; };
  request.upload.onprogress = ({ loaded, total }) => {
    bar.value = loaded / total;
    said.textContent = loaded < total ? `${Math.floor(loaded / total * 100)} %` : "Reading the list …";
  };
  request.onload = () => {
    let answer = {};
    try { answer = JSON.parse(request.responseText); } catch { /* a proxy's own page */ }
    if (request.status < 300) location.href = `/lists/${answer.id}`;
    else fail(answer.detail || "The list could not be uploaded.");
  };
  request.onerror = () => fail("The connection broke off; nothing was kept. Try again.");
  button.disabled = true;
  box.hidden = bar.hidden = false;
  said.textContent = "Uploading …";
  request.open("POST", "/api/lists");
  request.send(new FormData(form));
}

const cut = document.querySelector("[data-cut]");
if (cut) watch();

async function watch() {
  const bar = cut.querySelector("progress");
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, 1000));
    const found = await fetch(cut.dataset.cut).then((answer) => answer.json()).catch(() => null);
    if (found && found.state && found.state !== "waiting") return location.reload();
    if (found && found.share < 1) bar.value = found.share;
    if (found) cut.querySelector("span").textContent = `${Math.floor(bar.value * 100)} %`;
  }
}

const notices = document.getElementById("notices");
const stream = new EventSource("/notices");
stream.addEventListener("broadcast", ({ data }) => {
  const notice = JSON.parse(data);
  if (notices.querySelector(`[data-id="${notice.id}"]`)) return;
  const line = document.createElement("p");
  line.className = `notice ${notice.severity.toLowerCase()}`;
  line.dataset.id = notice.id;
  line.textContent = notice.message;
  notices.prepend(line);
});
stream.addEventListener("cleared", ({ data }) => {
  notices.querySelector(`[data-id="${JSON.parse(data).id}"]`)?.remove();
});

const storage = document.getElementById("storage");
setInterval(async () => {
  const found = await fetch("/api/state").then((answer) => answer.json()).catch(() => null);
  if (!found || found.said === storage.textContent) return;
  const line = document.createElement("p");
  line.className = "notice storage";
  line.textContent = found.said;
  storage.replaceChildren(...(found.said ? [line] : []));
  if (!document.querySelector("[data-list]")) return;
  for (const one of await fetch("/api/lists").then((answer) => answer.json())) {
    document.querySelector(`[data-list="${one.id}"] .away`)?.toggleAttribute("hidden", one.available);
  }
}, 5000);
