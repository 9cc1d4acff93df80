package export_test

import (
	"bytes"
	"math"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/millrace/millrace/consumer/export"
	"github.com/millrace/millrace/media"
)

// seen is what ffmpeg makes of a file.
type seen struct {
	pictures []picture
	sound    []byte   // samples of 16 bits
	said     []string // lines that warn
}

// A picture is a decoded one, and when it is shown, in milliseconds from the first.
type picture struct {
	sum string
	at  float64
}

// see decodes the first track of pictures and the first of sound, as far as there
// are codecs for them that ffmpeg knows.
func see(t *testing.T, path string, codecs []media.Codec) (s seen) {
	t.Helper()
	if slices.ContainsFunc(codecs, func(c media.Codec) bool { return c.Type() == media.Video }) {
		out, said := ffmpeg(t, path, "-map", "0:v:0", "-autoscale", "0", "-fps_mode", "passthrough", "-enc_time_base", "-1", "-f", "framemd5", "-")
		s.pictures, s.said = pictures(t, string(out)), said
	}
	if slices.ContainsFunc(codecs, func(c media.Codec) bool { return c.Type() == media.Audio }) {
		out, said := ffmpeg(t, path, "-map", "0:a:0", "-f", "s16le", "-")
		s.sound, s.said = out, append(s.said, said...)
	}
	return s
}

// ffmpeg runs it on a file and returns what it wrote, and what it warned of without
// what differs from run to run.
func ffmpeg(t *testing.T, path string, args ...string) (out []byte, said []string) {
	t.Helper()
	cmd := exec.Command("ffmpeg", append([]string{"-hide_banner", "-v", "warning", "-i", path}, args...)...)
	var talk bytes.Buffer
	cmd.Stderr = &talk
	out, err := cmd.Output()
	if err != nil {
		said = append(said, err.Error())
	}
	address := regexp.MustCompile(` @ 0x[0-9a-f]+|'[^']*'|0x[0-9a-f]+|\d+`)
	for line := range strings.Lines(talk.String()) {
		if strings.Contains(line, "Guessed Channel Layout") {
			continue
		}
		said = append(said, strings.TrimSpace(address.ReplaceAllString(line, "")))
	}
	return out, said
}

func pictures(t *testing.T, md5s string) (list []picture) {
	t.Helper()
	tick, first := 0.0, 0.0
	for line := range strings.Lines(md5s) {
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
		if err != nil {
			t.Fatal(err)
		}
		if len(list) == 0 {
			first = at
		}
		list = append(list, picture{strings.TrimSpace(fields[5]), (at - first) * tick})
	}
	return list
}

// same compares what was made of an export with what is made of the source: the
// pictures, their times to the millisecond to which the source's are rounded, the
// samples. What is said of the source may be said of the export.
func (want *seen) same(t *testing.T, got seen, r *reference, codecs []media.Codec, in way, times bool) {
	t.Helper()
	if slices.ContainsFunc(codecs, func(c media.Codec) bool { return c.Type() == media.Video }) {
		if len(got.pictures) != len(want.pictures) {
			t.Errorf("%d pictures of %d", len(got.pictures), len(want.pictures))
		}
		for i := range min(len(got.pictures), len(want.pictures)) {
			g, w := got.pictures[i], want.pictures[i]
			if g.sum != w.sum || times && math.Abs(g.at-w.at) > 1.1 {
				t.Errorf("picture %d: %v, want %v", i, g, w)
				break
			}
		}
	}
	if slices.ContainsFunc(codecs, func(c media.Codec) bool { return c.Type() == media.Audio }) && !sameSound(got.sound, want.sound, r.has(media.Opus) && in.container == export.ContainerMP4) {
		t.Errorf("%d bytes of sound, the source has %d, and they differ", len(got.sound), len(want.sound))
	}
	for _, line := range got.said {
		guess := !times && len(want.pictures) == 0 || strings.Contains(line, "Estimating duration from bitrate") // of what is no picture; of ADTS, which has no times
		if !guess && !slices.Contains(want.said, line) {
			t.Errorf("ffmpeg says %s", line)
		}
	}
}

// sameSound compares samples. Where Opus in MP4 ends with samples that are not
// heard, the last edit says so, by which this ffmpeg does not go.
func sameSound(got, want []byte, longer bool) bool {
	const most = 960 * 2 * 2
	if longer {
		return len(got)-len(want) <= most && bytes.HasPrefix(got, want)
	}
	return bytes.Equal(got, want)
}
