"""boto3 lists fragments, reads their media, makes a clip and an HLS session.

Started by python_test.go as "archived.py STREAM FRAGMENTS", with the usual AWS
variables set. STREAM holds FRAGMENTS fragments of a second each.
"""

import re
import sys
import unittest
import urllib.error
import urllib.request

import boto3
from botocore.exceptions import ClientError

STREAM, COUNT = sys.argv[1], int(sys.argv[2])
control = boto3.client("kinesisvideo")
FOREVER = {"StartTimestamp": 0, "EndTimestamp": 4102444800}


def archived(api):
    endpoint = control.get_data_endpoint(StreamName=STREAM, APIName=api)["DataEndpoint"]
    return boto3.client("kinesis-video-archived-media", endpoint_url=endpoint)


def selecting(clock, times=FOREVER):
    return {"FragmentSelectorType": clock, "TimestampRange": times}


def tags(body, name):
    pattern = b"AWS_KINESISVIDEO_" + name + rb"\x44\x87\x10\x00\x00.([0-9.]+)"
    return [value.decode() for value in re.findall(pattern, body, re.DOTALL)]


class Lists(unittest.TestCase):
    client = archived("LIST_FRAGMENTS")

    def fragments(self, **arguments):
        answer = self.client.list_fragments(StreamName=STREAM, **arguments)
        return answer["Fragments"]

    def test_both_clocks(self):
        by_server = self.fragments(FragmentSelector=selecting("SERVER_TIMESTAMP"))
        by_producer = self.fragments(FragmentSelector=selecting("PRODUCER_TIMESTAMP"))
        self.assertEqual(len(by_server), COUNT)
        self.assertEqual(by_server, by_producer)
        self.assertEqual([f["FragmentNumber"] for f in by_server], sorted(f["FragmentNumber"] for f in by_server))
        for f in by_server:
            self.assertGreater(f["FragmentSizeInBytes"], 1000)
            self.assertAlmostEqual(f["FragmentLengthInMilliseconds"], 1000, delta=100)
            self.assertEqual(f["ServerTimestamp"].tzinfo is not None, True)
            self.assertEqual(len(f), 5)

    def test_paginator(self):
        def pages():
            return self.client.get_paginator("list_fragments").paginate(
                StreamName=STREAM, FragmentSelector=selecting("PRODUCER_TIMESTAMP"), PaginationConfig={"PageSize": 3})
        sizes = [len(page["Fragments"]) for page in pages()]
        self.assertEqual(sizes, [3] * (COUNT // 3) + ([COUNT % 3] if COUNT % 3 else []))
        found = [f["FragmentNumber"] for f in pages().build_full_result()["Fragments"]]
        self.assertEqual(found, [f["FragmentNumber"] for f in self.fragments(FragmentSelector=selecting("PRODUCER_TIMESTAMP"))])

    def test_a_range_with_both_ends(self):
        every = self.fragments(FragmentSelector=selecting("PRODUCER_TIMESTAMP"))
        # boto3 sends whole seconds.
        start, end = (int(every[i]["ProducerTimestamp"].timestamp()) + 1 for i in (2, 5))
        want = [f["FragmentNumber"] for f in every if start <= f["ProducerTimestamp"].timestamp() <= end]
        got = self.fragments(FragmentSelector=selecting("PRODUCER_TIMESTAMP", {"StartTimestamp": start, "EndTimestamp": end}))
        self.assertEqual([f["FragmentNumber"] for f in got], want)

    def test_an_empty_range(self):
        answer = self.client.list_fragments(
            StreamName=STREAM, FragmentSelector=selecting("SERVER_TIMESTAMP", {"StartTimestamp": 1, "EndTimestamp": 2}))
        self.assertEqual(answer["Fragments"], [])
        self.assertNotIn("NextToken", answer)

    def test_mistakes(self):
        for kind, arguments in (
            ("ResourceNotFoundException", {"StreamName": "nobody", "FragmentSelector": selecting("SERVER_TIMESTAMP")}),
            ("InvalidArgumentException", {"StreamName": STREAM}),
            ("InvalidArgumentException", {"StreamName": STREAM, "NextToken": "AAAA"}),
            ("InvalidArgumentException", {"StreamName": STREAM, "FragmentSelector": selecting("SUNDIAL")}),
            ("InvalidArgumentException", {
                "StreamName": STREAM, "FragmentSelector": selecting("SERVER_TIMESTAMP", {"StartTimestamp": 2, "EndTimestamp": 1})}),
        ):
            with self.assertRaises(ClientError) as caught:
                self.client.list_fragments(**arguments)
            self.assertEqual(caught.exception.response["Error"]["Code"], kind)
        self.assertTrue(issubclass(self.client.exceptions.InvalidArgumentException, ClientError))


class Media(unittest.TestCase):
    client = archived("GET_MEDIA_FOR_FRAGMENT_LIST")

    def setUp(self):
        listed = archived("LIST_FRAGMENTS").list_fragments(StreamName=STREAM, FragmentSelector=selecting("SERVER_TIMESTAMP"))
        self.numbers = [f["FragmentNumber"] for f in listed["Fragments"]]

    def read(self, numbers):
        answer = self.client.get_media_for_fragment_list(StreamName=STREAM, Fragments=numbers)
        self.assertEqual(answer["ContentType"], "video/webm")
        return b"".join(answer["Payload"].iter_chunks(4096))

    def test_in_the_order_of_the_request(self):
        asked = self.numbers[::-1] + self.numbers[:2]
        body = self.read(asked)
        self.assertEqual(tags(body, b"FRAGMENT_NUMBER"), asked)
        for one, other in ((b"SERVER_TIMESTAMP", b"SERVER_SIDE_TIMESTAMP"), (b"PRODUCER_TIMESTAMP", b"PRODUCER_SIDE_TIMESTAMP")):
            self.assertEqual(tags(body, one), tags(body, other))
            self.assertEqual(len(tags(body, one)), len(asked))

    def test_what_is_not_there(self):
        body = self.read([self.numbers[0], "1", self.numbers[1]])
        self.assertEqual(tags(body, b"FRAGMENT_NUMBER"), [self.numbers[0], "1"])
        self.assertEqual(tags(body, b"ERROR_ID"), ["3000"])
        self.assertIn(b"FRAGMENT_NOT_FOUND", body)

    def test_mistakes(self):
        with self.assertRaises(self.client.exceptions.InvalidArgumentException) as caught:
            self.client.get_media_for_fragment_list(StreamName=STREAM, Fragments=["x"])
        self.assertIn("Fragment numbers are invalid : x", str(caught.exception))
        with self.assertRaises(self.client.exceptions.ResourceNotFoundException):
            self.client.get_media_for_fragment_list(StreamName="nobody", Fragments=["1"])


class Playback(unittest.TestCase):
    def test_clip(self):
        client = archived("GET_CLIP")
        listed = archived("LIST_FRAGMENTS").list_fragments(StreamName=STREAM, FragmentSelector=selecting("PRODUCER_TIMESTAMP"))
        start = int(listed["Fragments"][0]["ProducerTimestamp"].timestamp())
        answer = client.get_clip(StreamName=STREAM, ClipFragmentSelector=selecting(
            "PRODUCER_TIMESTAMP", {"StartTimestamp": start, "EndTimestamp": start + COUNT + 1}))
        body = b"".join(answer["Payload"].iter_chunks(4096))
        self.assertEqual(answer["ContentType"], "video/mp4")
        self.assertEqual(body[4:8], b"ftyp")
        with self.assertRaises(client.exceptions.ResourceNotFoundException):
            client.get_clip(StreamName=STREAM, ClipFragmentSelector=selecting(
                "PRODUCER_TIMESTAMP", {"StartTimestamp": 1, "EndTimestamp": 2}))
        with self.assertRaises(client.exceptions.InvalidArgumentException):
            client.get_clip(StreamName=STREAM, ClipFragmentSelector=selecting("PRODUCER_TIMESTAMP", FOREVER))

    def test_hls(self):
        client = archived("GET_HLS_STREAMING_SESSION_URL")
        listed = archived("LIST_FRAGMENTS").list_fragments(StreamName=STREAM, FragmentSelector=selecting("PRODUCER_TIMESTAMP"))
        start = int(listed["Fragments"][0]["ProducerTimestamp"].timestamp())
        for container in ("FRAGMENTED_MP4", "MPEG_TS"):
            answer = client.get_hls_streaming_session_url(
                StreamName=STREAM, PlaybackMode="ON_DEMAND", ContainerFormat=container,
                HLSFragmentSelector=selecting("PRODUCER_TIMESTAMP", {"StartTimestamp": start, "EndTimestamp": start + COUNT + 1}))
            with urllib.request.urlopen(answer["HLSStreamingSessionURL"], context=trust()) as playlist:
                self.assertTrue(playlist.read().startswith(b"#EXTM3U\n"))
        with self.assertRaises(client.exceptions.InvalidArgumentException):
            client.get_hls_streaming_session_url(StreamName=STREAM, Expires=43201)  # boto3 itself refuses less than 300


def trust():
    """The authorities that the AWS tools are told to trust."""
    import os
    import ssl
    return ssl.create_default_context(cafile=os.environ.get("AWS_CA_BUNDLE"))


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0]])
