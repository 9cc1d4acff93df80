// The page: it plays what stands behind the # of its address, says what is wrong,
// and comes back by itself from everything that passes.

import { readAddress } from "./address.js";
import { engines } from "./engine.js";
import { ask, unplayable, unsupported } from "./failure.js";
import { clear, control, name, refresh, root, show, video } from "./screen.js";

const tick = 200; // milliseconds between two looks at the state
const firstWait = 1_000; // milliseconds before the server is asked again,
const longestWait = 8_000; // doubled up to this
const silence = 4_000; // milliseconds beyond a fragment without which a camera is silent
const cushion = 1.5; // target durations to gather before playing goes on after a stall

let address = null;
let engine = null;
let kind = null; // of engines
let waiting = null; // the timer of the next attempt
let attempt = 0; // grows with every opening, so that what belongs to former ones is known
let pace = firstWait;
let position = null; // where a recording goes on
let starting = false; // whether the picture is to begin by itself, and has not yet
let holding = false; // whether playing waits for a cushion
let skew = 0; // of the server's clock, milliseconds

// begin starts with the page's address as it is now.
function begin() {
  close();
  position = null;
  address = readAddress(location.hash, location);
  name(address?.name);
  if (address) {
    show("starting", "Connecting");
    open();
  } else if (location.hash.length > 1) {
    show("expired", "This is not a link to a stream of this server", "Make one: millrace url player STREAM");
  } else {
    show("expired", "No stream yet", "The address of this page ends with a # and a link to a stream. Make one: millrace url player STREAM");
  }
}

function close() {
  attempt++;
  clearTimeout(waiting);
  holding = false;
  engine?.close();
  engine = null;
}

// open asks the server whether the session is good, and plays it.
async function open() {
  const mine = ++attempt;
  kind = choose();
  if (kind === null) return show("unsupported", "This browser cannot play live video", "It has neither Media Source Extensions nor HLS of its own.");
  const { playlist, failure } = await ask(address.url);
  if (mine !== attempt) return;
  const wrong = failure ?? unplayable(playlist, kind.can);
  if (wrong) return fail(wrong);
  engine?.close();
  starting = true;
  engine = kind.open(video, address.url, { position, failed: (why) => mine === attempt && diagnose(why) });
  play();
}

// choose takes the engine that the page's query names, or the first that works.
function choose() {
  const wanted = engines[new URLSearchParams(location.search).get("engine")];
  return [wanted, ...Object.values(engines)].find((e) => e?.works(video)) ?? null;
}

async function play() {
  try {
    await video.play();
  } catch (error) {
    if (error.name !== "NotAllowedError") return; // it was begun anew, or has ended
    show("blocked", "Ready", "This browser does not start video by itself.", ["Play", () => { clear("playing"); video.play(); }]);
  }
}

// diagnose finds out why an engine gave up: the server's word counts most.
async function diagnose(why) {
  console.warn("player:", why.what); // for who reports it
  const mine = ++attempt;
  if (engine?.live === false && video.currentTime > 0) position = video.currentTime;
  engine?.close();
  engine = null;
  holding = false;
  const { playlist, failure } = await ask(address.url);
  if (mine !== attempt) return;
  if (failure) return fail(failure);
  const lacking = unplayable(playlist, kind.can);
  if (lacking || why.codecs) return fail(lacking ?? unsupported([]));
  fail({ state: "lost", retry: true, title: "The picture broke off", text: "Trying again." });
}

// fail says what is wrong and, where that may help, tries again by itself.
function fail({ state, retry, title, text }) {
  clearTimeout(waiting);
  show(state, title, text, state === "unsupported" ? null : ["Try again", again]);
  if (!retry) return;
  waiting = setTimeout(open, pace);
  pace = Math.min(2 * pace, longestWait);
}

function again() {
  close();
  pace = firstWait;
  show("starting", "Connecting");
  open();
}

// look is what the page does all the time: it shows where it stands, and finds
// cameras that have gone silent.
function look() {
  const state = root.dataset.state;
  if (engine && !holding && video.readyState >= 3 && !video.paused && state !== "playing") {
    pace = firstWait;
    clear("playing");
  }
  if (engine?.live && engine.silentFor > silence + 1000 * engine.target && starved()) {
    const since = engine.date;
    if (engine.troubled) show("lost", "Connection lost", "The server does not answer. Trying again.");
    else show("silent", "The camera is silent", since ? `Nothing has come since ${since.toLocaleTimeString("sv")}. It goes on by itself.` : "It goes on by itself.");
  }
  hold();
  refresh(engine, skew);
}

const ahead = () => {
  for (let i = 0; i < video.buffered.length; i++) {
    if (video.buffered.start(i) <= video.currentTime + 0.1 && video.buffered.end(i) > video.currentTime) return video.buffered.end(i) - video.currentTime;
  }
  return 0;
};
const starved = () => holding || (video.readyState < 3 && ahead() < 0.2);

// hold lets a live picture that ran dry gather a cushion before it goes on, so that
// it does not stumble from one fragment to the next.
function hold() {
  if (engine && holding && (ahead() > cushion * engine.target || !engine.live)) {
    holding = false;
    play();
  }
}

// What begins to load may have stopped what was asked to play.
video.addEventListener("canplay", () => { if (starting && !holding && video.paused) play(); });
video.addEventListener("playing", () => { starting = false; });

video.addEventListener("waiting", () => {
  if (!engine?.live || holding || video.currentTime === 0 || video.seeking || ahead() > 0.2) return;
  holding = true;
  video.pause();
});

async function measureSkew() {
  const before = Date.now();
  const answer = await fetch("player/address.js", { cache: "no-store" }).catch(() => null);
  await answer?.text();
  const date = Date.parse(answer?.headers.get("Date") ?? "");
  const off = date + 500 - (before + Date.now()) / 2; // a Date has whole seconds
  skew = Math.abs(off) > 1500 ? off : 0; // below that it is the rounding
}

addEventListener("hashchange", begin);
addEventListener("online", () => root.dataset.state === "lost" && again());
addEventListener("pageshow", (event) => event.persisted && begin());
control(() => engine);
setInterval(look, tick);
measureSkew();
begin();
