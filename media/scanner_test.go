package media_test

import (
	"bytes"
	"testing"

	"github.com/millrace/millrace/media"
)

func TestInspect(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		codec   media.Codec
		size    int
		payload string
		want    media.PayloadInfo
	}{
		{"an IDR picture", media.AVC, 4, "00000002 6588", media.PayloadInfo{Clean: true, Key: true}},
		{"an IDR picture behind parameter sets", media.AVC, 4, "00000002 6742 00000002 68ce 00000002 6588", media.PayloadInfo{Clean: true, Key: true, ParameterSets: true}},
		{"another picture", media.AVC, 4, "00000002 419a", media.PayloadInfo{Clean: true}},
		{"a picture with a damaged end", media.AVC, 4, "00000002 6588 00", media.PayloadInfo{Key: true}},
		{"short lengths", media.AVC, 2, "0002 6588", media.PayloadInfo{Clean: true, Key: true}},
		{"Annex B although lengths are announced", media.AVC, 4, "00000001 6588 00000001 6588", media.PayloadInfo{Key: true}},
		{"Annex B with unknown framing", media.AVC, 0, "00000001 6742 000001 6588", media.PayloadInfo{Key: true, ParameterSets: true}},
		{"lengths with unknown framing", media.AVC, 0, "00000002 6742 00000002 6588", media.PayloadInfo{Clean: true, Key: true, ParameterSets: true}},
		{"an impossible length size", media.AVC, 9, "00000002 6588", media.PayloadInfo{}},
		{"an empty frame", media.AVC, 4, "", media.PayloadInfo{}},
		{"an H.265 IDR picture", media.HEVC, 4, "00000003 260100", media.PayloadInfo{Clean: true, Key: true}},
		{"an H.265 clean random access picture", media.HEVC, 4, "00000003 2a0100", media.PayloadInfo{Clean: true, Key: true}},
		{"an H.265 trailing picture", media.HEVC, 4, "00000003 020100", media.PayloadInfo{Clean: true}},
		{"an H.265 video parameter set", media.HEVC, 4, "00000003 400100", media.PayloadInfo{Clean: true, ParameterSets: true}},
		{"H.265 Annex B with unknown framing", media.HEVC, 0, "00000001 4001 00000001 2601", media.PayloadInfo{Key: true, ParameterSets: true}},
		{"an AV1 key frame behind its sequence header", media.AV1, 0, "1200 0a0100 320110", media.PayloadInfo{Key: true, ParameterSets: true}},
		{"an AV1 frame that shows another one", media.AV1, 0, "1200 1a0190", media.PayloadInfo{}},
		{"an AV1 key frame that is not shown", media.AV1, 0, "1200 320100", media.PayloadInfo{}},
		{"an AV1 inter frame", media.AV1, 0, "1200 320130", media.PayloadInfo{}},
		{"an AV1 unit that reaches past the end", media.AV1, 0, "1205", media.PayloadInfo{}},
		{"a VP8 key frame", media.VP8, 0, "10", media.PayloadInfo{Key: true}},
		{"a VP8 inter frame", media.VP8, 0, "11", media.PayloadInfo{}},
		{"a VP9 key frame", media.VP9, 0, "82", media.PayloadInfo{Key: true}},
		{"a VP9 inter frame", media.VP9, 0, "86", media.PayloadInfo{}},
		{"a VP9 frame that shows another one", media.VP9, 0, "88", media.PayloadInfo{}},
		{"an empty VP9 frame", media.VP9, 0, "", media.PayloadInfo{}},
		{"sound", media.AAC, 0, "2110", media.PayloadInfo{Key: true}},
		{"data", media.Data, 0, "", media.PayloadInfo{Key: true}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := media.Inspect(test.codec, unhex(t, test.payload), test.size); got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}

func TestScannerDoesNotMindHowAFrameIsCut(t *testing.T) {
	t.Parallel()
	frame := unhex(t, "00000002 6742 00000004 68ce0001 00000002 6588")
	want := media.Inspect(media.AVC, frame, 4)
	for first := range frame {
		for second := first; second <= len(frame); second++ {
			var s media.Scanner
			s.Reset(media.AVC, 4)
			s.Feed(frame[:first])
			s.Feed(frame[first:second])
			s.Feed(frame[second:])
			if got := s.Result(); got != want {
				t.Fatalf("cut at %d and %d: got %+v, want %+v", first, second, got, want)
			}
		}
	}
}

func TestScannerSeesAnUnfinishedFrame(t *testing.T) {
	t.Parallel()
	frame := unhex(t, "00000003 658801 00000002 4188")
	var s media.Scanner
	s.Reset(media.AVC, 4)
	for i, b := range frame {
		boundary := i == 0 || i == 7
		if got := s.Result().Clean; got != (boundary && i > 0) {
			t.Errorf("after %d bytes: clean is %v", i, got)
		}
		s.Feed([]byte{b})
	}
	if !s.Result().Clean {
		t.Error("the whole frame is not clean")
	}
}

func TestScannerWithoutResetKnowsNothing(t *testing.T) {
	t.Parallel()
	for _, codec := range []media.Codec{media.Unknown, media.AAC, media.AV1} {
		var s media.Scanner
		s.Reset(codec, 4)
		s.Feed([]byte{0, 0, 0, 1, 0x65})
		if got := s.Result(); got != (media.PayloadInfo{}) {
			t.Errorf("%v: got %+v", codec, got)
		}
	}
	var zero media.Scanner
	zero.Feed([]byte{0, 0, 0, 1, 0x65})
	if got := zero.Result(); got.Clean || got.Key {
		t.Errorf("zero scanner: got %+v", got)
	}
}

func TestLookingAtAFrameDoesNotAllocate(t *testing.T) {
	frame := bytes.Repeat(unhex(t, "00000002 6588"), 20)
	annexB := bytes.Repeat(unhex(t, "00000001 6588"), 20)
	var s media.Scanner
	tests := map[string]func(){
		"CleanLengthPrefixed": func() { _ = media.CleanLengthPrefixed(frame, 4) },
		"Inspect":             func() { _ = media.Inspect(media.HEVC, frame, 4) },
		"Inspect Annex B":     func() { _ = media.Inspect(media.AVC, annexB, 0) },
		"Scanner":             func() { s.Reset(media.AVC, 4); s.Feed(frame); _ = s.Result() },
		"IsAnnexB":            func() { _ = media.IsAnnexB(annexB) },
	}
	for name, look := range tests {
		if n := testing.AllocsPerRun(100, look); n != 0 {
			t.Errorf("%s allocates %v times", name, n)
		}
	}
}

func BenchmarkScanner(b *testing.B) {
	unit := append([]byte{0, 0, 0x3f, 0xfc, 0x41}, make([]byte, 16<<10-5)...)
	b.ReportAllocs()
	b.SetBytes(int64(len(unit)))
	var s media.Scanner
	for b.Loop() {
		s.Reset(media.AVC, 4)
		s.Feed(unit)
		if !s.Result().Clean {
			b.Fatal("not clean")
		}
	}
}

func BenchmarkCleanLengthPrefixed(b *testing.B) {
	unit := append([]byte{0, 0, 0x3f, 0xfc, 0x41}, make([]byte, 16<<10-5)...)
	b.ReportAllocs()
	b.SetBytes(int64(len(unit)))
	for b.Loop() {
		if !media.CleanLengthPrefixed(unit, 4) {
			b.Fatal("not clean")
		}
	}
}
