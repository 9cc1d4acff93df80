"""boto3 runs every control operation, rightly and wrongly.

Started by python_test.go with the usual AWS variables set; speaks to
whatever server they name. Its streams have names that begin with "boto3-".
"""

import os
import sys
import unittest

import boto3
from botocore.exceptions import ClientError

PREFIX = "boto3-"
kv = boto3.client("kinesisvideo")


def describe(name):
    return kv.describe_stream(StreamName=name)["StreamInfo"]


class Life(unittest.TestCase):
    name = PREFIX + "life"

    def test_life(self):
        name = self.name
        arn = kv.create_stream(
            StreamName=name, DataRetentionInHours=2, MediaType="video/h264", DeviceName="cam",
            Tags={"site": "Zürich", "empty": ""},
        )["StreamARN"]
        info = describe(name)
        self.assertEqual(info["StreamARN"], arn)
        self.assertEqual(info["Status"], "ACTIVE")
        self.assertEqual(info["DataRetentionInHours"], 2)
        self.assertEqual(info["MediaType"], "video/h264")
        self.assertEqual(info["DeviceName"], "cam")
        self.assertRegex(info["KmsKeyId"], r"^arn:aws:kms:.*:alias/aws/kinesisvideo$")
        self.assertRegex(info["Version"], r"^[a-zA-Z0-9]{1,64}$")
        self.assertTrue(arn.endswith("/%s/%d" % (name, round(info["CreationTime"].timestamp() * 1000))))
        self.assertEqual(kv.describe_stream(StreamARN=arn)["StreamInfo"], info)

        kv.update_stream(StreamName=name, CurrentVersion=info["Version"], DeviceName="cam2")
        changed = describe(name)
        self.assertEqual(changed["DeviceName"], "cam2")
        self.assertEqual(changed["MediaType"], "video/h264")
        self.assertNotEqual(changed["Version"], info["Version"])

        kv.update_data_retention(
            StreamARN=arn, CurrentVersion=changed["Version"],
            Operation="INCREASE_DATA_RETENTION", DataRetentionChangeInHours=22)
        self.assertEqual(describe(name)["DataRetentionInHours"], 24)
        kv.update_data_retention(
            StreamARN=arn, CurrentVersion=describe(name)["Version"],
            Operation="DECREASE_DATA_RETENTION", DataRetentionChangeInHours=24)
        self.assertEqual(describe(name)["DataRetentionInHours"], 0)

        for api in ("PUT_MEDIA", "GET_MEDIA", "LIST_FRAGMENTS", "GET_CLIP"):
            endpoint = kv.get_data_endpoint(StreamName=name, APIName=api)["DataEndpoint"]
            self.assertRegex(endpoint, r"^https?://[^/]+$")

        self.assertEqual(kv.list_tags_for_stream(StreamName=name)["Tags"], {"site": "Zürich", "empty": ""})
        kv.tag_stream(StreamARN=arn, Tags={"site": "Bern", "floor": "1"})
        kv.untag_stream(StreamName=name, TagKeyList=["empty", "unknown"])
        kv.tag_resource(ResourceARN=arn, Tags=[{"Key": "room", "Value": "7"}])
        kv.untag_resource(ResourceARN=arn, TagKeyList=["floor"])
        want = {"site": "Bern", "room": "7"}
        self.assertEqual(kv.list_tags_for_stream(StreamARN=arn)["Tags"], want)
        self.assertEqual(kv.list_tags_for_resource(ResourceARN=arn)["Tags"], want)

        kv.delete_stream(StreamARN=arn)
        try:
            self.assertEqual(describe(name)["Status"], "DELETING")
        except kv.exceptions.ResourceNotFoundException:
            pass


class Configurations(unittest.TestCase):
    """What stands beside a stream is returned as it was given."""

    name = PREFIX + "configured"
    hub = "arn:aws:iot:us-west-2:111122223333:thing/boto3-hub"

    @classmethod
    def setUpClass(cls):
        cls.arn = kv.create_stream(
            StreamName=cls.name, DataRetentionInHours=1, StreamStorageConfiguration={"DefaultStorageTier": "WARM"},
        )["StreamARN"]

    def round_trip(self, describe, update, member, value):
        def get():
            return describe(StreamName=self.name).get(member)

        self.assertIsNone(get())
        update(StreamARN=self.arn, **{member: value})
        self.assertEqual(get(), value)
        update(StreamName=self.name)
        self.assertIsNone(get())

    def test_notification(self):
        self.round_trip(
            kv.describe_notification_configuration, kv.update_notification_configuration, "NotificationConfiguration",
            {"Status": "ENABLED", "DestinationConfig": {"Uri": "arn:aws:sns:us-west-2:111122223333:fragments"}})

    def test_images(self):
        self.round_trip(
            kv.describe_image_generation_configuration, kv.update_image_generation_configuration, "ImageGenerationConfiguration",
            {"Status": "ENABLED", "ImageSelectorType": "SERVER_TIMESTAMP", "SamplingInterval": 3000, "Format": "JPEG",
             "DestinationConfig": {"Uri": "s3://pictures", "DestinationRegion": self.arn.split(":")[3]},
             "FormatConfig": {"JPEGQuality": "80"}, "WidthPixels": 640, "HeightPixels": 480})

    def test_storage(self):
        def tier():
            return kv.describe_stream_storage_configuration(StreamName=self.name)["StreamStorageConfiguration"]["DefaultStorageTier"]

        self.assertEqual(tier(), "WARM")
        kv.update_stream_storage_configuration(
            StreamName=self.name, CurrentVersion=describe(self.name)["Version"],
            StreamStorageConfiguration={"DefaultStorageTier": "HOT"})
        self.assertEqual(tier(), "HOT")
        with self.assertRaises(kv.exceptions.VersionMismatchException):
            kv.update_stream_storage_configuration(
                StreamName=self.name, CurrentVersion="stale", StreamStorageConfiguration={"DefaultStorageTier": "HOT"})

    def test_edge(self):
        schedule = {"ScheduleExpression": "0 0/5 * ? * *", "DurationInSeconds": 60}
        config = {
            "HubDeviceArn": self.hub,
            "RecorderConfig": {
                "MediaSourceConfig": {
                    "MediaUriSecretArn": "arn:aws:secretsmanager:us-west-2:111122223333:secret:camera", "MediaUriType": "RTSP_URI"},
                "ScheduleConfig": schedule},
            "UploaderConfig": {"ScheduleConfig": schedule},
            "DeletionConfig": {
                "EdgeRetentionInHours": 24, "DeleteAfterUpload": True,
                "LocalSizeConfig": {"MaxLocalMediaSizeInMB": 64, "StrategyOnFullSize": "DELETE_OLDEST_MEDIA"}},
        }
        with self.assertRaises(kv.exceptions.StreamEdgeConfigurationNotFoundException):
            kv.describe_edge_configuration(StreamName=self.name)
        started = kv.start_edge_configuration_update(StreamName=self.name, EdgeConfig=config)
        self.assertEqual(started["SyncStatus"], "SYNCING")
        shown = kv.describe_edge_configuration(StreamARN=self.arn)
        for answer in (started, shown):
            answer.pop("ResponseMetadata")
            self.assertEqual(answer["EdgeConfig"], config)
        self.assertEqual(shown, started)
        with self.assertRaises(kv.exceptions.ResourceInUseException):
            kv.start_edge_configuration_update(StreamName=self.name, EdgeConfig=config)
        pages = kv.get_paginator("list_edge_agent_configurations").paginate(HubDeviceArn=self.hub)
        self.assertEqual([entry for page in pages for entry in page["EdgeConfigs"]], [started])
        kv.delete_edge_configuration(StreamName=self.name)
        with self.assertRaises(kv.exceptions.StreamEdgeConfigurationNotFoundException):
            kv.delete_edge_configuration(StreamName=self.name)

    def test_retention(self):
        name = PREFIX + "unkept"
        kv.create_stream(StreamName=name)
        with self.assertRaises(kv.exceptions.NoDataRetentionException):
            kv.update_notification_configuration(
                StreamName=name, NotificationConfiguration={"Status": "ENABLED", "DestinationConfig": {"Uri": "s3://b"}})

    def test_channels(self):
        channel = "arn:aws:kinesisvideo:us-west-2:111122223333:channel/c/1705489836421"
        self.assertEqual(
            kv.describe_mapped_resource_configuration(StreamName=self.name)["MappedResourceConfigurationList"], [])
        with self.assertRaises(kv.exceptions.ResourceNotFoundException):
            kv.describe_media_storage_configuration(ChannelName="c")
        with self.assertRaises(kv.exceptions.ResourceNotFoundException):
            kv.update_media_storage_configuration(
                ChannelARN=channel, MediaStorageConfiguration={"Status": "DISABLED"})
        with self.assertRaises(ClientError) as caught:
            kv.create_signaling_channel(ChannelName="c")
        self.assertEqual(caught.exception.response["Error"]["Code"], "UnsupportedOperationException")
        self.assertIn("Signaling channels are not supported", caught.exception.response["Error"]["Message"])


class Listing(unittest.TestCase):
    def test_pages(self):
        want = [PREFIX + "page-%02d" % i for i in range(7)]
        for name in want:
            kv.create_stream(StreamName=name)
        condition = {"ComparisonOperator": "BEGINS_WITH", "ComparisonValue": PREFIX + "page-"}
        for size in (1, 2, 3, 7, 100):
            pages = kv.get_paginator("list_streams").paginate(
                StreamNameCondition=condition, PaginationConfig={"PageSize": size})
            got = []
            for page in pages:
                self.assertLessEqual(len(page["StreamInfoList"]), size)
                got += [info["StreamName"] for info in page["StreamInfoList"]]
            self.assertEqual(got, want, "pages of %d" % size)

    def test_nothing(self):
        condition = {"ComparisonOperator": "BEGINS_WITH", "ComparisonValue": PREFIX + "nobody-"}
        self.assertEqual(kv.list_streams(StreamNameCondition=condition)["StreamInfoList"], [])


class Mistakes(unittest.TestCase):
    name = PREFIX + "mistakes"

    @classmethod
    def setUpClass(cls):
        cls.arn = kv.create_stream(StreamName=cls.name)["StreamARN"]
        cls.version = describe(cls.name)["Version"]
        cls.reborn = cls.arn.rsplit("/", 1)[0] + "/1234567890123"

    def raises(self, code, status, call, **arguments):
        with self.assertRaises(ClientError) as caught:
            call(**arguments)
        error = caught.exception
        self.assertEqual(error.response["Error"]["Code"], code)
        self.assertEqual(error.response["ResponseMetadata"]["HTTPStatusCode"], status)
        self.assertTrue(error.response["Error"]["Message"])
        self.assertTrue(error.response["ResponseMetadata"]["RequestId"])
        if hasattr(kv.exceptions, code):
            self.assertIsInstance(error, getattr(kv.exceptions, code))

    def test_not_found(self):
        for call, arguments in (
            (kv.describe_stream, {"StreamName": "nobody"}),
            (kv.describe_stream, {"StreamARN": self.reborn}),
            (kv.update_stream, {"StreamName": "nobody", "CurrentVersion": "x"}),
            (kv.delete_stream, {"StreamARN": self.reborn}),
            (kv.get_data_endpoint, {"StreamName": "nobody", "APIName": "PUT_MEDIA"}),
            (kv.tag_stream, {"StreamName": "nobody", "Tags": {"a": "b"}}),
            (kv.untag_stream, {"StreamName": "nobody", "TagKeyList": ["a"]}),
            (kv.list_tags_for_stream, {"StreamName": "nobody"}),
            (kv.tag_resource, {"ResourceARN": self.reborn, "Tags": [{"Key": "a", "Value": "b"}]}),
            (kv.untag_resource, {"ResourceARN": self.reborn, "TagKeyList": ["a"]}),
            (kv.list_tags_for_resource, {"ResourceARN": self.reborn}),
            (kv.update_data_retention, {
                "StreamName": "nobody", "CurrentVersion": "x",
                "Operation": "INCREASE_DATA_RETENTION", "DataRetentionChangeInHours": 1}),
        ):
            with self.subTest(call.__name__, **arguments):
                self.raises("ResourceNotFoundException", 404, call, **arguments)

    def test_invalid(self):
        for call, arguments in (
            (kv.create_stream, {"StreamName": "a b"}),
            (kv.create_stream, {"StreamName": PREFIX + "x", "MediaType": "nonsense"}),
            (kv.create_stream, {"StreamName": PREFIX + "x", "DataRetentionInHours": 87601}),
            (kv.create_stream, {"StreamName": PREFIX + "x", "Tags": {"aws:a": "b"}}),
            (kv.describe_stream, {}),
            (kv.list_streams, {"MaxResults": 10001}),
            (kv.list_streams, {"NextToken": "bm90IG91cnM="}),
            (kv.get_data_endpoint, {"StreamName": self.name, "APIName": "FLY"}),
            (kv.update_data_retention, {
                "StreamName": self.name, "CurrentVersion": self.version,
                "Operation": "DECREASE_DATA_RETENTION", "DataRetentionChangeInHours": 1}),
            (kv.tag_stream, {"StreamName": self.name, "Tags": {"a" * 129: "b"}}),
            (kv.tag_resource, {"ResourceARN": self.arn, "Tags": [{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}]}),
        ):
            with self.subTest(call.__name__, **arguments):
                self.raises("InvalidArgumentException", 400, call, **arguments)

    def test_conflicts(self):
        self.raises("ResourceInUseException", 400, kv.create_stream, StreamName=self.name)
        self.raises("VersionMismatchException", 400, kv.update_stream, StreamName=self.name, CurrentVersion="stale")
        self.raises("VersionMismatchException", 400, kv.delete_stream, StreamARN=self.arn, CurrentVersion="stale")
        self.raises(
            "VersionMismatchException", 400, kv.update_data_retention, StreamName=self.name, CurrentVersion="stale",
            Operation="INCREASE_DATA_RETENTION", DataRetentionChangeInHours=1)

    def test_tag_limit(self):
        kv.tag_stream(StreamName=self.name, Tags={"key%d" % i: "" for i in range(50)})
        kv.tag_stream(StreamName=self.name, Tags={"key7": "replaced"})
        self.raises(
            "TagsPerResourceExceededLimitException", 400, kv.tag_stream,
            StreamName=self.name, Tags={"one": "more"})
        self.assertEqual(len(kv.list_tags_for_stream(StreamName=self.name)["Tags"]), 50)

    def test_resource_format(self):
        self.raises(
            "InvalidResourceFormatException", 400, kv.tag_stream,
            StreamARN="arn:aws:s3:::bucket", Tags={"a": "b"})

    def test_wrong_secret(self):
        other = boto3.client(
            "kinesisvideo", aws_access_key_id=os.environ["AWS_ACCESS_KEY_ID"], aws_secret_access_key="wrong")
        self.raises("InvalidSignatureException", 403, other.list_streams)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0]])
