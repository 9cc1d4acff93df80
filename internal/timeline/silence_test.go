package timeline_test

import (
	"encoding/hex"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/timeline"
	"github.com/millrace/millrace/media"
)

// soundOf is a track of AAC with an AudioSpecificConfig, in hex.
func soundOf(t testing.TB, config string) timeline.Track {
	t.Helper()
	private, err := hex.DecodeString(config)
	if err != nil {
		t.Fatal(err)
	}
	m, err := media.NewTrack(2, "A_AAC", private)
	if err != nil {
		t.Fatal(err)
	}
	return timeline.NewTrack(m)
}

func TestSilenceLastsAsLongAsThePictures(t *testing.T) {
	track := soundOf(t, "1190") // 48 kHz, two channels
	s := track.Silence(20*time.Millisecond, 2*time.Second)
	if s.Start != 960 || s.Samples != 94 || s.Duration != 94*1024 || s.Last != s.Start+93*1024 || s.Bytes != 0 {
		t.Errorf("%+v", s)
	}
	for name, h := range map[string]timeline.Hint{
		"by itself":           {},
		"until the next":      {Next: s.Start + s.Duration - 300, HasNext: true},
		"the next is far off": {Next: s.Start + s.Duration + 5000, HasNext: true},
	} {
		r := track.SilentRun(s, h)
		want := s.Duration
		if h.HasNext {
			want = track.Join(s, h.Next)
		}
		if r.Start != s.Start || len(r.Samples) != s.Samples || r.Duration() != want {
			t.Errorf("%s: %d samples from %d last %d, want %d", name, len(r.Samples), r.Start, r.Duration(), want)
		}
		for i, x := range r.Samples {
			if int(x.Size) != len(track.SilentFrame()) || x.Offset != 0 || i+1 < len(r.Samples) && x.Duration != 1024 {
				t.Fatalf("%s: sample %d is %+v", name, i, x)
			}
		}
	}
	if s := track.Silence(0, time.Millisecond); s.Samples != 1 {
		t.Errorf("beside one short picture: %+v", s)
	}
	if r := track.SilentRun(timeline.Span{}, timeline.Hint{}); len(r.Samples) != 0 {
		t.Errorf("no silence is %+v", r)
	}
}

// A frame of silence is an element of sound without a spectrum; of other channels
// than one or two, and of other codecs, none is known.
func TestAFrameOfSilence(t *testing.T) {
	for config, want := range map[string]string{"1188": "00000007", "1190": "21000000001c", "11b0": "", "0990": ""} {
		track := soundOf(t, config)
		if got := hex.EncodeToString(track.SilentFrame()); got != want {
			t.Errorf("of AAC %s: %q, want %q", config, got, want)
		}
		if s := track.Silence(0, time.Second); (s.Samples > 0) != (want != "") {
			t.Errorf("of AAC %s: %+v", config, s)
		}
	}
	if opus := timeline.NewTrack(media.Track{Codec: media.Opus, Type: media.Audio}); opus.SilentFrame() != nil {
		t.Error("there is one of Opus")
	}
}
