// The waiting room by itself: without this file the same works by links and forms. It asks a small file
// that is the same for everybody, works out from it what has changed, and asks for its own place only
// then. Nothing it does moves the focus or reloads, unless somebody has just pressed something.
"use strict";

const event = location.pathname.split("/")[2];
const api = `/api/v1/shop/events/${event}/waiting-room`;
const part = (name) => document.querySelector(`[data-${name}]`);
const [said, turn, figures, times] = ["said", "turn", "figures", "times"].map(part);
const [joining, entering, waitlist] = ["join", "enter", "waitlist"].map(part);
const title = document.title;
// Where one stands, as it was last told; null without a place.
let standing = null;

// The largest of 0, 1, 2, 5, 10, 20, 50 … that is not larger: what is worth to be said aloud.
const stepOf = (ahead) => {
  let ten = 1;
  while (ahead / ten >= 10) ten *= 10;
  const first = Math.floor(ahead / ten);
  return (first >= 5 ? 5 : first >= 2 ? 2 : first) * ten;
};
const put = (element, text) => {
  if (element.textContent !== text) element.textContent = text;
};
const clock = (at) => new Date(at).toLocaleString(document.documentElement.lang, { dateStyle: "medium", timeStyle: "short" });

const count = (ahead) => put(figures, ahead === null ? "" : `Number ${standing.number}: ${ahead} before you`);

const show = (now) => {
  standing = now;
  const state = now ? now.state : "none";
  put(said, state === "called" ? "" : now ? now.text : "You have no place yet. Get one below.");
  put(turn, state === "called" ? now.text : "");
  document.title = state === "called" ? `It is your turn · ${title}` : title;
  put(times, now?.opens_at ? `The draw is held on ${clock(now.opens_at)}.` : now?.until ? `Please begin until ${clock(now.until)}.` : "");
  count(now?.ahead ?? null);
  joining.hidden = !["none", "missed"].includes(state);
  entering.hidden = !["called", "open"].includes(state);
  waitlist.hidden = !now?.waitlist;
  if (now?.waitlist) waitlist.firstElementChild.href = now.waitlist;
};

const look = async () => {
  const answer = await fetch(`${api}/place`, { cache: "no-store" });
  if (answer.ok) show(await answer.json());
  else if ([403, 404].includes(answer.status)) show(null);
};

// Whether the notice says something that one's own place has to be asked for.
const isNews = (notice) => {
  if (!standing) return false;
  if (notice.state === "gathering" && notice.opens_at !== standing.opens_at) return true;
  if (notice.state !== "calling") return notice.state !== standing.state;
  if (notice.sold_out_at) return !["sold_out", "missed", "entered", "left"].includes(standing.state);
  if (standing.state === "sold_out") return true;
  if (standing.state !== "waiting") return ["gathering", "drawing", "open", "called"].includes(standing.state);
  const ahead = standing.number - notice.called - 1;
  if (ahead < 0) return true;
  count(ahead);
  return stepOf(ahead) !== stepOf(standing.ahead);
};

let isAway = false;
const poll = async () => {
  try {
    const notice = await (await fetch("notice.json")).json();
    if (isNews(notice)) {
      // Right after the draw everybody asks for their number: each in a moment of its own.
      const isDrawn = ["gathering", "drawing"].includes(standing.state) && notice.state === "calling";
      if (isDrawn) await new Promise((wake) => setTimeout(wake, Math.random() * notice.spread_ms));
      await look();
    }
    isAway = false;
  } catch {
    if (!isAway) put(times, "We cannot be reached just now. Your place is kept; this page goes on by itself.");
    isAway = true;
  }
  const usual = standing ? standing.poll_after_ms : 10000;
  setTimeout(poll, standing?.state === "called" ? 15000 : usual);
};

let isJoining = false;
joining.addEventListener("submit", async (pressed) => {
  pressed.preventDefault();
  // An impatient thumb gets one place.
  if (isJoining) return;
  isJoining = true;
  try {
    const answer = await fetch(`${api}/places`, { method: "POST" });
    const body = await answer.json();
    if (!answer.ok) {
      put(said, body.detail || "That did not work. Please try again.");
      return;
    }
    show(body.standing);
    // Whoever pressed the button is told what came of it, and goes on from there.
    const heading = document.getElementById("now");
    heading.tabIndex = -1;
    heading.focus();
  } catch {
    put(said, "We cannot be reached just now. Please try again.");
  } finally {
    isJoining = false;
  }
});

look().catch(() => {}).finally(() => setTimeout(poll, 3000));
