package timeline_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/timeline"
	"github.com/millrace/millrace/media"
)

const milli = 1_000_000

func video(every time.Duration) timeline.Track {
	return timeline.NewTrack(media.Track{Number: 1, Type: media.Video, Codec: media.MJPEG, DefaultDuration: every})
}

// aac is AAC-LC of 48 kHz, stereo.
func aac(t interface{ Fatal(...any) }) timeline.Track {
	m, err := media.NewTrack(1, "A_AAC", []byte{0x11, 0x90})
	if err != nil {
		t.Fatal(err)
	}
	return timeline.NewTrack(m)
}

func fragmentOf(times ...int32) *millrace.Fragment {
	f := &millrace.Fragment{TimecodeScale: milli}
	for i, at := range times {
		f.Samples = append(f.Samples, millrace.Sample{Track: 1, Offset: uint32(100 * i), Size: 80, Time: at})
	}
	return f
}

func durations(r timeline.Run) (list []uint32) {
	for _, s := range r.Samples {
		list = append(list, s.Duration)
	}
	return list
}

func equal[T comparable](t *testing.T, what string, got, want []T) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %v, want %v", what, got, want)
	}
	for i := range got {
		if got[i] != want[i] {
			t.Fatalf("%s: %v, want %v", what, got, want)
		}
	}
}

func TestFramesOutOfOrderAreDecodedInTheOrderOfTheirTimes(t *testing.T) {
	track := video(0)
	r := track.Run(fragmentOf(0, 120, 40, 80, 160), timeline.Hint{})
	equal(t, "durations", durations(r), []uint32{3600, 3600, 3600, 3600, 3600})
	var offsets []int32
	for _, s := range r.Samples {
		offsets = append(offsets, s.Composition)
	}
	equal(t, "composition offsets", offsets, []int32{0, 7200, -3600, -3600, 0})
}

func TestPicturesThatLeadTheKeyFrameBeginTheRun(t *testing.T) {
	track := video(0)
	r := track.Run(fragmentOf(80, 0, 40, 120), timeline.Hint{})
	if r.Start != 0 || r.Samples[0].Composition != 7200 {
		t.Fatalf("starts at %d, the key frame is shown %d later", r.Start, r.Samples[0].Composition)
	}
}

func TestEqualTimesAreMovedApartByATick(t *testing.T) {
	track := video(0)
	r := track.Run(fragmentOf(0, 40, 40, 80), timeline.Hint{})
	equal(t, "durations", durations(r), []uint32{3600, 1, 3599, 3599})
}

func TestTheLastFrameOfAFragment(t *testing.T) {
	const ms = 90
	for _, row := range []struct {
		name  string
		usual time.Duration // DefaultDuration
		times []int32
		hint  timeline.Hint
		want  uint32
	}{
		{"lasts until the next fragment if that is near", 0, []int32{0, 40, 80}, timeline.Hint{Next: 150 * ms, HasNext: true}, 70 * ms},
		{"and if that overlaps a little", 0, []int32{0, 40, 80}, timeline.Hint{Next: 100 * ms, HasNext: true}, 20 * ms},
		{"lasts no longer for one behind a gap", 0, []int32{0, 40, 80}, timeline.Hint{Next: 171 * ms, HasNext: true}, 40 * ms},
		{"nor for one that overlaps much", 0, []int32{0, 100, 200}, timeline.Hint{Next: 240 * ms, HasNext: true}, 100 * ms},
		{"lasts for what the track says if that is near the median", 33 * time.Millisecond, []int32{0, 30, 60, 90}, timeline.Hint{}, 33 * ms},
		{"lasts for the median if it is not", 100 * time.Millisecond, []int32{0, 30, 60, 95}, timeline.Hint{}, 30 * ms},
		{"lasts for the median without", 0, []int32{0, 30, 60, 1060}, timeline.Hint{}, 30 * ms},
		{"and only frame lasts as those of the fragment before", 0, []int32{0}, timeline.Hint{Usual: 500 * ms}, 500 * ms},
		{"and only frame lasts for what the track says", 50 * time.Millisecond, []int32{0}, timeline.Hint{}, 50 * ms},
		{"and only frame lasts for 40 ms if nothing is known", 0, []int32{0}, timeline.Hint{}, 40 * ms},
	} {
		t.Run(row.name, func(t *testing.T) {
			track := video(row.usual)
			r := track.Run(fragmentOf(row.times...), row.hint)
			if last := r.Samples[len(r.Samples)-1].Duration; last != row.want {
				t.Errorf("%d ticks, want %d", last, row.want)
			}
		})
	}
}

func TestSoundIsLaidFrameBehindFrame(t *testing.T) {
	track := aac(t)
	if track.Timescale != 48000 {
		t.Fatalf("timescale %d", track.Timescale)
	}
	r := track.Run(fragmentOf(5, 26, 48, 69), timeline.Hint{})
	if r.Start != 240 {
		t.Errorf("starts at %d, want 240", r.Start)
	}
	equal(t, "durations", durations(r), []uint32{1024, 1024, 1024, 1024})

	r = track.Run(fragmentOf(0, 21, 43), timeline.Hint{Next: 3*1024 + 48, HasNext: true})
	equal(t, "durations before a near fragment", durations(r), []uint32{1024, 1024, 1072})
	r = track.Run(fragmentOf(0, 21, 43), timeline.Hint{Next: 4 * 1024, HasNext: true})
	equal(t, "durations before a gap of a frame", durations(r), []uint32{1024, 1024, 1024})
	r = track.Run(fragmentOf(0, 21, 150, 171), timeline.Hint{})
	equal(t, "durations about a hole", durations(r), []uint32{1024, 6176, 1024, 1024})
}

func TestASpanIsTheRunInShort(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		track := video(time.Duration(rapid.IntRange(0, 100).Draw(t, "usual")) * time.Millisecond)
		if rapid.Bool().Draw(t, "sound") {
			track = aac(t)
		}
		f := fragmentOf(rapid.SliceOfN(rapid.Int32Range(-2000, 20000), 0, 300).Draw(t, "times")...)
		hint := timeline.Hint{
			Next: rapid.Int64Range(-1000, 2_000_000).Draw(t, "next"), HasNext: rapid.Bool().Draw(t, "has next"),
			Usual: rapid.Int64Range(0, 10000).Draw(t, "usual before"),
		}
		r, s := track.Run(f, hint), track.Span(f, hint)
		if r.Start != s.Start || r.Duration() != s.Duration || r.Usual != s.Usual || len(r.Samples) != s.Samples {
			t.Fatalf("run from %d for %d, %d samples; span %+v", r.Start, r.Duration(), len(r.Samples), s)
		}
		if hint.HasNext {
			own := track.Span(f, timeline.Hint{Usual: hint.Usual})
			if want := track.Join(own, hint.Next); s.Samples > 0 && s.Duration != want {
				t.Fatalf("lasts for %d, joined %d, by itself %d", s.Duration, want, own.Duration)
			}
		}
		at := r.Start
		for i, sample := range r.Samples {
			if sample.Duration == 0 {
				t.Fatalf("sample %d has no duration", i)
			}
			at += int64(sample.Duration)
		}
	})
}
