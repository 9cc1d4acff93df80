// The SDK for JavaScript reads media in Node. Started by javascript_test.go as
// "media.js STREAM FRAGMENTS", with the usual AWS variables set. STREAM holds
// FRAGMENTS fragments and no producer feeds it, so the server ends each
// response after its idle time.
"use strict";

const { test } = require("node:test");
const assert = require("node:assert/strict");
const { KinesisVideoClient, GetDataEndpointCommand } = require("@aws-sdk/client-kinesis-video");
const media = require("@aws-sdk/client-kinesis-video-media");
const { Fragments } = require("./fragments.js");

const [StreamName, count] = [process.argv[2], Number(process.argv[3])];

async function client() {
  const { DataEndpoint: endpoint } = await new KinesisVideoClient({}).send(
    new GetDataEndpointCommand({ StreamName, APIName: "GET_MEDIA" }));
  return new media.KinesisVideoMediaClient({ endpoint });
}

async function read(StartSelector) {
  const response = await (await client()).send(new media.GetMediaCommand({ StreamName, StartSelector }));
  assert.equal(response.$metadata.httpStatusCode, 200);
  assert.equal(response.ContentType, "video/webm");
  const fragments = new Fragments();
  for await (const chunk of response.Payload) fragments.add(chunk);
  return fragments.numbers;
}

test("every fragment, and those behind one", async () => {
  const all = await read({ StartSelectorType: "EARLIEST" });
  assert.equal(all.length, count);
  assert.deepEqual(all, [...new Set(all)].sort());
  const [behind, resumed, later, none] = await Promise.all([
    read({ StartSelectorType: "FRAGMENT_NUMBER", AfterFragmentNumber: all[4] }),
    read({ StartSelectorType: "CONTINUATION_TOKEN", ContinuationToken: all[6] }),
    read({ StartSelectorType: "SERVER_TIMESTAMP", StartTimestamp: new Date(1000) }),
    read({ StartSelectorType: "SERVER_TIMESTAMP", StartTimestamp: new Date(Date.now() + 86400000) }),
  ]);
  assert.deepEqual(behind, all.slice(5));
  assert.deepEqual(resumed, all.slice(7));
  assert.deepEqual(later, all);
  assert.deepEqual(none, []);
});

test("mistakes are exceptions of their class", async () => {
  const by = await client();
  const fails = (exception, input) => assert.rejects(
    by.send(new media.GetMediaCommand(input)),
    (error) => error instanceof media[exception] && error.name === exception && Boolean(error.$metadata.requestId));
  await fails("ResourceNotFoundException", { StreamName: "nobody", StartSelector: { StartSelectorType: "NOW" } });
  await fails("InvalidArgumentException", { StartSelector: { StartSelectorType: "NOW" } });
  await fails("InvalidArgumentException", { StreamName, StartSelector: { StartSelectorType: "FRAGMENT_NUMBER" } });
});
