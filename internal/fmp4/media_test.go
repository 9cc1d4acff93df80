package fmp4_test

import (
	"bytes"
	"testing"

	"github.com/Eyevinn/mp4ff/mp4"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/fmp4"
	"github.com/millrace/millrace/internal/timeline"
)

// written is a segment as a reader gets it.
func written(s *fmp4.Segment, sequence uint32, start uint64) []byte {
	return append(s.Head(sequence, start), bytes.Join(s.Payload(), nil)...)
}

func TestMediaOfOthersIsReadBack(t *testing.T) {
	for _, name := range []string{
		"h264-cam", "h264-bframes", "h264-aac", "h264-alaw", "h264-mulaw", "h264-resolution-change", "h264-vfr-hole",
		"hevc-aac", "av1-opus", "aac-only",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, f := range vector(t, "media/"+name+".mkv") {
				format := formatOf(t, f)
				for i := range format.Tracks {
					readBack(t, &format.Tracks[i], f)
				}
			}
		})
	}
}

func readBack(t *testing.T, track *timeline.Track, f *millrace.Fragment) {
	t.Helper()
	r := track.Run(f, timeline.Hint{})
	if len(r.Samples) == 0 {
		return
	}
	init, err := fmp4.AppendInit(nil, track)
	if err != nil {
		t.Fatal(err)
	}
	s, err := fmp4.NewSegment(track, &r, f.Cluster[0])
	if err != nil {
		t.Fatal(err)
	}
	if s.Private != nil || s.Suspect {
		t.Errorf("%v: private %x, suspect %v", track.Media.Codec, s.Private, s.Suspect)
	}
	media := written(s, 7, 1<<33)
	if int64(len(media)) != s.Size() {
		t.Errorf("%d bytes, said to be %d", len(media), s.Size())
	}
	file, err := mp4.DecodeFile(bytes.NewReader(append(init, media...)))
	if err != nil {
		t.Fatal(err)
	}
	checkRun(t, &r, file)
}

func checkRun(t *testing.T, r *timeline.Run, file *mp4.File) {
	t.Helper()
	part := file.Segments[0].Fragments[0]
	samples, err := part.GetFullSamples(file.Init.Moov.Mvex.Trex)
	if err != nil {
		t.Fatal(err)
	}
	if len(samples) != len(r.Samples) {
		t.Fatalf("%d samples, want %d", len(samples), len(r.Samples))
	}
	at := uint64(1 << 33)
	for i, s := range samples {
		want := r.Samples[i]
		if s.DecodeTime != at || s.Dur != want.Duration || s.CompositionTimeOffset != want.Composition || s.Size > want.Size {
			t.Fatalf("sample %d: %+v at %d, want %+v", i, s.Sample, s.DecodeTime, want)
		}
		at += uint64(s.Dur)
	}
	if part.Moof.Mfhd.SequenceNumber != 7 {
		t.Errorf("sequence number %d", part.Moof.Mfhd.SequenceNumber)
	}
}
