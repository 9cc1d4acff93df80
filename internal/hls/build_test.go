package hls_test

import (
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/hls"
	"github.com/millrace/millrace/internal/timeline"
	"github.com/millrace/millrace/media"
)

// epoch is when the fragments of most tests begin.
var epoch = time.Date(2026, 1, 28, 7, 0, 35, 931e6, time.UTC)

// picture returns a video track whose codec private data end in mark.
func picture(mark byte) *timeline.Track {
	t := timeline.NewTrack(media.Track{Number: 1, Type: media.Video, CodecID: "V_MPEG4/ISO/AVC", Private: []byte{1, mark}})
	return &t
}

// sound returns an AAC track of 48 kHz.
func sound() *timeline.Track { return aac(0x11, 0x90) }

func aac(private ...byte) *timeline.Track {
	t := timeline.NewTrack(media.Track{Number: 2, Type: media.Audio, Codec: media.AAC, CodecID: "A_AAC", Private: private})
	return &t
}

func number(i int) millrace.FragmentNumber {
	return millrace.NewFragmentNumber(uint64(i), epoch.Add(time.Duration(i)*2*time.Second), uint32(i))
}

// timed is a track's part of a fragment that lasts d and begins with it.
func timed(t *timeline.Track, d time.Duration) hls.Timed {
	ticks := t.Ticks(d)
	return hls.Timed{Track: t, Span: timeline.Span{Duration: ticks, Last: ticks - t.Ticks(40*time.Millisecond), Samples: 50, Bytes: 250_000}}
}

// fragment is a fragment of video.
func fragment(i int, start time.Time, d time.Duration, t *timeline.Track) hls.Facts {
	return hls.Facts{Number: number(i), Start: start, Whole: start.Add(d), Tracks: [hls.MaxTracks]hls.Timed{timed(t, d)}}
}
