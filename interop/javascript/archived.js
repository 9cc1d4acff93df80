// The SDK for JavaScript reads archived media in Node. Started by
// javascript_test.go as "archived.js STREAM FRAGMENTS", with the usual AWS
// variables set. STREAM holds FRAGMENTS fragments of a second each.
"use strict";

const { test } = require("node:test");
const assert = require("node:assert/strict");
const { KinesisVideoClient, GetDataEndpointCommand } = require("@aws-sdk/client-kinesis-video");
const archive = require("@aws-sdk/client-kinesis-video-archived-media");
const { Fragments } = require("./fragments.js");

const [StreamName, count] = [process.argv[2], Number(process.argv[3])];

async function client(APIName) {
  const { DataEndpoint: endpoint } = await new KinesisVideoClient({}).send(new GetDataEndpointCommand({ StreamName, APIName }));
  return new archive.KinesisVideoArchivedMediaClient({ endpoint });
}

const selecting = (FragmentSelectorType, StartTimestamp, EndTimestamp) =>
  ({ FragmentSelectorType, TimestampRange: { StartTimestamp, EndTimestamp } });
const everything = selecting("PRODUCER_TIMESTAMP", new Date(0), new Date(4e12));

async function list(FragmentSelector) {
  const { Fragments: fragments } = await (await client("LIST_FRAGMENTS")).send(new archive.ListFragmentsCommand({ StreamName, FragmentSelector }));
  return fragments;
}

test("a list, by pages too", async () => {
  const all = await list(everything);
  assert.equal(all.length, count);
  for (const f of all) {
    assert.ok(f.ServerTimestamp instanceof Date && f.FragmentSizeInBytes > 1000);
    assert.ok(Math.abs(f.FragmentLengthInMilliseconds - 1000) < 100, JSON.stringify(f));
  }
  const numbers = [];
  const paged = archive.paginateListFragments({ client: await client("LIST_FRAGMENTS"), pageSize: 3 }, { StreamName, FragmentSelector: everything });
  for await (const page of paged) numbers.push(...page.Fragments.map((f) => f.FragmentNumber));
  assert.deepEqual(numbers, all.map((f) => f.FragmentNumber));
});

test("a range to the millisecond, both ends within", async () => {
  const all = await list(everything);
  const at = (i, off) => new Date(all[i].ProducerTimestamp.getTime() + off);
  const found = async (from, to) => (await list(selecting("PRODUCER_TIMESTAMP", from, to))).map((f) => all.findIndex((g) => g.FragmentNumber === f.FragmentNumber));
  assert.deepEqual(await found(at(2, 0), at(4, 0)), [2, 3, 4]);
  assert.deepEqual(await found(at(2, 1), at(4, -1)), [3]);
  assert.deepEqual(await found(new Date(1000), new Date(2000)), []);
});

test("media in the order of the request", async () => {
  const numbers = (await list(everything)).map((f) => f.FragmentNumber).reverse();
  const by = await client("GET_MEDIA_FOR_FRAGMENT_LIST");
  const response = await by.send(new archive.GetMediaForFragmentListCommand({ StreamName, Fragments: numbers }));
  assert.equal(response.ContentType, "video/webm");
  const fragments = new Fragments();
  for await (const chunk of response.Payload) fragments.add(chunk);
  assert.deepEqual(fragments.numbers, numbers);
});

test("mistakes are exceptions of their class", async () => {
  const by = await client("LIST_FRAGMENTS");
  const fails = (exception, command) => assert.rejects(
    by.send(command), (error) => error instanceof archive[exception] && error.name === exception && Boolean(error.$metadata.requestId));
  await fails("ResourceNotFoundException", new archive.ListFragmentsCommand({ StreamName: "nobody", FragmentSelector: everything }));
  await fails("InvalidArgumentException", new archive.ListFragmentsCommand({ StreamName }));
  await fails("InvalidArgumentException", new archive.ListFragmentsCommand({ StreamName, NextToken: "AAAA" }));
  await fails("InvalidArgumentException", new archive.GetMediaForFragmentListCommand({ StreamName, Fragments: ["x"] }));
  await fails("ResourceNotFoundException", new archive.GetMediaForFragmentListCommand({ StreamName: "nobody", Fragments: ["1"] }));
});

test("a clip", async () => {
  const all = await list(everything);
  const by = await client("GET_CLIP");
  const ClipFragmentSelector = selecting("PRODUCER_TIMESTAMP", all[0].ProducerTimestamp, all.at(-1).ProducerTimestamp);
  const response = await by.send(new archive.GetClipCommand({ StreamName, ClipFragmentSelector }));
  assert.equal(response.ContentType, "video/mp4");
  const chunks = [];
  for await (const chunk of response.Payload) chunks.push(chunk);
  assert.equal(Buffer.concat(chunks).toString("latin1", 4, 8), "ftyp");
});

test("a session over HLS", async () => {
  const all = await list(everything);
  const by = await client("GET_HLS_STREAMING_SESSION_URL");
  const HLSFragmentSelector = selecting("PRODUCER_TIMESTAMP", all[0].ProducerTimestamp, all.at(-1).ProducerTimestamp);
  const response = await by.send(
    new archive.GetHLSStreamingSessionURLCommand({ StreamName, PlaybackMode: "ON_DEMAND", HLSFragmentSelector }));
  const { pathname } = new URL(response.HLSStreamingSessionURL);
  assert.ok(pathname.startsWith("/hls/v1/"), response.HLSStreamingSessionURL);
});
