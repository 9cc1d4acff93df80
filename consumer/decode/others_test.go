package decode_test

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"image"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/consumer"
	"github.com/millrace/millrace/consumer/decode"
	"github.com/millrace/millrace/media"
)

// A sighting is a picture's samples, in short, and the time it is shown at.
type sighting struct {
	sum string
	at  time.Duration
}

// framesOf is what FFmpeg makes of a file by itself.
func framesOf(t *testing.T, path string) (all []sighting) {
	t.Helper()
	out := ffmpeg(t, "-copyts", "-i", path, "-map", "0:v:0", "-fps_mode", "passthrough", "-enc_time_base", "1:1000",
		"-autoscale", "0", "-vf", "format=yuv420p", "-f", "framemd5", "-")
	for line := range strings.Lines(out) {
		fields := strings.Split(strings.TrimSpace(line), ",")
		if tb, ok := strings.CutPrefix(strings.TrimSpace(line), "#tb 0: "); ok && tb != "1/1000" {
			t.Fatalf("times are in %s s", tb)
		}
		if len(fields) != 6 || line[0] == '#' {
			continue
		}
		ms, err := strconv.Atoi(strings.TrimSpace(fields[2]))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, sighting{strings.TrimSpace(fields[5]), time.Duration(ms) * time.Millisecond})
	}
	return all
}

// ffmpeg runs the program, and skips the case where there is none.
func ffmpeg(t *testing.T, args ...string) string {
	t.Helper()
	path, err := exec.LookPath("ffmpeg")
	if err != nil {
		t.Skip("no ffmpeg here")
	}
	var out, said bytes.Buffer
	cmd := exec.CommandContext(t.Context(), path, append([]string{"-nostdin", "-hide_banner", "-loglevel", "error", "-y"}, args...)...)
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil {
		t.Fatalf("ffmpeg %s: %v\n%s", strings.Join(args, " "), err, said.String())
	}
	return out.String()
}

func sumOf(img image.Image) string {
	h := md5.New()
	p := img.(*image.YCbCr)
	h.Write(p.Y)
	h.Write(p.Cb)
	h.Write(p.Cr)
	return hex.EncodeToString(h.Sum(nil))
}

// sources are films that FFmpeg makes, and recordings where they are at hand.
func sources() map[string][]string {
	video := func(rate int) []string {
		return []string{"-f", "lavfi", "-i", fmt.Sprintf("testsrc2=size=162x90:rate=%d:duration=2", rate), "-pix_fmt", "yuv420p"}
	}
	with := func(rate int, codec ...string) []string { return append(video(rate), codec...) }
	return map[string][]string{
		"h264":                                 with(25, "-c:v", "libx264", "-preset", "veryfast", "-g", "25", "-bf", "0"),
		"h264 with b frames":                   with(25, "-c:v", "libx264", "-preset", "veryfast", "-g", "25", "-bf", "3", "-b_strategy", "0"),
		"h264 with open groups":                with(25, "-c:v", "libx264", "-preset", "veryfast", "-g", "20", "-bf", "3", "-sc_threshold", "0", "-x264-params", "open-gop=1:b-pyramid=2"),
		"h265 with b frames":                   with(25, "-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none:keyint=25:bframes=3"),
		"av1":                                  with(10, "-c:v", "libaom-av1", "-cpu-used", "8", "-usage", "realtime", "-g", "10"),
		"vp8":                                  with(10, "-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-g", "10"),
		"vp9":                                  with(10, "-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-g", "10"),
		"media/h264-cam.mkv":                   nil,
		"media/h264-bframes.mkv":               nil,
		"media/h264-vfr-hole.mkv":              nil,
		"media/hevc-aac.mkv":                   nil,
		"media/av1-opus.mkv":                   nil,
		"getmedia/output_get_media.mkv":        nil,
		"getmedia/clusters.mkv":                nil,
		"putmedia/kvssink-h265-mulaw.body.mkv": nil,
	}
}

// film returns the path of a source.
func film(t *testing.T, name string, args []string) string {
	t.Helper()
	if args != nil {
		path := filepath.Join(t.TempDir(), "film.mkv")
		ffmpeg(t, append(args, "-f", "matroska", path)...)
		return path
	}
	root := os.Getenv("MILLRACE_VECTORS")
	if root == "" {
		root = filepath.Join("..", "..", "..", "shared", "vectors")
	}
	path := filepath.Join(root, name)
	if _, err := os.Stat(path); err != nil {
		t.Skip("vectors not present")
	}
	return path
}

// readerOf reads a file.
func readerOf(t *testing.T, path string) *consumer.Reader {
	t.Helper()
	body, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return consumer.ReadFrom(bytes.NewReader(body), consumer.ReadOptions{})
}

// TestOthersSeeTheSamePictures: what comes of the frames is what FFmpeg makes of
// the file, picture by picture and to the tick.
func TestOthersSeeTheSamePictures(t *testing.T) {
	for name, args := range sources() {
		t.Run(name, func(t *testing.T) {
			path := film(t, name, args)
			want := framesOf(t, path)
			d := decode.New(decode.Options{Colours: decode.Coded})
			defer d.Close()
			var got []sighting
			for p, err := range decode.Pictures(t.Context(), d, readerOf(t, path).Frames(t.Context())) {
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, sighting{sumOf(p.Image), p.PTS})
			}
			compare(t, got, want)
		})
	}
}

func compare(t *testing.T, got, want []sighting) {
	t.Helper()
	if len(got) != len(want) || len(want) == 0 {
		t.Errorf("%d pictures of %d", len(got), len(want))
	}
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			t.Errorf("picture %d is %v, not %v", i, got[i], want[i])
			return
		}
	}
}

var _ = media.Video
