// Pages of another origin that play HLS in Chromium, by hls.js with its default
// settings or by the browser itself, and read the clock in the picture. Started by
// player_test.go as "watch.js CHROMIUM HLSJS" with a plan in JSON on standard
// input: a list of { name, url, engine, seconds }. Plays all of them at once, each
// for so many seconds or to its end, and prints a report in JSON: a list of
// { name, samples, errors, ended, target }. A sample is the wall clock in
// milliseconds, the number in the picture (-1 for none, -2 for a broken one) and
// the position in seconds.
"use strict";

const { once } = require("node:events");
const fs = require("node:fs");
const http = require("node:http");
const { chromium } = require("playwright-core");

const [, , executablePath, library] = process.argv;
const document = '<!doctype html><meta charset="utf-8"><script src="/hls.js"></script><video muted playsinline width="320"></video>';
const loading = 30_000; // milliseconds to the first picture

async function main() {
  const plan = JSON.parse(fs.readFileSync(0, "utf8"));
  const site = http.createServer((request, response) => {
    const script = request.url === "/hls.js";
    response.setHeader("Content-Type", script ? "text/javascript" : "text/html");
    response.end(script ? fs.readFileSync(library) : document);
  });
  site.listen(0, "127.0.0.1");
  await once(site, "listening");
  const browser = await chromium.launch({ executablePath, headless: true, args: [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--autoplay-policy=no-user-gesture-required", "--disable-background-timer-throttling", "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding", "--disable-background-media-suspend", "--disable-features=CalculateNativeWinOcclusion",
  ] });
  try {
    const context = await browser.newContext({ ignoreHTTPSErrors: true });
    const reports = await Promise.all(plan.map(async (one) => {
      const page = await context.newPage();
      await page.goto(`http://127.0.0.1:${site.address().port}/`);
      return { name: one.name, ...await page.evaluate(watch, { ...one, loading }) };
    }));
    process.stdout.write(JSON.stringify(reports));
  } finally {
    await browser.close();
    site.close();
  }
}

// watch runs in the page.
function watch({ url, engine, seconds, loading }) {
  const video = globalThis.document.querySelector("video");
  const samples = [], errors = [];
  let hls;
  if (engine === "native") {
    video.crossOrigin = "anonymous"; // or its pictures cannot be read
    video.src = url;
  } else {
    hls = new Hls();
    hls.on(Hls.Events.ERROR, (_, { fatal, type, details, error }) => errors.push({ at: Date.now(), fatal, type, details, error: String(error ?? "") }));
    hls.loadSource(url);
    hls.attachMedia(video);
  }
  video.addEventListener("error", () => errors.push({ at: Date.now(), fatal: true, type: "video", details: video.error.message }));
  video.play().catch(() => {}); // a picture that never comes is seen in the samples

  const squares = 16, side = 8;
  const canvas = new OffscreenCanvas(squares * side, side);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  // number reads the row of squares at the top of the picture: white, black, 13
  // bits with the lowest first, and one that makes the number of ones even.
  const number = () => {
    if (!video.videoWidth || video.readyState < 2) return -1;
    context.drawImage(video, 0, 0, video.videoWidth, video.videoWidth / squares, 0, 0, canvas.width, side);
    const { data } = context.getImageData(0, side / 2, canvas.width, 1);
    const bits = Array.from({ length: squares }, (_, i) => data[4 * (i * side + side / 2) + 1]);
    if (bits[0] < 180 || bits[1] > 75 || bits.some((b) => b > 75 && b < 180)) return -2;
    const ones = bits.slice(2).map((b) => Number(b > 127));
    if (ones.reduce((sum, b) => sum + b) % 2) return -2;
    return ones.slice(0, -1).reduce((n, b, i) => n + b * 2 ** i, 0);
  };
  return new Promise((resolve) => {
    const began = Date.now();
    let first = 0;
    const timer = setInterval(() => {
      const now = Date.now();
      samples.push([now, number(), video.currentTime]);
      if (!first && video.currentTime > 0 && !video.paused && video.readyState > 2) first = now;
      const over = video.ended || (first ? now - first > seconds * 1000 : now - began > loading) || errors.some((e) => e.fatal);
      if (!over) return;
      clearInterval(timer);
      const details = hls?.levels?.[0]?.details;
      resolve({ samples, errors, ended: video.ended, target: details?.targetduration ?? 0, width: video.videoWidth, live: details?.live ?? null, loaded: details?.fragments?.length ?? 0 });
    }, 20);
  });
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
