package decode_test

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"image"
	"image/color"
	"iter"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
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
func framesOf(t *testing.T, path string, input ...string) (all []sighting) {
	t.Helper()
	out := ffmpeg(t, append(input, "-copyts", "-i", path, "-map", "0:v:0", "-fps_mode", "passthrough", "-enc_time_base", "1:1000",
		"-autoscale", "0", "-vf", "format=yuv420p", "-f", "framemd5", "-")...)
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
		"h265 with b frames":                   with(25, "-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none:keyint=25:bframes=3:open-gop=0"),
		"h265 with open groups":                with(25, "-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none:keyint=25:bframes=3:open-gop=1"),
		"av1":                                  with(10, "-c:v", "libaom-av1", "-cpu-used", "8", "-usage", "realtime", "-g", "10"),
		"vp8":                                  with(10, "-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-g", "10"),
		"vp9":                                  with(10, "-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-g", "10"),
		"media/h264-bframes.mkv":               nil,
		"media/h264-vfr-hole.mkv":              nil,
		"media/hevc-aac.mkv":                   nil,
		"media/av1-opus.mkv":                   nil,
		"getmedia/output_get_media.mkv":        nil,
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
// the file, picture by picture and to the tick. Pictures of key frames alone are the
// same, and each is there before the next key frame is sent.
func TestOthersSeeTheSamePictures(t *testing.T) {
	for name, args := range sources() {
		t.Run(name, func(t *testing.T) {
			path := film(t, name, args)
			want := framesOf(t, path)
			d := decode.New(decode.Options{Colours: decode.Coded})
			defer d.Close()
			compare(t, sightings(t, decode.Pictures(t.Context(), d, readerOf(t, path).Frames(t.Context()))), want)
			compareKeyFrames(t, path, want)
		})
	}
}

func compareKeyFrames(t *testing.T, path string, all []sighting) {
	t.Helper()
	d := decode.New(decode.Options{Colours: decode.Coded, KeyFrames: true})
	defer d.Close()
	var got, want []sighting
	for f, err := range readerOf(t, path).Frames(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if !f.Key || f.Format.Type != media.Video {
			continue
		}
		if len(want) == 0 {
			if err := d.Configure(*f.Format); err != nil {
				t.Fatal(err)
			}
		}
		want = append(want, all[slices.IndexFunc(all, func(s sighting) bool { return s.at == f.PTS })])
		got = append(got, sightings(t, prompt(d, d.Decode(t.Context(), f)))...)
	}
	compare(t, append(got, sightings(t, d.Flush(t.Context()))...), want)
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

var errLate = errors.New("the picture of a key frame is late")

// prompt waits for a picture.
func prompt(d decode.Decoder, pictures iter.Seq2[decode.Picture, error]) iter.Seq2[decode.Picture, error] {
	return func(yield func(decode.Picture, error) bool) {
		late := false
		for begun, none := time.Now(), true; none && time.Since(begun) < patience; time.Sleep(time.Millisecond) { // of a process
			for p, err := range pictures {
				if none = false; !yield(p, err) {
					return
				}
			}
			if none {
				pictures = d.Decode(context.Background(), consumer.Frame{})
			}
			late = none
		}
		if late {
			yield(decode.Picture{}, errLate)
		}
	}
}

func sightings(t *testing.T, pictures iter.Seq2[decode.Picture, error]) (all []sighting) {
	t.Helper()
	for p, err := range pictures {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, sighting{sumOf(p.Image), p.PTS})
	}
	return all
}

// Frames that all have one time are told apart all the same, by a program whose
// own clock ticks more slowly.
func TestOthersKeepPicturesOfOneTimeApart(t *testing.T) {
	t.Run("h264", func(t *testing.T) {
		path := film(t, "h264", sources()["h264"])
		d := decode.New(decode.Options{Colours: decode.Coded})
		defer d.Close()
		frozen := func(yield func(consumer.Frame, error) bool) {
			for f, err := range readerOf(t, path).Frames(t.Context()) {
				if f.PTS = 0; !yield(f, err) {
					return
				}
			}
		}
		n := 0
		want := framesOf(t, path)
		for p, err := range decode.Pictures(t.Context(), d, frozen) {
			if err != nil {
				t.Fatal(err)
			}
			if sumOf(p.Image) != want[n].sum {
				t.Fatalf("picture %d is another one", n)
			}
			n++
		}
		if n != len(want) {
			t.Errorf("%d pictures of %d", n, len(want))
		}
	})
}

// A change of size that only the bitstream tells of does not upset the pictures
// behind it.
func TestOthersFollowAChangeOfSize(t *testing.T) {
	t.Run("h264", func(t *testing.T) {
		var frames []consumer.Frame
		var want []string
		for i, size := range []string{"160x96", "224x128", "160x96"} {
			path := filepath.Join(t.TempDir(), "film.mkv")
			ffmpeg(t, "-f", "lavfi", "-i", "testsrc2=rate=10:duration=1:size="+size, "-pix_fmt", "yuv420p", "-c:v", "libx264", "-preset", "veryfast",
				"-bsf:v", "dump_extra", path)
			for _, s := range framesOf(t, path) {
				want = append(want, s.sum)
			}
			for f, err := range readerOf(t, path).Frames(t.Context()) {
				if err != nil {
					t.Fatal(err)
				}
				if f.PTS += time.Duration(i) * time.Second; len(frames) > 0 {
					f.Format = frames[0].Format
				}
				frames = append(frames, f.Clone())
			}
		}
		d := decode.New(decode.Options{Colours: decode.Coded})
		defer d.Close()
		var got []string
		for _, s := range sightings(t, decode.Pictures(t.Context(), d, inTurn(frames))) {
			got = append(got, s.sum)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%d pictures of %d, or others", len(got), len(want))
		}
	})
}

func inTurn(frames []consumer.Frame) iter.Seq2[consumer.Frame, error] {
	return func(yield func(consumer.Frame, error) bool) {
		for _, f := range frames {
			if !yield(f, nil) {
				return
			}
		}
	}
}

// Video keeps white at 235, images have it at 255: colours are right in images
// that are not asked for as they are coded.
func TestOthersKeepColours(t *testing.T) {
	t.Run("h264", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "film.mkv")
		ffmpeg(t, "-f", "lavfi", "-i", "color=c=0xFF8000:size=64x48:rate=5:duration=1,drawbox=w=32:color=white:t=fill", "-pix_fmt", "yuv420p",
			"-colorspace", "bt709", "-color_range", "tv", "-vf", "scale=out_color_matrix=bt709", "-c:v", "libx264", "-crf", "1", path)
		for name, tc := range map[string]struct {
			options decode.Options
			bounds  image.Rectangle
			right   bool
		}{
			"jpeg":         {decode.Options{}, image.Rect(0, 0, 64, 48), true},
			"rgba":         {decode.Options{Colours: decode.RGBA}, image.Rect(0, 0, 64, 48), true},
			"coded":        {decode.Options{Colours: decode.Coded}, image.Rect(0, 0, 64, 48), false},
			"scaled":       {decode.Options{Width: 32}, image.Rect(0, 0, 32, 24), true},
			"in height":    {decode.Options{Height: 24, Colours: decode.RGBA}, image.Rect(0, 0, 32, 24), true},
			"with filters": {decode.Options{Filter: "crop=48:32:8:8"}, image.Rect(0, 0, 48, 32), true},
		} {
			d := decode.New(tc.options)
			pictures, err := told(decode.Pictures(t.Context(), d, readerOf(t, path).Frames(t.Context())))
			if err := d.Close(); err != nil {
				t.Error(err)
			}
			if err != nil || len(pictures) != 5 {
				t.Fatalf("%s: %d pictures, %v", name, len(pictures), err)
			}
			img := pictures[0].Image
			white := near(img.At(4, 4), 255, 255, 255)
			orange := near(img.At(img.Bounds().Dx()-4, img.Bounds().Dy()-4), 255, 128, 0)
			if img.Bounds() != tc.bounds || (white && orange) != tc.right {
				t.Errorf("%s: %v, white %v, orange %v", name, img.Bounds(), img.At(4, 4), img.At(img.Bounds().Dx()-4, img.Bounds().Dy()-4))
			}
		}
	})
}

func near(c color.Color, red, green, blue int) bool {
	r, g, b, _ := c.RGBA()
	off := func(is uint32, want int) bool { return max(int(is>>8)-want, want-int(is>>8)) > 6 }
	return !off(r, red) && !off(g, green) && !off(b, blue)
}
