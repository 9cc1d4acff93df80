package playback_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/hls"
	"github.com/millrace/millrace/internal/playback"
)

// still makes a fragment of a second that has pictures alone.
func (f *film) still(header *millrace.Header, after time.Duration) {
	var blocks []block
	for p := range 25 {
		blocks = append(blocks, block{track: 1, time: int32(p * 40), key: p == 0, payload: frame(200, byte(p)), flags: millrace.SampleCleanNAL})
	}
	f.shoot(header, after, blocks...)
}

// Where a fragment has nothing of the sound, silence is played: browsers do not
// begin with a gap in it, and pass over the pictures beside one.
func TestSilenceIsPlayedWhereAFragmentHasNoSound(t *testing.T) {
	f := newFilm(t)
	header := avHeader(t)
	f.still(header, 0)
	f.seconds(header, time.Second, 1)
	f.still(header, 2*time.Second)
	f.still(header, 3*time.Second)
	s := f.show(t, playback.Order{Discontinuities: hls.NeverDiscontinuous}, nil)
	sound := s.playlist(1)
	if strings.Contains(sound, "GAP") || strings.Count(sound, "#EXTINF:") != 4 {
		t.Fatalf("the sound:\n%s", sound)
	}
	silent := []byte("\x21\x00\x00\x00\x00\x1c")
	for i, want := range []bool{true, false, true, true} {
		b := s.must(i, 1)
		_, media, _ := bytes.Cut(b, []byte("mdat"))
		if got := len(media) > 0 && len(bytes.ReplaceAll(media, silent, nil)) == 0; got != want {
			t.Errorf("fragment %d is silent: %t", i, got)
		}
	}
	// 47 frames of 1024 samples cover a second. Between two seconds of silence they
	// meet, as frames do.
	if !strings.Contains(sound, "#EXTINF:1,\n") || !strings.Contains(sound, "#EXTINF:1.003,\n") {
		t.Errorf("the sound lasts:\n%s", sound)
	}
}

// So it is where a camera comes back without its sound, unless playback is held to
// what the service does. What else has the number that the sound had is not heard.
func TestSilenceIsPlayedWhereTheSoundIsNoTrackAnyMore(t *testing.T) {
	f := newFilm(t)
	f.seconds(avHeader(t), 0, 1)
	mute := headerOf(t, part{1, avcID, privateOf(t, "avc-main-crop")}, part{2, "S_TEXT/UTF8", ""})
	f.shoot(mute, time.Second, block{track: 1, payload: frame(200, 1), key: true, flags: millrace.SampleCleanNAL},
		block{track: 2, payload: []byte("not heard"), key: true},
		block{track: 1, time: 40, payload: frame(200, 2), flags: millrace.SampleCleanNAL})
	f.seconds(avHeader(t), 2*time.Second, 1)
	s := f.show(t, playback.Order{Discontinuities: hls.NeverDiscontinuous}, nil)
	sound := s.playlist(1)
	if strings.Contains(sound, "GAP") || strings.Count(sound, "#EXT-X-MAP") != 1 || strings.Count(sound, "#EXTINF:") != 3 {
		t.Fatalf("the sound:\n%s", sound)
	}
	if b := s.must(1, 1); bytes.Contains(b, []byte("not heard")) || !bytes.HasSuffix(b, []byte("\x21\x00\x00\x00\x00\x1c")) {
		t.Errorf("in its place: %q", b)
	}
	strict := f.show(t, playback.Order{}, func(c *playback.HLSConfig) { c.Rules.Strict = true })
	if sound := strict.playlist(1); strings.Count(sound, "#EXT-X-GAP") != 1 {
		t.Errorf("strictly:\n%s", sound)
	}
}

// A transport stream has what the fragment has, and of codecs of which no frame of
// silence is known there is a gap.
func TestWhereNoSilenceCanBePlayed(t *testing.T) {
	f := newFilm(t)
	f.still(headerOf(t, part{1, avcID, privateOf(t, "avc-main-crop")}, part{2, "A_AAC", "11b0"}), 0)
	if sound := f.show(t, playback.Order{}, nil).playlist(1); strings.Count(sound, "#EXT-X-GAP") != 1 {
		t.Errorf("six channels:\n%s", sound)
	}
	g := newFilm(t)
	g.still(avHeader(t), 0)
	if b := g.show(t, playback.Order{Container: hls.MPEGTS}, nil).must(0, 0); bytes.Contains(b, []byte("\x21\x00\x00\x00\x00\x1c")) {
		t.Error("silence in a transport stream")
	}
}
