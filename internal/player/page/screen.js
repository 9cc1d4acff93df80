// What people see and touch beside the picture: messages, the badge, the clock and
// the controls. Texts of others are shown as text, never as markup.

const part = (id) => document.getElementById(id);
const root = part("player");
const video = part("video");

const step = 5; // seconds that an arrow key goes
const idle = 3_000; // milliseconds until the controls of a full screen hide
const behindBy = 6_000; // milliseconds beyond the usual that are no longer live

let universal = false; // whether the clock shows UTC

export { root, video };

// show shows a message instead of, or below, the picture; action is a button's text
// and what it does.
export function show(state, title, text = "", action = null) {
  root.dataset.state = state;
  part("message").hidden = false;
  write(part("message-title"), title);
  write(part("message-text"), text);
  const button = part("message-action");
  button.hidden = action === null;
  if (action) {
    write(button, action[0]);
    button.onclick = action[1];
  }
}

// clear takes the message away.
export function clear(state) {
  root.dataset.state = state;
  part("message").hidden = true;
}

export function name(text) {
  write(part("name"), text || "Millrace");
  document.title = text ? `${text} – Millrace` : "Millrace";
}

// write changes a text only if it is another, so that it is not read out again.
function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

// refresh shows where an engine stands; skew is what the server's clock is ahead
// of this machine's, in milliseconds.
export function refresh(engine, skew) {
  const date = engine?.date ?? null;
  const lag = date && engine.live ? Date.now() + skew - date.getTime() : null;
  badge(engine, lag);
  write(part("latency"), lag !== null && lag > -2000 && lag < 3_600_000 ? `${(Math.max(0, lag) / 1000).toFixed(1)} s behind` : "");
  part("clock").hidden = date === null;
  if (date) write(part("clock"), spell(date, video.paused));
  seekbar(engine);
  const audible = engine?.sound === true;
  part("mute").hidden = !audible;
  part("unmute").hidden = !(audible && video.muted && root.dataset.state === "playing");
}

function badge(engine, lag) {
  const button = part("badge");
  button.hidden = engine?.live == null;
  if (button.hidden) return;
  const behind = video.paused || (lag !== null && lag > 4_000 * engine.target + behindBy) || root.dataset.state !== "playing";
  const at = engine.live ? (behind ? "behind" : "live") : "recorded";
  button.dataset.at = at;
  button.disabled = !engine.live;
  button.title = at === "behind" ? "Go to what is live (l)" : "";
  write(part("badge-text"), engine.live ? "Live" : "Recorded");
}

function seekbar(engine) {
  const range = engine?.seekable;
  part("seek").hidden = part("time").hidden = !range;
  if (!range) return;
  const seek = part("seek");
  [seek.min, seek.max] = range;
  if (document.activeElement !== seek || !seek.matches(":active")) seek.value = video.currentTime;
  write(part("time"), `${length(video.currentTime - range[0])} / ${length(range[1] - range[0])}`);
  const date = engine.dateAt(Number(seek.value));
  seek.setAttribute("aria-valuetext", length(Number(seek.value) - range[0]) + (date ? `, ${spell(date, false)}` : ""));
}

function length(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (n) => String(n).padStart(2, "0");
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

// spell writes a time of day, with the date if it is not today's.
function spell(date, precise) {
  const zone = universal ? { timeZone: "UTC" } : {};
  const today = date.toLocaleDateString("sv", zone) === new Date().toLocaleDateString("sv", zone);
  const day = today ? "" : date.toLocaleDateString("sv", zone) + " ";
  return day + date.toLocaleTimeString("sv", { ...zone, ...(precise ? { fractionalSecondDigits: 3, hour: "2-digit", minute: "2-digit", second: "2-digit" } : {}) }) + (universal ? " UTC" : "");
}

// control wires the controls up. engine returns the current one, or null.
export function control(engine) {
  const within = (at) => {
    const range = engine()?.seekable;
    return range ? Math.min(Math.max(at, range[0]), range[1]) : at;
  };
  const actions = {
    play() { video.paused ? video.play().catch(() => {}) : video.pause(); },
    mute() { video.muted = !video.muted; },
    fullscreen() { document.fullscreenElement ? document.exitFullscreen() : root.requestFullscreen?.().catch(() => {}); },
    inset() { document.pictureInPictureElement ? document.exitPictureInPicture() : video.requestPictureInPicture?.().catch(() => {}); },
    live() {
      if (!engine()?.live) return;
      if (engine().edge > video.currentTime) video.currentTime = engine().edge;
      video.play().catch(() => {});
    },
    back() { if (engine()?.seekable) video.currentTime = within(video.currentTime - step); },
    on() { if (engine()?.seekable) video.currentTime = within(video.currentTime + step); },
    first() { if (engine()?.seekable) video.currentTime = within(0); },
    last() { if (engine()?.seekable) video.currentTime = within(Infinity); },
  };
  const keys = {
    " ": "play", k: "play", m: "mute", f: "fullscreen", p: "inset", l: "live",
    ArrowLeft: "back", ArrowRight: "on", Home: "first", End: "last",
  };
  document.addEventListener("keydown", (event) => {
    const action = keys[event.key];
    const target = event.target;
    if (!action || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === " " && target instanceof HTMLButtonElement) return; // it is pressed
    if (target === part("seek") && /^(Arrow|Home|End)/.test(event.key)) return; // it is moved
    event.preventDefault();
    actions[action]();
  });
  for (const id of ["play", "mute", "fullscreen", "inset"]) part(id).addEventListener("click", actions[id]);
  part("badge").addEventListener("click", actions.live);
  part("unmute").addEventListener("click", actions.mute);
  video.addEventListener("click", actions.play);
  video.addEventListener("dblclick", actions.fullscreen);
  part("seek").addEventListener("input", () => { video.currentTime = Number(part("seek").value); });
  part("clock").addEventListener("click", () => { universal = !universal; });
  part("fullscreen").hidden = !document.fullscreenEnabled;
  part("inset").hidden = !document.pictureInPictureEnabled;

  const follow = () => {
    root.classList.toggle("paused", video.paused);
    root.classList.toggle("playing", !video.paused);
    root.classList.toggle("muted", video.muted);
    root.classList.toggle("loud", !video.muted);
    part("play").setAttribute("aria-label", video.paused ? "Play" : "Pause");
    part("mute").setAttribute("aria-pressed", String(!video.muted));
  };
  for (const event of ["play", "pause", "volumechange"]) video.addEventListener(event, follow);
  follow();

  let hiding;
  const awake = () => {
    root.classList.remove("idle");
    clearTimeout(hiding);
    hiding = setTimeout(() => root.classList.add("idle"), idle);
  };
  for (const event of ["pointermove", "keydown", "focusin"]) document.addEventListener(event, awake);
}
