//go:build interop

package interop

import (
	"math"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// A decoded picture, and when it is shown, in milliseconds from the first.
type decoded struct {
	sum string
	at  float64
}

// picturesOf decodes what ffmpeg opens, a file or an address, and returns its
// pictures. ffmpeg must have nothing to say but what is expected.
func picturesOf(t *testing.T, source string, expected ...string) (list []decoded) {
	t.Helper()
	stdout := decode(t, source, expected, "-map", "0:v:0", "-autoscale", "0", "-vsync", "passthrough", "-f", "framemd5", "-")
	tick := 0.0 // milliseconds in one
	first := 0.0
	for line := range strings.Lines(stdout) {
		if base, ok := strings.CutPrefix(strings.TrimSpace(line), "#tb 0: "); ok {
			num, den, _ := strings.Cut(base, "/")
			n, _ := strconv.ParseFloat(num, 64)
			d, _ := strconv.ParseFloat(den, 64)
			tick = 1000 * n / d
		}
		fields := strings.Split(strings.TrimSpace(line), ",")
		if len(fields) != 6 || line[0] == '#' {
			continue
		}
		at, err := strconv.ParseFloat(strings.TrimSpace(fields[2]), 64)
		must(t, err)
		if len(list) == 0 {
			first = at
		}
		list = append(list, decoded{strings.TrimSpace(fields[5]), (at - first) * tick})
	}
	return list
}

// soundOf decodes what ffmpeg opens to samples of 16 bits.
func soundOf(t *testing.T, source string, expected ...string) []byte {
	t.Helper()
	return []byte(decode(t, source, expected, "-map", "0:a:0", "-f", "s16le", "-"))
}

func decode(t *testing.T, source string, expected []string, args ...string) string {
	t.Helper()
	name, _, _ := strings.Cut(filepath.Base(source), "?")
	stdout, stderr, err := shared.run(t, nil, need(t, "ffmpeg"), append([]string{"-hide_banner", "-loglevel", "warning", "-i", source}, args...)...)
	for line := range strings.Lines(stderr) {
		known := strings.Contains(line, "-vsync is deprecated") || strings.Contains(line, "Guessed Channel Layout")
		for _, e := range expected {
			known = known || strings.Contains(line, e)
		}
		if !known {
			t.Errorf("ffmpeg on %s: %s", name, strings.TrimSpace(line))
		}
	}
	if err != nil {
		t.Errorf("ffmpeg on %s: %v", name, err)
	}
	return stdout
}

// samePictures compares pictures with those of the source: what is seen, and
// when, to the millisecond that the source's times are rounded to.
func samePictures(t *testing.T, got, want []decoded) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%d pictures of %d", len(got), len(want))
	}
	for i := range min(len(got), len(want)) {
		if got[i].sum != want[i].sum {
			t.Errorf("picture %d is another one", i)
			return
		}
		if math.Abs(got[i].at-want[i].at) > 1.1 {
			t.Errorf("picture %d is shown at %.1f ms, not %.1f", i, got[i].at, want[i].at)
			return
		}
	}
}

// sums are the pictures without their times.
func sums(list []decoded) (all []string) {
	for _, d := range list {
		all = append(all, d.sum)
	}
	return all
}
