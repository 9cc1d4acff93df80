"""boto3 reads a stream with every start selector.

Started by python_test.go as "media.py STREAM FRAGMENTS", with the usual AWS
variables set. STREAM holds FRAGMENTS fragments and no producer feeds it, so
the server ends each response after its idle time.
"""

import re
import sys
import unittest

import boto3
from botocore.exceptions import ClientError

STREAM, COUNT = sys.argv[1], int(sys.argv[2])
endpoint = boto3.client("kinesisvideo").get_data_endpoint(StreamName=STREAM, APIName="GET_MEDIA")["DataEndpoint"]
media = boto3.client("kinesis-video-media", endpoint_url=endpoint)


def tags(body, name):
    pattern = b"AWS_KINESISVIDEO_" + name + rb"\x44\x87\x10\x00\x00.([0-9.]+)"
    return [value.decode() for value in re.findall(pattern, body, re.DOTALL)]


def read(**selector):
    response = media.get_media(StreamName=STREAM, StartSelector=selector)
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert response["ContentType"] == "video/webm", response["ContentType"]
    return b"".join(response["Payload"].iter_chunks(4096))


def numbers(**selector):
    return tags(read(**selector), b"FRAGMENT_NUMBER")


class Selectors(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.body = read(StartSelectorType="EARLIEST")
        cls.all = tags(cls.body, b"FRAGMENT_NUMBER")

    def test_earliest(self):
        self.assertEqual(len(self.all), COUNT)
        self.assertEqual(self.all, sorted(set(self.all)))
        self.assertEqual({len(number) for number in self.all}, {47})
        self.assertEqual(tags(self.body, b"CONTINUATION_TOKEN"), self.all)
        self.assertEqual(len(tags(self.body, b"MILLIS_BEHIND_NOW")), COUNT)

    def test_server_time_never_decreases(self):
        stamps = [float(t) for t in tags(self.body, b"SERVER_TIMESTAMP")]
        self.assertEqual(len(stamps), COUNT)
        self.assertEqual(stamps, sorted(stamps))

    def test_fragment_number(self):
        for at in (0, COUNT // 2, COUNT - 2):
            self.assertEqual(
                numbers(StartSelectorType="FRAGMENT_NUMBER", AfterFragmentNumber=self.all[at]), self.all[at + 1:])

    def test_continuation_token(self):
        at = COUNT // 2
        self.assertEqual(
            numbers(StartSelectorType="CONTINUATION_TOKEN", ContinuationToken=self.all[at]), self.all[at + 1:])

    def test_producer_timestamp(self):
        # boto3 sends whole seconds, so the fragment that contains the second is due.
        stamps = [float(t) for t in tags(self.body, b"PRODUCER_TIMESTAMP")]
        self.assertEqual(len(stamps), COUNT)
        at = COUNT // 2
        second = int(stamps[at])
        want = [n for n, t in zip(self.all, stamps[1:] + [float("inf")]) if t > second]
        got = numbers(StartSelectorType="PRODUCER_TIMESTAMP", StartTimestamp=second)
        self.assertEqual(got, want)

    def test_server_timestamp_of_long_ago(self):
        self.assertEqual(numbers(StartSelectorType="SERVER_TIMESTAMP", StartTimestamp=1), self.all)

    def test_server_timestamp_of_tomorrow(self):
        import time
        self.assertEqual(numbers(StartSelectorType="SERVER_TIMESTAMP", StartTimestamp=time.time() + 86400), [])

    def test_now_without_a_producer(self):
        self.assertEqual(numbers(StartSelectorType="NOW"), [])

    def test_reading_twice_gives_the_same_media(self):
        def still(body):
            return re.sub(rb"(MILLIS_BEHIND_NOW\x44\x87\x10\x00\x00).[0-9]+", rb"\1", body, flags=re.DOTALL)
        again = read(StartSelectorType="EARLIEST")
        self.assertEqual(len(tags(again, b"FRAGMENT_NUMBER")), COUNT)
        cut = self.body.index(b"\x1f\x43\xb6\x75")
        self.assertEqual(self.body[:cut], again[:cut])


class Mistakes(unittest.TestCase):
    def fails(self, code, **arguments):
        with self.assertRaises(ClientError) as caught:
            media.get_media(**arguments)
        self.assertEqual(caught.exception.response["Error"]["Code"], code)

    def test_mistakes(self):
        now = {"StartSelectorType": "NOW"}
        self.fails("ResourceNotFoundException", StreamName="nobody", StartSelector=now)
        self.fails("InvalidArgumentException", StartSelector=now)
        self.fails("InvalidArgumentException", StreamName=STREAM, StartSelector={"StartSelectorType": "FRAGMENT_NUMBER"})
        self.fails("InvalidArgumentException", StreamName=STREAM, StartSelector={"StartSelectorType": "SERVER_TIMESTAMP"})
        self.fails("InvalidArgumentException", StreamName=STREAM, StartSelector={"StartSelectorType": "CONTINUATION_TOKEN"})
        self.fails("InvalidArgumentException", StreamName=STREAM, StartSelector={"StartSelectorType": "SOMETIMES"})


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0]])
