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
		"media/h264-cam.mkv", "media/h264-bframes.mkv", "media/h264-aac.mkv", "media/h264-alaw.mkv", "media/h264-mulaw.mkv",
		"media/h264-resolution-change.mkv", "media/h264-vfr-hole.mkv", "media/hevc-aac.mkv", "media/av1-opus.mkv", "media/aac-only.mkv",
		"putmedia/embedded-c-h264-aac.body.mkv", "putmedia/kvssink-av-aac.body.mkv",
		"putmedia/kvssink-file-offline-bframes-aac.body.mkv", "putmedia/kvssink-h264.body.mkv",
		"putmedia/producer-c-audio-aac-relative.body.mkv", "putmedia/producer-c-av-aac-relative.body.mkv",
		"putmedia/producer-c-av-alaw-h265-relative.body.mkv", "putmedia/producer-c-offline-h265.body.mkv",
		"putmedia/producer-c-realtime-h264-meta9.body.mkv", "putmedia/producer-c-realtime-h265.body.mkv",
		"putmedia/producer-cpp-file-events.body.mkv",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, f := range vector(t, name) {
				checkFragment(t, f)
			}
		})
	}
}

func checkFragment(t *testing.T, f *millrace.Fragment) {
	t.Helper()
	format := formatOf(t, f)
	for i := range format.Tracks {
		readBack(t, &format.Tracks[i], f)
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
