// The SDK for JavaScript runs the control operations in Node, rightly and
// wrongly. Started by javascript_test.go with the usual AWS variables set; its
// streams have names that begin with "javascript-".
"use strict";

const { test } = require("node:test");
const assert = require("node:assert/strict");
const kv = require("@aws-sdk/client-kinesis-video");

const client = new kv.KinesisVideoClient({});
const send = (name, input) => client.send(new kv[name + "Command"](input));
const describe = async (name) => (await send("DescribeStream", { StreamName: name })).StreamInfo;

// fails expects the exception that the SDK's model has a class for.
async function fails(exception, status, name, input, by = client) {
  await assert.rejects(by.send(new kv[name + "Command"](input)), (error) => {
    assert.equal(error.name, exception, `${name}: ${error}`);
    assert.equal(error.$metadata.httpStatusCode, status);
    assert.ok(error.$metadata.requestId, `${name}: no request id`);
    assert.ok(error.message, `${name}: no message`);
    if (kv[exception]) assert.ok(error instanceof kv[exception], `${name}: not an instance of ${exception}`);
    return true;
  });
}

test("a stream's life", async () => {
  const StreamName = "javascript-life";
  const { StreamARN, $metadata } = await send("CreateStream", {
    StreamName, DataRetentionInHours: 2, MediaType: "video/h264", DeviceName: "cam", Tags: { site: "Zürich", empty: "" },
  });
  assert.ok($metadata.requestId);
  const info = await describe(StreamName);
  assert.equal(info.StreamARN, StreamARN);
  assert.equal(info.Status, "ACTIVE");
  assert.equal(info.DataRetentionInHours, 2);
  assert.ok(info.CreationTime instanceof Date);
  assert.ok(StreamARN.endsWith(`/${StreamName}/${info.CreationTime.getTime()}`), `${StreamARN}, ${info.CreationTime.getTime()}`);
  assert.deepEqual((await send("DescribeStream", { StreamARN })).StreamInfo, info);

  await send("UpdateStream", { StreamName, CurrentVersion: info.Version, DeviceName: "cam2" });
  const changed = await describe(StreamName);
  assert.equal(changed.DeviceName, "cam2");
  await send("UpdateDataRetention", {
    StreamARN, CurrentVersion: changed.Version, Operation: "INCREASE_DATA_RETENTION", DataRetentionChangeInHours: 22,
  });
  const kept = await describe(StreamName);
  assert.equal(kept.DataRetentionInHours, 24);

  for (const APIName of Object.values(kv.APIName)) {
    const { DataEndpoint } = await send("GetDataEndpoint", { StreamName, APIName });
    assert.equal(DataEndpoint, process.env.AWS_ENDPOINT_URL, APIName);
  }

  await send("TagStream", { StreamARN, Tags: { site: "Bern", floor: "1" } });
  await send("UntagStream", { StreamName, TagKeyList: ["empty", "unknown"] });
  await send("TagResource", { ResourceARN: StreamARN, Tags: [{ Key: "room", Value: "7" }] });
  await send("UntagResource", { ResourceARN: StreamARN, TagKeyList: ["floor"] });
  const want = { site: "Bern", room: "7" };
  assert.deepEqual((await send("ListTagsForStream", { StreamName })).Tags, want);
  assert.deepEqual((await send("ListTagsForResource", { ResourceARN: StreamARN })).Tags, want);

  await send("DeleteStream", { StreamARN, CurrentVersion: kept.Version });
});

test("pages of streams", async () => {
  const want = [];
  for (let i = 0; i < 7; i++) {
    want.push(`javascript-page-${i}`);
    await send("CreateStream", { StreamName: want[i] });
  }
  for (const pageSize of [1, 3, 7, 100]) {
    const got = [];
    const condition = { ComparisonOperator: "BEGINS_WITH", ComparisonValue: "javascript-page-" };
    for await (const page of kv.paginateListStreams({ client, pageSize }, { StreamNameCondition: condition })) {
      assert.ok(page.StreamInfoList.length <= pageSize);
      got.push(...page.StreamInfoList.map((info) => info.StreamName));
    }
    assert.deepEqual(got, want, `pages of ${pageSize}`);
  }
});

test("mistakes are exceptions of their class", async () => {
  const StreamName = "javascript-mistakes";
  const { StreamARN } = await send("CreateStream", { StreamName });
  const { Version } = await describe(StreamName);
  const reborn = StreamARN.replace(/\d+$/, "1234567890123");

  await fails("ResourceNotFoundException", 404, "DescribeStream", { StreamName: "nobody" });
  await fails("ResourceNotFoundException", 404, "DescribeStream", { StreamARN: reborn });
  await fails("ResourceNotFoundException", 404, "TagResource", { ResourceARN: reborn, Tags: [{ Key: "a", Value: "b" }] });
  await fails("ResourceNotFoundException", 404, "GetDataEndpoint", { StreamName: "nobody", APIName: "GET_MEDIA" });
  await fails("ResourceInUseException", 400, "CreateStream", { StreamName });
  await fails("InvalidArgumentException", 400, "CreateStream", { StreamName: "no/slashes" });
  await fails("InvalidArgumentException", 400, "ListStreams", { NextToken: "bm90IG91cnM=" });
  await fails("InvalidArgumentException", 400, "GetDataEndpoint", { StreamName, APIName: "FLY" });
  await fails("VersionMismatchException", 400, "UpdateStream", { StreamName, CurrentVersion: "stale" });
  await fails("VersionMismatchException", 400, "DeleteStream", { StreamARN, CurrentVersion: "stale" });
  await fails("InvalidArgumentException", 400, "UpdateDataRetention", {
    StreamName, CurrentVersion: Version, Operation: "DECREASE_DATA_RETENTION", DataRetentionChangeInHours: 1,
  });
  await fails("InvalidResourceFormatException", 400, "TagStream", { StreamARN: "arn:aws:s3:::bucket", Tags: { a: "b" } });

  const Tags = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`key${i}`, ""]));
  await send("TagStream", { StreamName, Tags });
  await fails("TagsPerResourceExceededLimitException", 400, "TagStream", { StreamName, Tags: { one: "more" } });
});

test("keys that are not ours", async () => {
  const credentials = { accessKeyId: process.env.AWS_ACCESS_KEY_ID, secretAccessKey: "wrong" };
  await fails("InvalidSignatureException", 403, "ListStreams", {}, new kv.KinesisVideoClient({ credentials }));
  credentials.accessKeyId = "AKIANOBODY0000000000";
  await fails("UnrecognizedClientException", 403, "ListStreams", {}, new kv.KinesisVideoClient({ credentials }));
});

test("configurations come back as they were given", async () => {
  const StreamName = "javascript-configured";
  const { StreamARN } = await send("CreateStream", { StreamName, DataRetentionInHours: 24 });
  const [, , , region, account] = StreamARN.split(":");

  const notification = { Status: "ENABLED", DestinationConfig: { Uri: "sns://arn:aws:sns:us-east-1:123456789012:door" } };
  await send("UpdateNotificationConfiguration", { StreamName, NotificationConfiguration: notification });
  assert.deepEqual((await send("DescribeNotificationConfiguration", { StreamARN })).NotificationConfiguration, notification);

  const images = {
    Status: "ENABLED", ImageSelectorType: "PRODUCER_TIMESTAMP", SamplingInterval: 3000, Format: "PNG", WidthPixels: 320,
    DestinationConfig: { Uri: "s3://bucket/path", DestinationRegion: region },
  };
  await send("UpdateImageGenerationConfiguration", { StreamName, ImageGenerationConfiguration: images });
  assert.deepEqual((await send("DescribeImageGenerationConfiguration", { StreamName })).ImageGenerationConfiguration, images);

  const { Version } = await describe(StreamName);
  const storage = { DefaultStorageTier: "WARM" };
  await send("UpdateStreamStorageConfiguration", { StreamName, CurrentVersion: Version, StreamStorageConfiguration: storage });
  assert.deepEqual((await send("DescribeStreamStorageConfiguration", { StreamName })).StreamStorageConfiguration, storage);

  const edge = {
    HubDeviceArn: `arn:aws:iot:${region}:${account}:thing/javascript`,
    RecorderConfig: { MediaSourceConfig: {
      MediaUriSecretArn: `arn:aws:secretsmanager:${region}:${account}:secret:door`, MediaUriType: "RTSP_URI",
    } },
  };
  await fails("StreamEdgeConfigurationNotFoundException", 404, "DescribeEdgeConfiguration", { StreamName });
  await send("StartEdgeConfigurationUpdate", { StreamName, EdgeConfig: edge });
  const described = await send("DescribeEdgeConfiguration", { StreamName });
  assert.deepEqual(described.EdgeConfig, edge);
  assert.equal(described.SyncStatus, "SYNCING");
  assert.ok(described.CreationTime instanceof Date);
  const agents = [];
  for await (const page of kv.paginateListEdgeAgentConfigurations({ client, pageSize: 1 }, { HubDeviceArn: edge.HubDeviceArn })) {
    agents.push(...page.EdgeConfigs.map((config) => config.StreamName));
  }
  assert.deepEqual(agents, [StreamName]);
  await send("DeleteEdgeConfiguration", { StreamName });
});

test("there are no channels", async () => {
  const StreamName = "javascript-channels";
  const { StreamARN } = await send("CreateStream", { StreamName });
  const ChannelARN = StreamARN.replace(":stream/", ":channel/");
  for await (const page of kv.paginateDescribeMappedResourceConfiguration({ client }, { StreamName })) {
    assert.deepEqual(page.MappedResourceConfigurationList, []);
  }
  await fails("ResourceNotFoundException", 404, "DescribeMediaStorageConfiguration", { ChannelARN });
  await fails("ResourceNotFoundException", 404, "UpdateMediaStorageConfiguration", {
    ChannelARN, MediaStorageConfiguration: { Status: "DISABLED" },
  });
  const none = "UnsupportedOperationException";
  await fails(none, 501, "CreateSignalingChannel", { ChannelName: "door" });
  await fails(none, 501, "DescribeSignalingChannel", { ChannelName: "door" });
  await fails(none, 501, "ListSignalingChannels", {});
  await fails(none, 501, "UpdateSignalingChannel", { ChannelARN, CurrentVersion: "v" });
  await fails(none, 501, "DeleteSignalingChannel", { ChannelARN });
  await fails(none, 501, "GetSignalingChannelEndpoint", { ChannelARN });
});
