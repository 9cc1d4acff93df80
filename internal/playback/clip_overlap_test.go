package playback_test

import (
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/playback"
)

// Where the sound of a fragment would begin before the last frame of the sound of
// the one before, that frame is cut down to nothing, but never below, and the
// pictures stay where they are.
func TestSoundOfAClipNeverGoesBack(t *testing.T) {
	f := newFilm(t)
	const pictures, frames = 10, 28 // 400 ms, and nearly 600 ms
	for i := range 2 {
		var blocks []block
		for p := range pictures {
			blocks = append(blocks, block{track: 1, time: int32(p * 40), key: p == 0, payload: frame(20, byte(p)), flags: millrace.SampleCleanNAL})
		}
		for k := range frames {
			blocks = append(blocks, block{track: 2, time: int32(k * 1024 / 48), key: true, payload: []byte{byte(k)}})
		}
		f.shoot(avHeader(t), time.Duration(i)*400*time.Millisecond, blocks...)
	}
	tracks := readMP4(t, whole(t, f, mustClip(t, f, playback.FilesConfig{}, 0, time.Hour)))
	sound := tracks["soun"].samples
	if len(sound) != 2*frames {
		t.Fatalf("%d frames of sound", len(sound))
	}
	for i, s := range sound {
		want := 1024
		if i == frames-1 {
			want = 1
		}
		if int(s.duration) != want {
			t.Errorf("frame %d of sound lasts for %d ticks, want %d", i, s.duration, want)
		}
	}
	if at := tracks["vide"].samples[pictures].decode; at != 400*90 {
		t.Errorf("the second fragment's pictures begin at %d ms", at/90)
	}
}
