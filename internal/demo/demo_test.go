package demo_test

import (
	"encoding/binary"
	"math/bits"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/demo"
)

const maxClip = 3 << 20 // bytes

func TestClipHasItsShape(t *testing.T) {
	t.Parallel()
	clip := demo.Clip()
	if len(clip) > maxClip {
		t.Errorf("the clip has %d bytes, at most %d are allowed", len(clip), maxClip)
	}
	c := walk(t, clip)
	if c.clusters != 60 || c.frames != demo.Frames || c.keys != 60 {
		t.Errorf("%d clusters, %d frames, %d key frames", c.clusters, c.frames, c.keys)
	}
	if c.width != demo.Width || c.height != demo.Height {
		t.Errorf("%dx%d pixels", c.width, c.height)
	}
}

func TestClipIsACopy(t *testing.T) {
	t.Parallel()
	demo.Clip()[0] = 0
	if demo.Clip()[0] == 0 {
		t.Error("the clip can be written to")
	}
}

func TestOffsetIsTheSecondOfTheMinute(t *testing.T) {
	t.Parallel()
	zone := time.FixedZone("odd", 90) // an offset that is not of whole minutes
	tests := []struct {
		name string
		now  time.Time
		want time.Duration
	}{
		{"a whole minute", time.Date(2026, 11, 22, 18, 5, 0, 0, time.UTC), 0},
		{"the middle of a second", time.Date(2026, 11, 22, 18, 5, 37, 4e8, time.UTC), 37400 * time.Millisecond},
		{"the end of a minute", time.Date(2026, 11, 22, 18, 5, 59, 999999999, time.UTC), time.Minute - 1},
		{"a zone with odd seconds", time.Date(2026, 11, 22, 18, 5, 37, 0, time.UTC).In(zone), 37 * time.Second},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := demo.Offset(test.now); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

// counts is what the test needs to know of the file.
type counts struct {
	clusters, frames, keys int
	width, height          uint64
	cluster                uint64 // timecode of the current Cluster
}

// walk goes through the elements of the clip, all of which have sizes, and checks
// the time and the key flag of every frame.
func walk(t *testing.T, b []byte) counts {
	t.Helper()
	var c counts
	for len(b) > 0 {
		id, rest := number(b, false)
		size, rest := number(rest, true)
		b = rest
		switch id {
		case 0x18538067, 0x1654ae6b, 0xae, 0xe0: // Segment, Tracks, TrackEntry, Video
			continue
		case 0x1f43b675:
			c.clusters++
			continue
		}
		body := b[:size]
		b = b[size:]
		switch id {
		case 0xe7:
			c.cluster = value(body)
			if c.cluster != uint64(1000*(c.clusters-1)) {
				t.Errorf("cluster %d begins at %d ms", c.clusters, c.cluster)
			}
		case 0xb0:
			c.width = value(body)
		case 0xba:
			c.height = value(body)
		case 0xa3:
			c.block(t, body)
		}
	}
	return c
}

func (c *counts) block(t *testing.T, body []byte) {
	t.Helper()
	const millisecondsPerFrame = 1000 / demo.FrameRate
	at := c.cluster + uint64(binary.BigEndian.Uint16(body[1:]))
	if at != uint64(c.frames*millisecondsPerFrame) {
		t.Errorf("frame %d is at %d ms", c.frames, at)
	}
	if body[3]&0x80 != 0 {
		c.keys++
		if at%1000 != 0 {
			t.Errorf("frame %d is a key frame", c.frames)
		}
	}
	c.frames++
}

// number cuts a variable-length integer off b, with or without its marker.
func number(b []byte, unmark bool) (uint64, []byte) {
	n := bits.LeadingZeros8(b[0]) + 1
	v := value(b[:n])
	if unmark {
		v &^= 1 << (7 * n)
	}
	return v, b[n:]
}

func value(b []byte) uint64 {
	var v uint64
	for _, x := range b {
		v = v<<8 | uint64(x)
	}
	return v
}
