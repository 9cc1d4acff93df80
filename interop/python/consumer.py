"""The consumer library for Python reads a stream, live and from the beginning.

Started by consumer_test.go as "consumer.py LIBRARY STREAM FRAGMENTS DIRECTORY"
some seconds after a producer began to send FRAGMENTS fragments in real time,
of 25 frames each. LIBRARY is the directory of the library's source.
"""

import os
import sys
import time

import boto3

LIBRARY, STREAM, COUNT, DIRECTORY = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
sys.path.insert(0, LIBRARY)

from amazon_kinesis_video_consumer_library.kinesis_video_fragment_processor import KvsFragementProcessor  # noqa: E402
from amazon_kinesis_video_consumer_library.kinesis_video_streams_parser import KvsConsumerLibrary  # noqa: E402

endpoint = boto3.client("kinesisvideo").get_data_endpoint(StreamName=STREAM, APIName="GET_MEDIA")["DataEndpoint"]
media = boto3.client("kinesis-video-media", endpoint_url=endpoint)
processor = KvsFragementProcessor()


class Reading:
    """One response, taken to its end. What came is in fragments."""

    def __init__(self, kind):
        self.fragments, self.ended, self.error = [], False, None
        response = media.get_media(StreamName=STREAM, StartSelector={"StartSelectorType": kind})
        self.thread = KvsConsumerLibrary(STREAM, response, self.arrived, self.complete, self.failed)
        self.thread.start()

    def arrived(self, stream, data, dom, took):
        assert stream == STREAM
        self.fragments.append((time.monotonic(), bytes(data), processor.get_fragment_tags(dom), processor.get_fragement_dom_pretty_string(dom)))

    def complete(self, stream):
        self.ended = True

    def failed(self, stream, error):
        self.error = error

    def result(self):
        self.thread.join(60)
        assert self.error is None, repr(self.error)
        assert self.ended, "the response did not end"
        return self.fragments


def check(fragments):
    numbers = [tags["AWS_KINESISVIDEO_FRAGMENT_NUMBER"] for _, _, tags, _ in fragments]
    assert numbers == sorted(set(numbers)), numbers
    for i, (_, data, tags, tree) in enumerate(fragments):
        for name in ("SERVER_TIMESTAMP", "PRODUCER_TIMESTAMP"):
            assert float(tags["AWS_KINESISVIDEO_" + name]) > 0, tags
        assert tree.count("Cluster") == 1, tree[:2000]
        path = os.path.join(DIRECTORY, "%02d.mkv" % i)
        processor.save_fragment_as_local_mkv(data, path)
        with open(path, "rb") as saved:
            assert saved.read() == data
        frames = processor.get_frames_as_ndarray(data, 1)
        assert len(frames) == 25, "fragment %d has %d frames" % (i, len(frames))
        assert frames[0].shape == (240, 320, 3), frames[0].shape
    return numbers


live = Reading("NOW").result()
# The library hands a fragment out when the next one begins, so the last stays.
whole = Reading("EARLIEST").result()
all_of_them = check(whole)
late = check(live)
assert len(all_of_them) == COUNT - 1, "%d fragments, want %d" % (len(all_of_them), COUNT - 1)
assert 3 <= len(late) < COUNT - 1, "NOW gave %d fragments" % len(late)
assert late == all_of_them[-len(late):], "NOW gave %s of %s" % (late, all_of_them)
took = live[-1][0] - live[0][0]
assert took > len(live) - 1 - 0.9, "%d fragments came within %f s" % (len(live), took)
print("%d fragments live, %d from the beginning" % (len(late), len(all_of_them)))
