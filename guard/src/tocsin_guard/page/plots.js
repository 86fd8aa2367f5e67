// Three plots of the same minutes: calls, errors, response time. Plain SVG; each says its figures in words too.

const SVG = "http://www.w3.org/2000/svg";
const HEIGHT = 130, LEFT = 46, BOTTOM = 20, TOP = 8, SLOTS_MAX = 120;

function s(tag, attributes, text) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text != null) made.textContent = text;
  return made;
}

// Minutes put together so that a plot has at most SLOTS_MAX points; a slot without calls is null.
function slots(series, hours, now) {
  const minutes = hours * 60, width = Math.ceil(minutes / SLOTS_MAX), many = Math.ceil(minutes / width);
  const first = Math.floor(now / 60000) - minutes + 1;
  const found = Array(many).fill(null);
  for (const one of series) {
    const place = Math.floor((Date.parse(one.minute) / 60000 - first) / width);
    if (place < 0 || place >= many) continue;
    const slot = (found[place] ??= { count: 0, errors: 0, p50: 0, p95: 0 });
    slot.count += one.count;
    slot.errors += one.errors;
    slot.p50 = Math.max(slot.p50, one.p50_ms);
    slot.p95 = Math.max(slot.p95, one.p95_ms);
  }
  return { found, starts: found.map((_, n) => (first + n * width) * 60000), width };
}

function nice(most) {
  const power = 10 ** Math.floor(Math.log10(most));
  return [1, 2, 5, 10].map((n) => n * power).find((n) => n >= most);
}

function frame(title, said, width, top, unit, starts) {
  const svg = s("svg", { viewBox: `0 0 ${width} ${HEIGHT}`, width, height: HEIGHT, role: "img", "aria-label": `${title}: ${said}` });
  for (const part of [0, 0.5, 1]) {
    const y = TOP + (HEIGHT - TOP - BOTTOM) * (1 - part);
    svg.append(s("line", { x1: LEFT, x2: width, y1: y, y2: y, class: "grid" }));
    svg.append(s("text", { x: LEFT - 6, y: y + 4, "text-anchor": "end" }, unit(top * part)));
  }
  const hour = (at) => new Date(at).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
  svg.append(s("text", { x: LEFT, y: HEIGHT - 4 }, hour(starts[0])));
  svg.append(s("text", { x: width, y: HEIGHT - 4, "text-anchor": "end" }, "now"));
  return svg;
}

function figure(title, said, svg, key) {
  const made = document.createElement("figure");
  const caption = document.createElement("figcaption");
  const name = document.createElement("b");
  name.textContent = title;
  caption.append(name, ` ${said}`);
  for (const [kind, text] of key) {
    const mark = document.createElement("span");
    mark.className = `key ${kind}`;
    mark.textContent = text;
    caption.append(" ", mark);
  }
  made.append(caption, svg);
  return made;
}

export function plots(series, hours, now, room) {
  const { found, starts, width: minutes } = slots(series, hours, now);
  const columns = room > 900 ? 3 : 1, width = Math.max(280, Math.floor((room - (columns - 1) * 24) / columns) - 34);
  const full = found.filter(Boolean);
  const most = (name) => Math.max(0, ...full.map((slot) => slot[name]));
  const step = (width - LEFT) / found.length, x = (n) => LEFT + n * step;
  const y = (value, top) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - Math.min(1, value / top));
  const per = minutes === 1 ? "a minute" : `in ${minutes} minutes`;

  function bars(svg, top) {
    found.forEach((slot, n) => {
      if (!slot) return;
      const good = y(slot.count, top), bad = y(slot.errors, top), floor = y(0, top), thick = Math.max(1, step - 1);
      svg.append(s("rect", { x: x(n), y: good, width: thick, height: floor - good, class: "calls" }));
      if (slot.errors) svg.append(s("rect", { x: x(n), y: bad, width: thick, height: floor - bad, class: "errors" }));
    });
  }

  function line(svg, top, kind, value) {
    let path = "", down = false;
    found.forEach((slot, n) => {
      if (slot) path += `${down ? "L" : "M"}${(x(n) + step / 2).toFixed(1)} ${y(value(slot), top).toFixed(1)}`;
      down = Boolean(slot);
    });
    svg.append(s("path", { d: path, class: kind }));
    found.forEach((slot, n) => { // one between two empty ones has no line
      if (slot && !found[n - 1] && !found[n + 1]) svg.append(s("circle", { cx: x(n) + step / 2, cy: y(value(slot), top), r: 3, class: kind.replace("line", "dot") }));
    });
  }

  const total = full.reduce((sum, slot) => sum + slot.count, 0), errors = full.reduce((sum, slot) => sum + slot.errors, 0);
  const time = (n) => (n >= 1000 ? `${+(n / 1000).toFixed(1)} s` : `${+n.toFixed(n < 10 ? 1 : 0)} ms`);
  const rate = (slot) => (slot.count ? slot.errors / slot.count : 0);
  const told = {
    calls: `${total.toLocaleString("en")}, of which ${errors.toLocaleString("en")} failed`,
    errors: full.length ? `${(total ? errors / total * 100 : 0).toFixed(1)} % in all, at worst ${(Math.max(...full.map(rate)) * 100).toFixed(0)} % ${per}` : "no calls",
    time: full.length ? `p95 at most ${time(most("p95"))}` : "no calls",
  };
  const callsTop = nice(Math.max(4, most("count"))), timeTop = nice(Math.max(1, most("p95")));
  const calls = frame("Calls", told.calls, width, callsTop, (n) => n.toLocaleString("en"), starts);
  bars(calls, callsTop);
  const rates = frame("Error rate", told.errors, width, 1, (n) => `${n * 100} %`, starts);
  line(rates, 1, "line errors", rate);
  const times = frame("Response time", told.time, width, timeTop, time, starts);
  line(times, timeTop, "line p50", (slot) => slot.p50);
  line(times, timeTop, "line p95", (slot) => slot.p95);
  return [
    figure(`Calls ${per}`, told.calls, calls, [["calls", "calls"], ["errors", "failed"]]),
    figure("Error rate", told.errors, rates, []),
    figure("Response time", told.time, times, [["p50", "p50"], ["p95", "p95"]]),
  ];
}
