"""How fast the consumer library for Python reads what is stored.

Started by consumer_test.go as "consumer_speed.py LIBRARY STREAM". It prints
how many fragments and bytes it handed out, and how many seconds that took from
the call on.
"""

import sys
import time

import boto3

LIBRARY, STREAM = sys.argv[1], sys.argv[2]
sys.path.insert(0, LIBRARY)

from amazon_kinesis_video_consumer_library.kinesis_video_streams_parser import KvsConsumerLibrary  # noqa: E402

endpoint = boto3.client("kinesisvideo").get_data_endpoint(StreamName=STREAM, APIName="GET_MEDIA")["DataEndpoint"]
media = boto3.client("kinesis-video-media", endpoint_url=endpoint)
began = last = time.monotonic()
fragments = size = 0
failure = None


def arrived(stream, data, dom, took):
    global last, fragments, size
    last = time.monotonic()
    fragments += 1
    size += len(data)


def failed(stream, error):
    global failure
    failure = error


response = media.get_media(StreamName=STREAM, StartSelector={"StartSelectorType": "EARLIEST"})
thread = KvsConsumerLibrary(STREAM, response, arrived, lambda stream: None, failed)
thread.start()
thread.join(240)
assert failure is None, repr(failure)
print(fragments, size, last - began)
