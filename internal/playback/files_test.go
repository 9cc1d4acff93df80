package playback_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/playback"
)

func TestAFileIsUsedAgainWhileItsRangeHasTheSameFragments(t *testing.T) {
	f := newFilm(t)
	f.seconds(avHeader(t), 0, 3)
	files := f.files(playback.FilesConfig{})
	first := open(t, f, files, 0, time.Hour, playback.FileRequest{})
	if again := open(t, f, files, 0, time.Hour, playback.FileRequest{}); again != first {
		t.Error("it was made again")
	}
	if other := open(t, f, files, 0, time.Hour, playback.FileRequest{Cut: playback.CutFragment}); other == first || other.Tag() == first.Tag() {
		t.Error("another cut is the same file")
	}
	f.seconds(avHeader(t), 3*time.Second, 1)
	if grown := open(t, f, files, 0, time.Hour, playback.FileRequest{}); grown == first || grown.Tag() == first.Tag() || grown.Fragments() != 4 {
		t.Error("a fragment that has come is not in it")
	}
	if was := whole(t, f, first); int64(len(was)) != first.Size() {
		t.Error("what was opened before cannot be read")
	}
}

// TestBlocksOfSeveralFrames: MP4 has the frames one by one, Matroska the blocks as
// they are.
func TestBlocksOfSeveralFrames(t *testing.T) {
	const xiph, fixed = 0x02, 0x04
	f := newFilm(t)
	lace := func(at int32, lacing byte, payload ...byte) block {
		return block{track: 1, time: at, key: true, payload: payload, flags: millrace.SampleLaced, lacing: 0}
	}
	x := lace(0, xiph, append([]byte{2, 3, 4}, []byte("aaabbbbcc")...)...)
	x.lacing = xiph
	y := lace(64, fixed, append([]byte{1}, []byte("ddddeeee")...)...)
	y.lacing = fixed
	f.shoot(headerOf(t, part{1, "A_AAC", "1190"}), 0, x, y)
	files := f.files(playback.FilesConfig{})

	sound := readMP4(t, whole(t, f, open(t, f, files, 0, time.Hour, playback.FileRequest{})))["soun"]
	want := []string{"aaa", "bbbb", "cc", "dddd", "eeee"}
	if len(sound.samples) != len(want) {
		t.Fatalf("%d frames", len(sound.samples))
	}
	for i, s := range sound.samples {
		if string(s.payload) != want[i] || s.duration != 1024 {
			t.Errorf("frame %d is %q for %d", i, s.payload, s.duration)
		}
	}
	blocks, info, _ := readMKV(t, whole(t, f, open(t, f, files, 0, time.Hour, playback.FileRequest{Format: playback.FileMKV, Cut: playback.CutFragment})))
	if len(blocks) != 2 || !bytes.Equal(blocks[0].payload, x.payload) || !bytes.Equal(blocks[1].payload, y.payload) {
		t.Errorf("%+v", blocks)
	}
	if info.Duration < 106 || info.Duration > 108 {
		t.Errorf("plays for %v ms, want 107", info.Duration)
	}
}

// TestAMatroskaFileOfLongFragments: blocks too far from their Cluster's beginning
// begin another one.
func TestAMatroskaFileOfLongFragments(t *testing.T) {
	f := newFilm(t)
	f.shoot(headerOf(t, part{1, "V_MJPEG", ""}), 0, block{track: 1, payload: []byte("a"), key: true},
		block{track: 1, time: 32_700, payload: []byte("b"), key: true})
	f.made[0].Samples[1].Time = 70_000
	g := newFilm(t)
	x := *f.made[0]
	x.Number = millrace.FragmentNumber{}
	g.keep(&x)
	blocks, info, cues := readMKV(t, whole(t, g, open(t, g, g.files(playback.FilesConfig{}), 0, time.Hour, playback.FileRequest{Format: playback.FileMKV, Cut: playback.CutFragment})))
	if len(blocks) != 2 || blocks[1].time != 70_000 || len(cues) != 1 || !info.DateUTC.Equal(epoch) {
		t.Errorf("%+v %+v %v", blocks, info, cues)
	}
}
