// Bilten's storefront works without this file. It adds comfort: one submission per press, the
// time left of a hold, questions that hide while they do not apply, a look whether a payment has come in,
// and a button that prints.
"use strict";

for (const form of document.querySelectorAll("form[data-once]")) {
  form.addEventListener("submit", (event) => {
    const button = form.querySelector("[type=submit]");
    if (button.getAttribute("aria-disabled")) event.preventDefault();
    button.setAttribute("aria-disabled", "true");
  });
}
// A page that the back button brings back can be sent again.
addEventListener("pageshow", () => {
  for (const button of document.querySelectorAll("[aria-disabled]")) button.removeAttribute("aria-disabled");
});

const hold = document.getElementById("hold");
if (hold) {
  // The server says how much is left: the phone's clock may be wrong.
  const end = performance.now() + Number(hold.dataset.left) * 1000;
  const shown = hold.querySelector("[data-countdown]");
  const say = document.querySelector("[data-say]");
  let warned = false;
  const tick = () => {
    const left = Math.max(0, Math.round((end - performance.now()) / 1000));
    if (left > 0) {
      shown.textContent = `(${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")} left)`;
      hold.classList.toggle("soon", left <= 120);
      if (left <= 120 && !warned) {
        warned = true;
        say.textContent = "Your tickets are held for two more minutes at most.";
      }
      setTimeout(tick, 1000);
    } else {
      say.textContent = hold.textContent = "The time is over and the tickets are free again. Please choose anew.";
    }
  };
  tick();
}

// What is asked only after certain answers hides after others; the server decides by the answers either way.
const conditional = document.querySelectorAll("[data-when]");
if (conditional.length > 0) {
  const form = conditional[0].closest("form");
  const asked = new Map([...form.querySelectorAll("[data-asked]")].map((one) => [one.dataset.asked, one]));
  const look = () => {
    const data = new FormData(form);
    // A file may have been sent already, or be chosen now.
    const given = (field) => {
      const one = asked.get(field);
      if (!one || one.hidden) return [];
      const all = [...data.getAll(field), ...data.getAll(`${field}-file`)];
      const texts = all.map((value) => (typeof value === "string" ? value : value.name)).filter((text) => text.trim() !== "");
      return texts.length === 0 && "consent" in one.dataset ? ["false"] : texts;
    };
    const applies = ({ field, is }) => given(field).some((text) => is.length === 0 || is.includes(text));
    // One may wait for another, in any order, but never in a circle.
    for (let changed = true; changed; ) {
      changed = false;
      for (const one of conditional) {
        const hidden = !JSON.parse(one.dataset.when).every(applies);
        if (hidden !== one.hidden) {
          one.hidden = hidden;
          changed = true;
        }
      }
    }
  };
  form.addEventListener("change", look);
  form.addEventListener("input", look);
  addEventListener("pageshow", look);
  look();
}

// A reload would interrupt who listens to the page, so it is looked at first whether there is news.
const order = document.querySelector("[data-poll]");
if (order) {
  let wait = 2000;
  const look = async () => {
    if (!document.hidden) {
      try {
        const answer = await fetch(location.href, { cache: "no-store" });
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        const state = page.querySelector("[data-state]");
        if (state && state.dataset.state !== order.dataset.state) return location.reload();
      } catch {
        // No network just now; the next look may succeed.
      }
    }
    wait = Math.min(wait * 1.3, 30000);
    setTimeout(look, wait);
  };
  setTimeout(look, wait);
}

for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => print());
}
