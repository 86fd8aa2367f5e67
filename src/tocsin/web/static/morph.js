// Makes an element equal to a fresh one by changing as little as possible: what is the same stays the same
// node, so focus, scroll, typed words and opened details survive.

export function morph(old, fresh) {
  const focused = document.activeElement;
  element(old, fresh);
  if (focused && focused !== document.activeElement) {
    // Moving a node takes its focus; a node that is gone leaves the reader at the top of the content.
    (focused.isConnected ? focused : old).focus({ preventScroll: true });
  }
}

// Written by the reader or by our own ticking, not by the server.
const OURS = new Map([["DETAILS", ["open"]], ["BUTTON", ["disabled", "aria-busy"]]]);

function element(old, fresh) {
  // A form that was refused holds what the reader wrote and what is wrong with it: it is theirs until they leave.
  if (old.tagName === "FORM" && old.querySelector("[data-once]")) return;
  const ours = OURS.get(old.tagName) ?? [];
  for (const { name } of [...old.attributes]) {
    if (!fresh.hasAttribute(name) && !ours.includes(name)) old.removeAttribute(name);
  }
  for (const { name, value } of fresh.attributes) {
    if (old.getAttribute(name) !== value && !ours.includes(name)) old.setAttribute(name, value);
  }
  children(old, fresh);
}

function children(old, fresh) {
  const wanted = new Set([...fresh.children].map(key).filter(Boolean));
  const keyed = new Map();
  for (const child of [...old.children]) {
    const name = key(child);
    if (!name) continue;
    // First, so that nothing which stays has to move around what goes.
    if (wanted.has(name)) keyed.set(name, child);
    else child.remove();
  }
  let at = old.firstChild;
  for (const next of [...fresh.childNodes]) {
    at = skipOnce(at);
    const name = key(next);
    const same = name ? keyed.get(name) : at && !key(at) && alike(at, next) ? at : null;
    if (!same) {
      old.insertBefore(next, at);
      continue;
    }
    if (same === at) at = at.nextSibling;
    else old.insertBefore(same, at);
    if (same.nodeType === Node.ELEMENT_NODE) element(same, next);
    else if (same.data !== next.data) same.data = next.data;
  }
  while ((at = skipOnce(at))) {
    const gone = at;
    at = at.nextSibling;
    gone.remove();
  }
}

// An answer to what the reader has just done stays until the page is left.
function skipOnce(node) {
  while (node?.dataset && "once" in node.dataset) node = node.nextSibling;
  return node;
}

function key(node) {
  return node.dataset?.key || node.id || "";
}

function alike(one, other) {
  return one.nodeType === other.nodeType && one.nodeName === other.nodeName;
}
