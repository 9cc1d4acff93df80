package consumer_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"iter"
	"slices"
	"strconv"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/consumer"
	"github.com/millrace/millrace/mkv"
)

// The documents of the tests: fragment n has one track, frames of frameTicks
// milliseconds whose data say where they belong, and a tag on either side.

const frameTicks = 40

func serverTime(n int) time.Time   { return time.UnixMilli(1_700_000_000_000 + int64(n)*2000).UTC() }
func producerTime(n int) time.Time { return serverTime(n).Add(-500 * time.Millisecond) }
func timecode(n int) uint64        { return uint64(producerTime(n).UnixMilli()) }

func number(n int) millrace.FragmentNumber {
	return millrace.NewFragmentNumber(uint64(n), serverTime(n), 7)
}

func seconds(t time.Time) string {
	return fmt.Sprintf("%d.%03d", t.Unix(), t.UnixMilli()%1000)
}

func tags(pairs ...string) []byte {
	var tag mkv.Tag
	for i := 0; i < len(pairs); i += 2 {
		tag.Simple = append(tag.Simple, mkv.SimpleTag{Name: pairs[i], String: pairs[i+1]})
	}
	return mkv.AppendTags(nil, []mkv.Tag{tag}, 4)
}

func header(app string) []byte {
	b := mkv.AppendEBML(nil, mkv.EBML{})
	b = mkv.AppendUnknownSize(mkv.AppendID(b, mkv.IDSegment), 8)
	b = mkv.AppendInfo(b, mkv.Info{WritingApp: app})
	return mkv.AppendTracks(b, []mkv.Track{{Number: 1, UID: 1, Type: mkv.TrackVideo, CodecID: "V_TEST"}})
}

func frames(n, count int) []byte {
	var b []byte
	for i := range count {
		data := fmt.Sprintf("frame %d/%d", n, i)
		flags := mkv.BlockFlags(0)
		if i == 0 {
			flags = mkv.FlagKeyframe
		}
		b = append(mkv.AppendSimpleBlockHeader(b, 1, int16(i*frameTicks), flags, len(data)), data...)
	}
	return b
}

// walk walks what input has, and refuses what cannot be read.
func walk(input io.Reader) iter.Seq2[*consumer.Fragment, error] {
	return consumer.ReadFrom(input, consumer.ReadOptions{Strict: true}).Fragments(context.Background())
}

// told walks input and returns what the server says in it that it cannot give.
func told(input io.Reader) (all []*consumer.FragmentError, err error) {
	o := consumer.ReadOptions{Strict: true}
	o.Events.Failed = func(e *consumer.FragmentError) { all = append(all, e) }
	for _, err = range consumer.ReadFrom(input, o).Fragments(context.Background()) {
	}
	return all, err
}

// document is fragment n as the service writes it, its Cluster of unknown size
// if open.
func document(n int, open bool, count int) []byte { return documentOf(n, open, count, "test") }

func documentOf(n int, open bool, count int, app string) []byte {
	return slices.Concat(documentHead(n, open, frames(n, count), app), frames(n, count), documentTail(n))
}

func documentHead(n int, open bool, media []byte, app string) []byte {
	b := header(app)
	b = append(b, tags("before", strconv.Itoa(n))...)
	b = append(b, tags(
		"AWS_KINESISVIDEO_FRAGMENT_NUMBER", number(n).String(),
		"AWS_KINESISVIDEO_SERVER_TIMESTAMP", seconds(serverTime(n)),
		"AWS_KINESISVIDEO_PRODUCER_TIMESTAMP", seconds(producerTime(n)),
	)...)
	at := mkv.AppendUint(nil, mkv.IDTimecode, timecode(n))
	b = mkv.AppendID(b, mkv.IDCluster)
	if open {
		b = mkv.AppendUnknownSize(b, 1)
	} else {
		b = mkv.AppendSize(b, int64(len(at)+len(media)), 8)
	}
	return append(b, at...)
}

func documentTail(n int) []byte {
	return slices.Concat(
		tags("after", strconv.Itoa(n)),
		tags("AWS_KINESISVIDEO_MILLIS_BEHIND_NOW", "123", "AWS_KINESISVIDEO_CONTINUATION_TOKEN", number(n).String()),
	)
}

// documentSizes returns the length of a document's head and of each frame.
func documentSizes(n int, open bool) (head, frame int) {
	return len(documentHead(n, open, frames(n, 3), "test")), len(frames(n, 1))
}

func errorDocument(n, id int, code string) []byte {
	return append(header("test"), tags(
		"AWS_KINESISVIDEO_FRAGMENT_NUMBER", number(n).String(),
		"AWS_KINESISVIDEO_ERROR_ID", strconv.Itoa(id),
		"AWS_KINESISVIDEO_ERROR_CODE", code,
	)...)
}

func badNumber() []byte {
	return append(header("test"), tags("AWS_KINESISVIDEO_FRAGMENT_NUMBER", "not digits")...)
}

func void(size int) []byte { return mkv.AppendBytes(nil, mkv.IDVoid, bytes.Repeat([]byte{0}, size)) }
