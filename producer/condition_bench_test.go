package producer

import (
	"bytes"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/millrace/millrace/media"
)

// A load is a track and frames of it that go round.
type load struct {
	track  media.Track
	frames [][]byte
}

const codedSize = 16 << 10 // bytes

// coded fills a unit up with what looks like coded data: bytes of every value,
// and neither start codes nor emulation prevention.
func coded(first []byte) []byte {
	b := bytes.Clone(first)
	for x := uint32(1); len(b) < codedSize; x = x*1664525 + 1013904223 {
		b = append(b, byte(x>>24)|byte(len(b)&1))
	}
	return b
}

// loads are what encoders hand over: key frames with parameter sets every 30
// frames, or sound of 300 bytes, or samples.
func loads(tb testing.TB) map[string]load {
	tb.Helper()
	all := map[string]load{}
	for name, d := range dialects(tb) {
		key, delta := coded(d.key), coded(d.delta)
		all[name+" with start codes"] = load{media.Track{Codec: d.codec}, round(annexB(with(d.sets, d.sei, key)...), annexB(d.aud, delta))}
		all[name+" with lengths"] = load{media.Track{Codec: d.codec, Private: d.private}, round(prefixed(with(d.sets, key)...), prefixed(delta))}
		all[name+" with filler"] = load{media.Track{Codec: d.codec, Private: d.private}, round(prefixed(key, d.filler), prefixed(delta, d.filler))}
	}
	k := av1Kit(tb)
	key, delta := unsized(6, coded([]byte{0x10})...), unsized(6, coded([]byte{0x30})...)
	all["AV1"] = load{media.Track{Codec: media.AV1}, round(slices.Concat(k.delimiter, k.sequence, key), slices.Concat(k.delimiter, delta))}
	vp9 := studios()["VP9"]
	all["VP9"] = load{media.Track{Codec: media.VP9}, round(coded(vp9.key(320, 240)), coded(vp9.delta))}
	all["JPEG"] = load{media.Track{Codec: media.MJPEG}, round(jpeg(320, 240), jpeg(320, 240))}
	sound := coded([]byte{0x21})[:300]
	all["AAC with headers"] = load{media.Track{Codec: media.AAC}, [][]byte{adts(2, rate48000, 2, false, sound)}}
	all["Opus"] = load{media.Track{Codec: media.Opus}, [][]byte{append([]byte{0xf8}, sound...)}}
	all["G.711"] = load{media.Track{Codec: media.ALaw}, [][]byte{sound}}
	all["data"] = load{media.Track{CodecID: "X_RADAR"}, [][]byte{sound}}
	return all
}

func round(key, delta []byte) [][]byte {
	return append([][]byte{key}, slices.Repeat([][]byte{delta}, 29)...)
}

// playing returns a function that writes the next frame of a load, through
// everything that Write does.
func playing(tb testing.TB, s *Stream, frames [][]byte) func() {
	n := 0
	ctx := tb.Context()
	return func() {
		f := media.Frame{Track: 1, PTS: epoch + time.Duration(n)*33*time.Millisecond, Data: frames[n%len(frames)]}
		if err := s.Write(ctx, f); err != nil {
			tb.Fatal(err)
		}
		if n++; n%30 == 1 {
			drained(s)
		}
	}
}

// What has to change on its way is changed in memory that is there.
func TestConditioningDoesNotAllocate(t *testing.T) {
	for name, l := range loads(t) {
		l.track.Number = 1
		s := unconnected(t, StreamConfig{Tracks: []media.Track{l.track}})
		play := playing(t, s, l.frames)
		for range 300 {
			play()
		}
		if n := testing.AllocsPerRun(1500, play); n != 0 {
			t.Errorf("%s: %v allocations for a frame", name, n)
		}
		s.Abort()
	}
}

// On its own, a conditioner allocates nothing at all.
func TestAConditionerDoesNotAllocate(t *testing.T) {
	for name, l := range loads(t) {
		c := newTestConditioner(t, l.track)
		n, dst := 0, []byte(nil)
		step := func() {
			out, err := c.condition(dst, media.Frame{Track: 1, Data: l.frames[n%len(l.frames)]})
			if err != nil {
				t.Fatal(err)
			}
			if out.Copied {
				dst = out.Payload
			}
			n++
		}
		step()
		step()
		allocated := testing.AllocsPerRun(1, func() {
			for range 60 {
				step()
			}
		})
		if allocated != 0 {
			t.Errorf("%s: %v allocations for 60 frames", name, allocated)
		}
	}
}

func BenchmarkCondition(b *testing.B) {
	all := loads(b)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		l := all[name]
		b.Run(name, func(b *testing.B) {
			c := newTestConditioner(b, l.track)
			var dst []byte
			n, size := 0, 0
			b.ReportAllocs()
			for b.Loop() {
				data := l.frames[n%len(l.frames)]
				out, err := c.condition(dst, media.Frame{Track: 1, Data: data})
				if err != nil {
					b.Fatal(err)
				}
				if out.Copied {
					dst = out.Payload
				}
				n++
				size += len(data)
			}
			b.SetBytes(int64(size / n))
		})
	}
}

// BenchmarkWriteConditioned is all of Write, of frames that have to change.
func BenchmarkWriteConditioned(b *testing.B) {
	all := loads(b)
	for _, name := range []string{"H.264 with start codes", "H.265 with start codes", "AV1", "AAC with headers", "data"} {
		l := all[name]
		l.track.Number = 1
		b.Run(name, func(b *testing.B) {
			s := unconnected(b, StreamConfig{Tracks: []media.Track{l.track}})
			defer s.Abort()
			play := playing(b, s, l.frames)
			for range 300 {
				play()
			}
			b.SetBytes(int64(len(l.frames[len(l.frames)-1])))
			b.ReportAllocs()
			for b.Loop() {
				play()
			}
		})
	}
}
