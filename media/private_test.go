package media_test

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/media"
)

// private is one line of testdata/private.txt.
type private struct {
	codecID string
	data    []byte
}

func privates(t testing.TB) map[string]private {
	t.Helper()
	file, err := os.Open("testdata/private.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	all := map[string]private{}
	for lines := bufio.NewScanner(file); lines.Scan(); {
		fields := strings.Split(lines.Text(), "\t")
		if len(fields) != 3 {
			continue // a comment
		}
		all[fields[0]] = private{codecID: fields[1], data: unhex(t, fields[2])}
	}
	return all
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The expected values are those that ffprobe reports for the same files.
func TestParametersMatchFFprobe(t *testing.T) {
	t.Parallel()
	ntsc := media.Rate{Num: 30000, Den: 1001}
	pal := media.Rate{Num: 25, Den: 1}
	tests := map[string]media.Parameters{
		"avc-baseline-1080":   {Width: 1920, Height: 1080, FrameRate: media.Rate{Num: 30, Den: 1}, LengthSize: 4, CodecString: "avc1.42c028"},
		"avc-main-crop":       {Width: 1366, Height: 768, FrameRate: pal, LengthSize: 4, CodecString: "avc1.4d4020"},
		"avc-interlaced-sar":  {Width: 720, Height: 576, FrameRate: pal, LengthSize: 4, CodecString: "avc1.64001e"},
		"avc-hrd-cqm":         {Width: 640, Height: 360, FrameRate: pal, LengthSize: 4, CodecString: "avc1.64001e"},
		"avc-422-10":          {Width: 640, Height: 360, FrameRate: ntsc, LengthSize: 4, CodecString: "avc1.7a001e"},
		"avc-444-lossless":    {Width: 640, Height: 360, FrameRate: pal, LengthSize: 4, CodecString: "avc1.f4001e"},
		"avc-gray":            {Width: 640, Height: 360, FrameRate: pal, LengthSize: 4, CodecString: "avc1.64001e"},
		"avc-1080i":           {Width: 1920, Height: 1080, FrameRate: pal, LengthSize: 4, CodecString: "avc1.4d4028"},
		"avc-444-cqm":         {Width: 640, Height: 360, FrameRate: pal, LengthSize: 4, CodecString: "avc1.f4001e"},
		"hevc-crop-hrd":       {Width: 1366, Height: 768, FrameRate: pal, LengthSize: 4, CodecString: "hvc1.1.6.L120.90"},
		"hevc-main10-scaling": {Width: 640, Height: 360, FrameRate: ntsc, LengthSize: 4, CodecString: "hvc1.2.4.L63.90"},
		"hevc-422-temporal":   {Width: 640, Height: 360, FrameRate: pal, LengthSize: 4, CodecString: "hvc1.4.10.L123.9D.08"},
		"av1-10":              {Width: 320, Height: 240, CodecString: "av01.0.00M.10"},
		"av1-444":             {Width: 322, Height: 242, CodecString: "av01.1.00M.08"},
		"aac-51":              {SampleRate: 48000, Channels: 6, CodecString: "mp4a.40.2"},
		"aac-pce":             {SampleRate: 44100, Channels: 4, CodecString: "mp4a.40.2"},
		"opus-51":             {SampleRate: 48000, Channels: 6, CodecString: "opus"},
	}
	all := privates(t)
	for name, want := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, ok := all[name]
			if !ok {
				t.Fatal("not in testdata/private.txt")
			}
			track, err := media.NewTrack(1, p.codecID, p.data)
			if err != nil {
				t.Fatal(err)
			}
			got, err := track.Parameters()
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("parameters (-want +got):\n%s", diff)
			}
			if track.Width != want.Width || track.Height != want.Height || track.Channels != want.Channels {
				t.Errorf("track is %dx%d with %d channels", track.Width, track.Height, track.Channels)
			}
		})
	}
}

// Every record is cut at every length: each cut has to end in one of the
// package's errors or in values, never in a panic.
func TestTruncatedPrivateDataIsATypedError(t *testing.T) {
	t.Parallel()
	for name, p := range privates(t) {
		for n := range p.data {
			_, err := media.NewTrack(1, p.codecID, p.data[:n:n])
			if err != nil {
				requireSyntaxError(t, name, err)
			}
		}
		if _, err := media.NewTrack(1, p.codecID, nil); err == nil {
			t.Errorf("%s: no error without private data", name)
		}
	}
}

// A flipped bit may change values but not the kind of error.
func TestDamagedPrivateDataIsATypedError(t *testing.T) {
	t.Parallel()
	for name, p := range privates(t) {
		for i := range 8 * len(p.data) {
			damaged := bytes.Clone(p.data)
			damaged[i/8] ^= 1 << (i % 8)
			if _, err := media.NewTrack(1, p.codecID, damaged); err != nil {
				requireSyntaxError(t, name, err)
			}
		}
	}
}
