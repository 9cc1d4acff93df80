"""boto3 runs the operations on what stands beside a stream, and on channels.

Started by python_test.go with the usual AWS variables set. Its streams have
names that begin with "boto3-conf".
"""

import os
import sys
import unittest

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

NAME = "boto3-conf-cam"
kv = boto3.client("kinesisvideo")
arn = kv.create_stream(StreamName=NAME, DataRetentionInHours=24)["StreamARN"]
region, account = arn.split(":")[3:5]
HUB = "arn:aws:iot:%s:%s:thing/hub" % (region, account)
CHANNEL = "arn:aws:kinesisvideo:%s:%s:channel/door/1234567890123" % (region, account)


class Configurations(unittest.TestCase):
    def raises(self, code, status, call, **arguments):
        with self.assertRaises(ClientError) as caught:
            call(**arguments)
        error = caught.exception
        self.assertEqual(error.response["Error"]["Code"], code)
        self.assertEqual(error.response["ResponseMetadata"]["HTTPStatusCode"], status)
        if hasattr(kv.exceptions, code):
            self.assertIsInstance(error, getattr(kv.exceptions, code))

    def test_notification(self):
        self.assertNotIn("NotificationConfiguration", kv.describe_notification_configuration(StreamName=NAME))
        want = {"Status": "ENABLED", "DestinationConfig": {"Uri": "sns://arn:aws:sns:us-east-1:123456789012:door"}}
        kv.update_notification_configuration(StreamARN=arn, NotificationConfiguration=want)
        self.assertEqual(kv.describe_notification_configuration(StreamName=NAME)["NotificationConfiguration"], want)
        kv.update_notification_configuration(StreamName=NAME)
        self.assertNotIn("NotificationConfiguration", kv.describe_notification_configuration(StreamARN=arn))
        self.raises(
            "InvalidArgumentException", 400, kv.update_notification_configuration, StreamName=NAME,
            NotificationConfiguration={"Status": "SOMETIMES", "DestinationConfig": {"Uri": "sns://x"}})
        kv.create_stream(StreamName="boto3-conf-keeps-nothing")
        self.raises(
            "NoDataRetentionException", 400, kv.update_notification_configuration,
            StreamName="boto3-conf-keeps-nothing", NotificationConfiguration=want)

    def test_image_generation(self):
        self.assertNotIn("ImageGenerationConfiguration", kv.describe_image_generation_configuration(StreamName=NAME))
        want = {
            "Status": "ENABLED", "ImageSelectorType": "SERVER_TIMESTAMP",
            "DestinationConfig": {"Uri": "s3://bucket/path", "DestinationRegion": region},
            "SamplingInterval": 3000, "Format": "JPEG", "FormatConfig": {"JPEGQuality": "80"},
            "WidthPixels": 320, "HeightPixels": 240,
        }
        kv.update_image_generation_configuration(StreamName=NAME, ImageGenerationConfiguration=want)
        got = kv.describe_image_generation_configuration(StreamARN=arn)["ImageGenerationConfiguration"]
        self.assertEqual(got, want)
        self.raises(
            "InvalidArgumentException", 400, kv.update_image_generation_configuration, StreamName=NAME,
            ImageGenerationConfiguration=dict(want, SamplingInterval=1))

    def test_storage(self):
        version = kv.describe_stream(StreamName=NAME)["StreamInfo"]["Version"]
        self.raises(
            "VersionMismatchException", 400, kv.update_stream_storage_configuration, StreamName=NAME,
            CurrentVersion="stale", StreamStorageConfiguration={"DefaultStorageTier": "WARM"})
        kv.update_stream_storage_configuration(
            StreamName=NAME, CurrentVersion=version, StreamStorageConfiguration={"DefaultStorageTier": "WARM"})
        answer = kv.describe_stream_storage_configuration(StreamName=NAME)
        self.assertEqual(answer["StreamStorageConfiguration"], {"DefaultStorageTier": "WARM"})
        self.assertEqual((answer["StreamName"], answer["StreamARN"]), (NAME, arn))

    def test_edge(self):
        self.raises("StreamEdgeConfigurationNotFoundException", 404, kv.describe_edge_configuration, StreamName=NAME)
        names = ["boto3-conf-edge-%d" % i for i in range(3)]
        schedule = {"ScheduleExpression": "0 0 9-17 ? * 2-6 *", "DurationInSeconds": 3600}
        want = {
            "HubDeviceArn": HUB,
            "RecorderConfig": {
                "MediaSourceConfig": {
                    "MediaUriSecretArn": "arn:aws:secretsmanager:%s:%s:secret:door" % (region, account),
                    "MediaUriType": "RTSP_URI"},
                "ScheduleConfig": schedule},
            "UploaderConfig": {"ScheduleConfig": schedule},
            "DeletionConfig": {
                "EdgeRetentionInHours": 12, "DeleteAfterUpload": True,
                "LocalSizeConfig": {"MaxLocalMediaSizeInMB": 2048, "StrategyOnFullSize": "DELETE_OLDEST_MEDIA"}},
        }
        for name in names:
            kv.create_stream(StreamName=name, DataRetentionInHours=24)
            started = kv.start_edge_configuration_update(StreamName=name, EdgeConfig=want)
            self.assertEqual(started["EdgeConfig"], want)
            self.assertEqual(started["SyncStatus"], "SYNCING")
        described = kv.describe_edge_configuration(StreamName=names[0])
        self.assertEqual(described["EdgeConfig"], want)
        self.assertEqual(described["CreationTime"], described["LastUpdatedTime"])
        pages = kv.get_paginator("list_edge_agent_configurations").paginate(
            HubDeviceArn=HUB, PaginationConfig={"PageSize": 2})
        sizes = [[c["StreamName"] for c in page["EdgeConfigs"]] for page in pages]
        self.assertEqual([len(page) for page in sizes if page], [2, 1])
        self.assertEqual(sorted(name for page in sizes for name in page), names)
        kv.delete_edge_configuration(StreamName=names[0])
        self.raises("StreamEdgeConfigurationNotFoundException", 404, kv.describe_edge_configuration, StreamName=names[0])

    def test_channels(self):
        pages = kv.get_paginator("describe_mapped_resource_configuration").paginate(StreamName=NAME)
        self.assertEqual([page["MappedResourceConfigurationList"] for page in pages], [[]])
        self.raises("ResourceNotFoundException", 404, kv.describe_media_storage_configuration, ChannelARN=CHANNEL)
        self.raises(
            "ResourceNotFoundException", 404, kv.update_media_storage_configuration, ChannelARN=CHANNEL,
            MediaStorageConfiguration={"Status": "DISABLED"})
        for call, arguments in (
            (kv.create_signaling_channel, {"ChannelName": "door"}),
            (kv.describe_signaling_channel, {"ChannelName": "door"}),
            (kv.list_signaling_channels, {}),
            (kv.update_signaling_channel, {"ChannelARN": CHANNEL, "CurrentVersion": "v"}),
            (kv.delete_signaling_channel, {"ChannelARN": CHANNEL}),
            (kv.get_signaling_channel_endpoint, {"ChannelARN": CHANNEL}),
        ):
            with self.subTest(call.__name__):
                self.raises("UnsupportedOperationException", 501, call, **arguments)


class Ways(unittest.TestCase):
    """How a client is told of the server and of its keys."""

    def test_endpoint_url(self):
        url = os.environ["AWS_ENDPOINT_URL"]
        os.environ["AWS_ENDPOINT_URL"] = "http://127.0.0.1:1"
        try:
            boto3.client("kinesisvideo", endpoint_url=url).list_streams(MaxResults=1)
            os.environ["AWS_ENDPOINT_URL_KINESIS_VIDEO"] = url
            boto3.client("kinesisvideo").list_streams(MaxResults=1)
        finally:
            os.environ.pop("AWS_ENDPOINT_URL_KINESIS_VIDEO", None)
            os.environ["AWS_ENDPOINT_URL"] = url

    def test_trust(self):
        if not os.environ["AWS_ENDPOINT_URL"].startswith("https:"):
            return
        bundle = os.environ.pop("AWS_CA_BUNDLE")
        once = Config(retries={"total_max_attempts": 1})
        try:
            with self.assertRaises(Exception) as caught:
                boto3.client("kinesisvideo", config=once).list_streams()
            self.assertEqual(type(caught.exception).__name__, "SSLError")
            boto3.client("kinesisvideo", verify=bundle).list_streams(MaxResults=1)
        finally:
            os.environ["AWS_CA_BUNDLE"] = bundle

    def test_session(self):
        key, secret, token = SESSION
        keys = {"aws_access_key_id": key, "aws_secret_access_key": secret}
        session = boto3.client("kinesisvideo", aws_session_token=token, **keys)
        self.assertEqual(session.describe_stream(StreamName=NAME)["StreamInfo"]["StreamARN"], arn)
        for wrong in (None, token[:-2]):
            with self.assertRaises(ClientError) as caught:
                boto3.client("kinesisvideo", aws_session_token=wrong, **keys).list_streams()
            self.assertEqual(caught.exception.response["ResponseMetadata"]["HTTPStatusCode"], 403)


if __name__ == "__main__":
    SESSION = sys.argv[1:4]
    unittest.main(argv=[sys.argv[0]])
