package ts_test

import (
	"testing"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/timeline"
	"github.com/millrace/millrace/internal/ts"
)

// twoSeconds is 2 s of 25 frames a second, 4 Mbit/s, with sound.
func twoSeconds() *clip {
	c := newClip()
	for i := range 50 {
		payload := make([]byte, 20_000)
		for k := range payload {
			payload[k] = byte(k*7) | 1
		}
		payload[0] = 0x41
		if i == 0 {
			payload[0] = 0x65
		}
		c.add(1, int32(40*i), 0, frame(payload))
	}
	for i := range 94 {
		c.add(2, int32(i)*1024/48, millrace.SampleKey, make([]byte, 300))
	}
	return c
}

func BenchmarkNewSegment(b *testing.B) {
	c := twoSeconds()
	tracks := []*timeline.Track{h264(b, baseline), aac(b, stereo)}
	runs := c.runs(tracks...)
	b.SetBytes(int64(len(c.cluster)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ts.NewSegment(tracks, runs, c.cluster, 0); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRebase(b *testing.B) {
	segment := twoSeconds().segment(b, h264(b, baseline), aac(b, stereo))
	room := make([]byte, 0, len(segment))
	b.SetBytes(int64(len(segment)))
	b.ReportAllocs()
	for b.Loop() {
		room = ts.Rebase(room[:0], segment, 90)
	}
}

// BenchmarkCopy is what the other two are measured against.
func BenchmarkCopy(b *testing.B) {
	c := twoSeconds()
	b.SetBytes(int64(len(c.cluster)))
	b.ReportAllocs()
	for b.Loop() {
		room := make([]byte, 0, len(c.cluster))
		if room = append(room, c.cluster...); len(room) == 0 {
			b.Fatal()
		}
	}
}
