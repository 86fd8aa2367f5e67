// What every page runs. All pages work without it; with it they keep themselves up to date.

import { follow } from "./live.js";
import { startTicking } from "./ticking.js";

const page = document.documentElement.dataset;

startTicking();

if (page.page) {
  // After a refused button the address is the button's; a reload should read the page.
  if (location.pathname + location.search !== page.page) history.replaceState(null, "", page.page);
  follow(page.page, page.watches);
}

// A second press of the same button would only be refused: say at once that the first is on its way.
document.addEventListener("submit", (event) => {
  const button = event.submitter;
  if (!button || event.defaultPrevented) return;
  button.setAttribute("aria-busy", "true");
  // Disabled only after the form has been read: a disabled button's own value is not sent.
  setTimeout(() => { button.disabled = true; });
});

// Coming back by the back button shows the page as it was left.
addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  for (const button of document.querySelectorAll("button[aria-busy]")) {
    button.removeAttribute("aria-busy");
    button.disabled = false;
  }
});
