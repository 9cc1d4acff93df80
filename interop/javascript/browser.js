// The SDK for JavaScript in a page of another origin, in Chromium. Started by
// browser_test.go as "browser.js CHROMIUM PROFILE PUSH CLIP FRAGMENTS" with
// the usual AWS variables set: PROFILE is an empty directory for the browser,
// whose HOME has to have the trust in the server's certificate; PUSH is our
// command line, which plays a camera that sends CLIP.
"use strict";

const assert = require("node:assert/strict");
const { spawn } = require("node:child_process");
const { once } = require("node:events");
const http = require("node:http");
const path = require("node:path");
const { after, before, test } = require("node:test");
const esbuild = require("esbuild");
const { chromium } = require("playwright-core");

const [, , executablePath, profile, push, clip, count] = process.argv;
const endpoint = process.env.AWS_ENDPOINT_URL;
const settings = {
  endpoint, region: process.env.AWS_REGION, maxAttempts: 2,
  credentials: { accessKeyId: process.env.AWS_ACCESS_KEY_ID, secretAccessKey: process.env.AWS_SECRET_ACCESS_KEY },
};

let site, browser;

before(async () => {
  const { outputFiles: [bundle] } = await esbuild.build({
    entryPoints: [path.join(__dirname, "page.js")], bundle: true, write: false,
    nodePaths: [process.env.NODE_PATH], format: "iife", globalName: "millrace", platform: "browser", target: "es2022", logLevel: "error",
  });
  site = http.createServer((request, response) => {
    const script = request.url === "/page.js";
    response.setHeader("Content-Type", script ? "text/javascript" : "text/html");
    response.end(script ? bundle.contents : '<!doctype html><meta charset="utf-8"><script src="/page.js"></script>');
  });
  site.listen(0, "127.0.0.1");
  await once(site, "listening");
  browser = await chromium.launchPersistentContext(profile, {
    executablePath, headless: true,
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
      "--disable-component-update", "--disable-sync"],
  });
});

after(async () => {
  await browser?.close();
  site?.close();
});

// open loads the page anew. Whatever it asks the server, preflights too, is
// noted in asked.
async function open() {
  const page = await browser.newPage();
  const asked = [];
  const protocol = await browser.newCDPSession(page);
  await protocol.send("Network.enable");
  protocol.on("Network.requestWillBeSent", ({ request }) => asked.push({ method: request.method, url: request.url }));
  protocol.on("Network.loadingFailed", ({ errorText, corsErrorStatus }) => asked.push({ failure: errorText, corsErrorStatus }));
  await page.goto(`http://127.0.0.1:${site.address().port}/`);
  const call = (name, input) => page.evaluate(
    ([settings, name, input]) => millrace.connect(settings).call(name, input), [settings, name, input]);
  return { page, asked, call };
}

test("control operations, after a preflight each", async () => {
  const { page, asked, call } = await open();
  const StreamName = "browser-life";
  const created = await call("CreateStream", { StreamName, DataRetentionInHours: 1, Tags: { site: "Zürich" } });
  assert.ifError(created.error);
  assert.ok(created.output.$metadata.requestId, "a page cannot read x-amzn-RequestId");
  const described = await call("DescribeStream", { StreamName });
  assert.ifError(described.error);
  assert.equal(described.output.StreamInfo.StreamARN, created.output.StreamARN);
  const tags = await call("ListTagsForStream", { StreamName });
  assert.deepEqual(tags.output.Tags, { site: "Zürich" });
  const { output: { DataEndpoint } } = await call("GetDataEndpoint", { StreamName, APIName: "GET_MEDIA" });
  assert.equal(DataEndpoint, endpoint);
  assert.ifError((await call("DeleteStream", { StreamARN: created.output.StreamARN })).error);

  for (const name of ["createStream", "describeStream", "listTagsForStream", "getDataEndpoint", "deleteStream"]) {
    for (const method of ["OPTIONS", "POST"]) {
      assert.ok(asked.some((a) => a.method === method && a.url === `${endpoint}/${name}`), `no ${method} of ${name}: ${JSON.stringify(asked)}`);
    }
  }
  assert.deepEqual(asked.filter((a) => a.failure), []);
  await page.close();
});

test("an error is the exception of its class, with its request id", async () => {
  const { page, call } = await open();
  const { error } = await call("DescribeStream", { StreamName: "browser-nobody" });
  assert.equal(error?.name, "ResourceNotFoundException");
  assert.equal(error.metadata.httpStatusCode, 404);
  assert.ok(error.typed && error.metadata.requestId && error.message, JSON.stringify(error));
  const { error: mistake } = await call("CreateStream", { StreamName: "no/slashes" });
  assert.equal(mistake?.name, "InvalidArgumentException");
  assert.ok(mistake.typed);
  await page.close();
});

test("the headers that AWS exposes can be read, of an answer without credentials too", async () => {
  const { page } = await open();
  const { status, headers } = await page.evaluate(
    (url) => millrace.headers(url, { method: "POST", body: "{}", headers: { "X-Own": "1" } }), endpoint + "/listStreams");
  assert.equal(status, 403);
  assert.equal(headers["x-amzn-errortype"], "MissingAuthenticationTokenException");
  assert.ok(headers["x-amzn-requestid"] && headers.date, JSON.stringify(headers));
  await page.close();
});

test("a clock that is an hour off is put right by the Date of the refusal", async () => {
  const { page, asked, call } = await open();
  await page.evaluate(() => {
    const now = Date.now, Real = Date;
    globalThis.Date = class extends Real {
      constructor(...of) { of.length === 0 ? super(now() + 3600000) : super(...of); }
      static now() { return now() + 3600000; }
    };
  });
  const { error, output } = await call("ListStreams", {});
  assert.ifError(error);
  assert.equal(output.$metadata.attempts, 2);
  assert.equal(asked.filter((a) => a.method === "POST").length, 2);
  await page.close();
});

test("media is read live, frame by frame", async () => {
  const { page, asked, call } = await open();
  const StreamName = "browser-live";
  assert.ifError((await call("CreateStream", { StreamName, DataRetentionInHours: 1 })).error);
  const camera = spawn(push, ["push", StreamName, clip, "--realtime"], { stdio: ["ignore", "ignore", "inherit"] });
  const ended = once(camera, "exit");
  const read = (StartSelectorType) => page.evaluate(
    ([settings, input]) => millrace.connect(settings).read(input),
    [settings, { StreamName, StartSelector: { StartSelectorType } }]);
  await new Promise((resolve) => setTimeout(resolve, 2500));
  const live = await read("NOW");
  assert.ifError(live.error);
  assert.deepEqual(await ended, [0, null]);
  const all = await read("EARLIEST");

  assert.equal(live.ContentType, "video/webm");
  assert.equal(all.numbers.length, Number(count));
  assert.ok(live.numbers.length >= 3 && live.numbers.length < count, `NOW gave ${live.numbers.length} fragments`);
  assert.deepEqual(live.numbers, all.numbers.slice(-live.numbers.length));
  const took = live.times.at(-1) - live.times[0];
  assert.ok(took > (live.numbers.length - 1) * 1000 - 900, `${live.numbers.length} fragments came within ${took} ms`);
  assert.ok(all.times.at(-1) - all.times[0] < 3000, "what is stored came slowly");
  assert.ok(asked.some((a) => a.method === "OPTIONS" && a.url === endpoint + "/getMedia"), JSON.stringify(asked));
  await page.close();
});

test("a mistake in reading is the exception of its class", async () => {
  const { page } = await open();
  const { error } = await page.evaluate(
    (settings) => millrace.connect(settings).read({ StreamName: "browser-nobody", StartSelector: { StartSelectorType: "NOW" } }), settings);
  assert.equal(error?.name, "ResourceNotFoundException");
  assert.ok(error.typed);
  await page.close();
});

test("archived media: lists, media, clips and sessions, across origins", async () => {
  const { page, asked, call } = await open();
  const StreamName = "browser-archived";
  assert.ifError((await call("CreateStream", { StreamName, DataRetentionInHours: 1 })).error);
  const camera = spawn(push, ["push", StreamName, clip], { stdio: ["ignore", "ignore", "inherit"] });
  assert.deepEqual(await once(camera, "exit"), [0, null]);
  const archived = (name, input) => page.evaluate(
    ([settings, name, input]) => {
      for (const selector of Object.values(input)) { // dates do not come through
        for (const [end, at] of Object.entries(selector.TimestampRange ?? {})) selector.TimestampRange[end] = new Date(at);
      }
      return millrace.connect(settings).archived(name, input);
    }, [settings, name, { StreamName, ...input }]);
  const selecting = (FragmentSelectorType, StartTimestamp, EndTimestamp) =>
    ({ FragmentSelectorType, TimestampRange: { StartTimestamp, EndTimestamp } });

  const list = await archived("ListFragments", { FragmentSelector: selecting("SERVER_TIMESTAMP", 0, Date.now() + 1000) });
  assert.ifError(list.error);
  assert.equal(list.output.Fragments.length, Number(count));
  assert.ok(list.output.$metadata.requestId, "a page cannot read x-amzn-RequestId");
  const numbers = list.output.Fragments.map((f) => f.FragmentNumber).reverse();
  const pages = await page.evaluate(
    ([settings, StreamName]) => millrace.connect(settings).pages(3, {
      StreamName, FragmentSelector: { FragmentSelectorType: "PRODUCER_TIMESTAMP", TimestampRange: { StartTimestamp: new Date(0), EndTimestamp: new Date(4e12) } },
    }), [settings, StreamName]);
  assert.deepEqual(pages.numbers.reverse(), numbers);
  assert.deepEqual(pages.sizes.slice(0, -1).filter((n) => n !== 3), []);

  const media = await archived("GetMediaForFragmentList", { Fragments: numbers });
  assert.ifError(media.error);
  assert.deepEqual(media.numbers, numbers);
  assert.equal(media.output.ContentType, "video/webm");
  const mistake = await archived("GetMediaForFragmentList", { Fragments: ["x"] });
  assert.equal(mistake.error?.name, "InvalidArgumentException");
  assert.ok(mistake.error.typed && mistake.error.message.includes("Fragment numbers are invalid : x"));

  const times = [Date.now() - 3600000, Date.now()];
  const taken = await archived("GetClip", { ClipFragmentSelector: selecting("SERVER_TIMESTAMP", ...times) });
  assert.ifError(taken.error);
  assert.equal(taken.output.ContentType, "video/mp4");
  assert.ok(taken.bytes > 10000);
  const session = await archived("GetHLSStreamingSessionURL", {
    PlaybackMode: "ON_DEMAND", HLSFragmentSelector: selecting("SERVER_TIMESTAMP", ...times) });
  assert.ifError(session.error);
  const playlist = await page.evaluate((url) => millrace.headers(url), session.output.HLSStreamingSessionURL);
  assert.equal(playlist.status, 200);
  assert.ok(playlist.body.startsWith("#EXTM3U"), playlist.body);
  for (const path of ["listFragments", "getMediaForFragmentList", "getClip", "getHLSStreamingSessionURL"]) {
    assert.ok(asked.some((a) => a.method === "OPTIONS" && a.url === `${endpoint}/${path}`), `no preflight of ${path}: ${JSON.stringify(asked)}`);
  }
  await page.close();
});
