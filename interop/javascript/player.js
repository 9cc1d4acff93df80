// The server's own page, in Chromium. Started by player_test.go as "player.js
// CHROMIUM MILLRACE CLIP HEVC G711" with the usual AWS variables set: MILLRACE is
// our command line, CLIP a recording with sound of 10 s, HEVC one of H.265, G711 one
// of H.264 with A-law.
"use strict";

const assert = require("node:assert/strict");
const { execFile, spawn } = require("node:child_process");
const { once } = require("node:events");
const readline = require("node:readline");
const { after, before, test } = require("node:test");
const { promisify } = require("node:util");
const { chromium } = require("playwright-core");

const [, , executablePath, millrace, clip, hevc, telephone] = process.argv;
const endpoint = process.env.AWS_ENDPOINT_URL;
const patience = 30_000;
const concurrency = 4;

const cameras = [];
let browser;

before(async () => {
  browser = await chromium.launch({ executablePath, headless: true, args: [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-background-timer-throttling", "--disable-backgrounding-occluded-windows", "--disable-renderer-backgrounding", "--disable-background-media-suspend",
  ] });
});
after(async () => {
  for (const camera of cameras) camera.kill();
  await browser?.close();
});

// run runs a command of ours and returns what it prints.
async function run(...args) {
  const { stdout } = await promisify(execFile)(millrace, args);
  return stdout.trim();
}

// film starts a camera and returns how to stop it, and the link to the page that
// it prints.
async function film(stream, ...args) {
  const camera = spawn(millrace, ["push", stream, clip, "--realtime", "--loop", ...args], { stdio: ["ignore", "ignore", "pipe"] });
  const ended = once(camera, "exit");
  const stop = async () => {
    camera.kill("SIGINT");
    await ended;
  };
  cameras.push(camera);
  for await (const line of readline.createInterface({ input: camera.stderr })) {
    const [, link] = /watch it in a browser: (\S+)/.exec(line) ?? [];
    if (!link) continue;
    camera.stderr.resume();
    return { link, stop };
  }
  throw new Error("the camera ended without a link to the page");
}

// open opens the page and notes what it asks and what goes wrong in it.
async function open(address, engine = "") {
  const context = await browser.newContext();
  const page = await context.newPage();
  const asked = [], wrong = [];
  page.on("request", (request) => asked.push(request.url()));
  page.on("pageerror", (error) => wrong.push(error.message));
  page.on("dialog", (dialog) => { wrong.push(dialog.message()); dialog.dismiss(); });
  page.on("console", (message) => /Content Security Policy|Uncaught/.test(message.text()) && wrong.push(message.text()));
  await page.goto(address.replace("/player#", `/player${engine}#`));
  const state = (...wanted) => page.waitForFunction((wanted) => wanted.includes(document.getElementById("player").dataset.state), wanted, { timeout: patience })
    .catch(async () => assert.fail(`state is ${await page.getAttribute("#player", "data-state")}, not ${wanted}: ${await page.innerText("#message")}`));
  const close = async () => {
    assert.deepEqual(wrong, []);
    for (const url of asked) assert.ok(/^(blob|data):/.test(url) || new URL(url).origin === new URL(endpoint).origin, `the page asked ${url}`);
    await context.close();
  };
  return { page, context, state, close, asked };
}

const position = (page) => page.evaluate(() => document.getElementById("video").currentTime);

// advances waits until the picture has gone on by a second.
async function advances(page) {
  const from = await position(page);
  await page.waitForFunction((from) => document.getElementById("video").currentTime > from + 1, from, { timeout: patience });
}

test("the page", { concurrency }, async (t) => {
  const tests = [];
  const one = (name, body) => tests.push(t.test(name, body));

  one("a live stream is shown, and says when and how late", async () => {
    const { link, stop } = await film("page-live");
    const { page, state, close, asked } = await open(link);
    await state("playing");
    await advances(page);
    assert.equal(await page.title(), "page-live – Millrace");
    assert.equal(await page.getAttribute("#badge", "data-at"), "live");
    const behind = parseFloat(await page.innerText("#latency"));
    assert.ok(behind > 0 && behind < 15, `${behind} s behind`);
    assert.match(await page.innerText("#clock"), /^\d\d:\d\d:\d\d$/);
    await page.click("#clock");
    await page.waitForFunction(() => / UTC$/.test(document.getElementById("clock").textContent));
    const seen = new Date(`${new Date().toISOString().slice(0, 11)}${(await page.innerText("#clock")).slice(0, 8)}Z`);
    assert.ok(Math.abs(Date.now() - seen) < 15_000, `the picture is of ${seen}`);
    for (const url of asked) assert.ok(!url.includes("stream="), `the stream's name was sent: ${url}`);

    // It starts without sound, and says how to have it.
    assert.equal(await page.evaluate(() => document.getElementById("video").muted), true);
    await page.click("#unmute");
    assert.equal(await page.evaluate(() => document.getElementById("video").muted), false);
    await page.waitForSelector("#unmute", { state: "hidden" });
    await page.keyboard.press("m");
    assert.equal(await page.evaluate(() => document.getElementById("video").muted), true);
    await page.keyboard.press("Space");
    assert.equal(await page.evaluate(() => document.getElementById("video").paused), true);
    await page.waitForSelector("#play[aria-label=Play]");
    await page.keyboard.press("l");
    await advances(page);
    await stop();
    await close();
  });

  one("a recording is shown to its end, and sought in", async () => {
    await run("push", "page-recorded", clip);
    const link = await run("url", "player", "page-recorded", "--from", "1h ago");
    const { page, state, close } = await open(link);
    await state("playing");
    await page.waitForSelector("#seek", { state: "visible" });
    assert.match(await page.innerText("#time"), /^0:0\d \/ 0:(09|10)$/);
    assert.equal(await page.innerText("#badge"), "RECORDED");
    const before = await position(page);
    await page.keyboard.press("ArrowRight");
    assert.ok(await position(page) >= before + 4.9);
    assert.match(await page.getAttribute("#seek", "aria-valuetext"), /^0:0\d, .*\d\d:\d\d:\d\d/);
    await page.waitForFunction(() => document.getElementById("video").ended, null, { timeout: patience });
    await page.keyboard.press("Home");
    await page.keyboard.press("k");
    await advances(page);
    await close();
  });

  one("the browser plays it by itself where it is told to", async () => {
    await run("push", "page-native", clip);
    const { page, state, close } = await open(await run("url", "player", "page-native", "--from", "1h ago"), "?engine=native");
    await state("playing");
    await advances(page);
    await close();
  });

  one("a camera that pauses is waited for", async () => {
    const first = await film("page-silent");
    const { page, state, close } = await open(first.link);
    await state("playing");
    await advances(page);
    await first.stop();
    await state("silent");
    assert.match(await page.innerText("#message"), /goes on by itself/);
    const second = await film("page-silent");
    await state("playing");
    await advances(page);
    await second.stop();
    await close();
  });

  one("a network that was away is waited for", async () => {
    const { link, stop } = await film("page-away");
    const { page, context, state, close } = await open(link);
    await state("playing");
    await context.setOffline(true);
    await state("lost");
    await context.setOffline(false);
    await state("playing");
    await advances(page);
    await stop();
    await close();
  });

  one("a link that has ended says so, and how to make another", async () => {
    await run("push", "page-expired", clip);
    const { page, state, close, context } = await open(`${endpoint}/player`);
    await context.route("**/hls/v1/**", (route) => route.fulfill({ status: 403, contentType: "application/json", body: '{"message":"Streaming session token is expired"}' }));
    await page.goto(await run("url", "player", "page-expired", "--from", "1h ago"));
    await page.reload();
    await state("expired");
    assert.match(await page.innerText("#message"), /has ended[^]*millrace url player/);
    await close();
  });

  one("a link whose key was taken back ends while it plays", async () => {
    await run("push", "page-revoked", clip);
    const key = JSON.parse(await run("--json", "key", "create", "--role", "consumer", "--stream", "*"));
    const mine = { ...process.env, AWS_ACCESS_KEY_ID: key.accessKeyId, AWS_SECRET_ACCESS_KEY: key.secretAccessKey };
    const { link, stop } = await film("page-revoked");
    const { stdout } = await promisify(execFile)(millrace, ["url", "player", "page-revoked"], { env: mine });
    const { page, state, close } = await open(stdout.trim());
    await state("playing");
    await run("key", "delete", key.accessKeyId);
    await state("expired");
    assert.notEqual(link, stdout.trim());
    await stop();
    await close();
  });

  one("a token that nobody made is refused", async () => {
    await run("push", "page-forged", clip);
    const link = await run("url", "player", "page-forged", "--from", "1h ago");
    const { page, state, close } = await open(link.replace(/SessionToken=..../, "SessionToken=AAAA"));
    await state("expired");
    await close();
  });

  one("a stream that is deleted goes from the screen", async () => {
    const { link, stop } = await film("page-deleted");
    const { page, state, close } = await open(link);
    await state("playing");
    await stop();
    await run("stream", "delete", "page-deleted", "--yes");
    await state("gone", "expired");
    assert.equal(await page.evaluate(() => getComputedStyle(document.getElementById("video")).visibility), "hidden");
    await close();
  });

  one("a codec that the browser lacks is named", async () => {
    await run("push", "page-hevc", hevc);
    const { page, state, close } = await open(await run("url", "player", "page-hevc", "--from", "1h ago"));
    await state("unsupported");
    assert.match(await page.innerText("#message"), /cannot play H\.265/);
    await close();
  });

  one("a picture whose sound the browser lacks is shown without it", async () => {
    await run("push", "page-g711", telephone);
    const { page, state, close } = await open(await run("url", "player", "page-g711", "--from", "1h ago"));
    await state("playing");
    await page.waitForFunction(() => document.getElementById("video").ended, null, { timeout: patience });
    await close();
  });

  one("nothing but a playlist of this server is played", async () => {
    const own = new URL(endpoint);
    const other = `http://localhost:${own.port}`; // the same server by another name is another origin
    const bad = [
      "https://example.com/hls/v1/x.m3u8?SessionToken=A", "//example.com/hls/v1/x.m3u8", "\\\\example.com/hls/v1/x.m3u8", `${other}/hls/v1/getHLSMasterPlaylist.m3u8`,
      "javascript:alert(1)", "JaVaScRiPt:alert(1)//hls/v1/x.m3u8", "data:application/vnd.apple.mpegurl,#EXTM3U", "blob:x", "file:///etc/passwd",
      "/metrics", "/hls/v1/../../metrics", "/hls/v1/%2e%2e/%2e%2e/readyz.m3u8", "/hls/v1/x.m3u8/../../../readyz", "/hls/v2/x.m3u8", "/hls/v1/x.html", "/hls/v1/a/b.m3u8",
      `http://a:b@${own.host}/hls/v1/x.m3u8`, "<img src=x onerror=alert(1)>", "/hls/v1/<script>alert(1)</script>.m3u8", "%00", "//", "http://[",
    ];
    const { page, state, close, asked } = await open(`${endpoint}/player#/readyz`);
    for (const fragment of bad) {
      await page.evaluate((fragment) => { location.hash = fragment; }, fragment);
      await page.waitForTimeout(20);
      await state("expired");
      assert.match(await page.innerText("#message"), /not a link to a stream of this server/, fragment);
    }
    for (const url of asked) assert.match(url, new RegExp(`^(data:|${endpoint}/player)`));
    // A name is text, whatever it says.
    await page.evaluate(() => { location.hash = '/hls/v1/x.m3u8?SessionToken=A&stream=' + encodeURIComponent("<img src=x onerror=alert(1)>"); });
    await page.waitForFunction(() => document.getElementById("name").textContent.startsWith("<img"));
    assert.equal(await page.locator("h1 img").count(), 0);
    await close();
  });

  await Promise.all(tests);
});
