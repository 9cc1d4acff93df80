// The SDK for JavaScript reads in Node while a producer is at work. Started by
// javascript_test.go as "live.js STREAM FRAGMENTS" some seconds after a
// producer began to send FRAGMENTS fragments in real time, one a second.
"use strict";

const assert = require("node:assert/strict");
const { KinesisVideoMediaClient, GetMediaCommand } = require("@aws-sdk/client-kinesis-video-media");
const { Fragments } = require("./fragments.js");

const [StreamName, count] = [process.argv[2], Number(process.argv[3])];

async function read(StartSelectorType) {
  const { Payload } = await new KinesisVideoMediaClient({}).send(
    new GetMediaCommand({ StreamName, StartSelector: { StartSelectorType } }));
  const fragments = new Fragments();
  for await (const chunk of Payload) fragments.add(chunk);
  return fragments;
}

async function main() {
  const late = await read("NOW");
  const { numbers } = await read("EARLIEST");
  assert.equal(numbers.length, count);
  assert.ok(late.numbers.length >= 3 && late.numbers.length < count, `NOW gave ${late.numbers.length} fragments`);
  assert.deepEqual(late.numbers, numbers.slice(-late.numbers.length));
  // They came as they were sent, a second apart, not all at the end.
  const took = late.times.at(-1) - late.times[0];
  assert.ok(took > (late.numbers.length - 1) * 1000 - 900, `${late.numbers.length} fragments came within ${took} ms`);
}

main();
