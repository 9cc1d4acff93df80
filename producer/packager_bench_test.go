package producer

import (
	"testing"
	"time"

	"github.com/millrace/millrace/media"
)

// drained lets every fragment go that has ended, as acknowledgements do.
func drained(s *Stream) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for f := s.queue.first; f != nil && !f.open(); f = s.queue.first {
		s.settle(f, persisted, 0)
	}
}

// BenchmarkWrite writes a camera's frames of 16 KiB, 30 to a group of pictures,
// to a stream whose fragments are let go as they end. The floor is what copying
// alone takes.
func BenchmarkWrite(b *testing.B) {
	for name, tracks := range map[string][]media.Track{
		"video": {{Number: 1, Type: media.Video, CodecID: "V_TEST"}},
		"video and sound": {
			{Number: 1, Type: media.Video, CodecID: "V_TEST"},
			{Number: 2, Type: media.Audio, CodecID: "A_TEST"},
		},
	} {
		b.Run(name, func(b *testing.B) {
			s := unconnected(b, StreamConfig{Tracks: tracks})
			defer s.Abort()
			film := filmed(b, s, len(tracks))
			for range 300 {
				film()
			}
			b.SetBytes(16 << 10)
			b.ReportAllocs()
			for b.Loop() {
				film()
			}
		})
	}
	b.Run("floor", func(b *testing.B) {
		from, to := make([]byte, 16<<10), make([]byte, 8<<20)
		b.SetBytes(16 << 10)
		at := 0
		for b.Loop() {
			at += copy(to[at:], from)
			if at == len(to) {
				at = 0
			}
		}
	})
}

// filmed returns a function that writes one frame of each track.
func filmed(tb testing.TB, s *Stream, tracks int) func() {
	data := make([]byte, 16<<10)
	n := 0
	ctx := tb.Context()
	return func() {
		at := epoch + time.Duration(n)*33*time.Millisecond
		for i := range tracks {
			f := media.Frame{Track: media.TrackNumber(i + 1), PTS: at, Key: n%30 == 0, Data: data}
			if i > 0 {
				f.Data = data[:256]
			}
			if err := s.Write(ctx, f); err != nil {
				tb.Fatal(err)
			}
		}
		if n++; n%30 == 1 {
			drained(s)
		}
	}
}

func TestWriteDoesNotAllocate(t *testing.T) {
	for _, tracks := range []int{1, 2} {
		list := []media.Track{{Number: 1, Type: media.Video, CodecID: "V_TEST"}, {Number: 2, Type: media.Audio, CodecID: "A_TEST"}}
		s := unconnected(t, StreamConfig{Tracks: list[:tracks]})
		film := filmed(t, s, tracks)
		for range 300 {
			film()
		}
		// What a fragment takes is spread over its 30 frames.
		if n := testing.AllocsPerRun(3000, film); n != 0 {
			t.Errorf("%v allocations for a frame of each of %d tracks", n, tracks)
		}
		s.Abort()
	}
}
