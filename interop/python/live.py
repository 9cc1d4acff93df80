"""boto3 reads with NOW while a producer is at work.

Started by python_test.go as "live.py STREAM FRAGMENTS" some seconds after a
producer began to send FRAGMENTS fragments in real time. The server ends the
response some time after the last of them.
"""

import re
import sys

import boto3

STREAM, COUNT = sys.argv[1], int(sys.argv[2])
media = boto3.client("kinesis-video-media")


def numbers(kind):
    body = b"".join(media.get_media(StreamName=STREAM, StartSelector={"StartSelectorType": kind})["Payload"].iter_chunks(4096))
    return re.findall(rb"AWS_KINESISVIDEO_FRAGMENT_NUMBER\x44\x87\x10\x00\x00.([0-9]+)", body, re.DOTALL)


late = numbers("NOW")
all_of_them = numbers("EARLIEST")
assert len(all_of_them) == COUNT, "%d fragments, want %d" % (len(all_of_them), COUNT)
assert 0 < len(late) < COUNT, "NOW began with %d of %d fragments left" % (len(late), COUNT)
assert late == all_of_them[-len(late):], "NOW gave %s of %s" % (late, all_of_them)
