//go:build interop

package fmp4_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/fmp4"
	"github.com/millrace/millrace/internal/timeline"
	"github.com/millrace/millrace/media"
)

// TestOthersFollowAChangeWithoutASecondInitSegment: the demuxers of FFmpeg take
// one init segment only. With the parameter sets in the frames they show what
// comes behind a change of them, and a change back.
func TestOthersFollowAChangeWithoutASecondInitSegment(t *testing.T) {
	var whole []byte
	var want []string
	end := int64(0)
	for i, size := range []string{"192x128", "320x176", "192x128"} {
		source := filepath.Join(t.TempDir(), fmt.Sprint(i, ".mkv"))
		run(t, "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=rate=25:duration=2:size="+size, "-pix_fmt", "yuv420p",
			"-c:v", "libx264", "-preset", "veryfast", "-g", "25", "-bf", "2", source)
		body, err := os.ReadFile(source)
		if err != nil {
			t.Fatal(err)
		}
		fragments := fragmentsOf(t, bytes.NewReader(body))
		track := formatOf(t, fragments[0]).First(media.Video)
		if i == 0 {
			if whole, err = fmp4.AppendInit(nil, track); err != nil {
				t.Fatal(err)
			}
		}
		for k, f := range fragments {
			r := track.Run(f, nextOf(track, fragments, k))
			s, err := fmp4.NewSegment(track, &r, f.Cluster[0])
			if err != nil {
				t.Fatal(err)
			}
			if i > 0 {
				s = s.WithSets(track)
			}
			whole = append(whole, written(s, uint32(k+1), uint64(end))...)
			end += r.Duration()
		}
		want = append(want, frameSums(t, source, track)...)
	}
	out, complaint := run(t, "ffmpeg", "-hide_banner", "-loglevel", "warning", "-i", save(t, t.TempDir(), "whole.mp4", whole), "-autoscale", "0", "-f", "framemd5", "-")
	if got := sumsIn(out); !slices.Equal(got, want) || complaint != "" {
		t.Errorf("%d frames, want %d, or others: %s", len(got), len(want), complaint)
	}
}

// run runs a program that must succeed and returns what it writes.
func run(t *testing.T, name string, args ...string) (stdout, stderr string) {
	t.Helper()
	c := exec.Command(name, args...)
	var out, err bytes.Buffer
	c.Stdout, c.Stderr = &out, &err
	if failed := c.Run(); failed != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), failed, err.String())
	}
	return out.String(), err.String()
}

// A recording is how ffmpeg makes media: input and encoder.
type recording struct {
	name  string
	args  []string
	loose bool // frames that lead the first key frame cannot be decoded by those who begin there
}

func recordings() []recording {
	video := func(rate int) []string {
		return []string{"-f", "lavfi", "-i", fmt.Sprintf("testsrc2=size=192x128:rate=%d:duration=3", rate)}
	}
	sound := func(rate int) []string {
		return []string{"-f", "lavfi", "-i", fmt.Sprintf("sine=frequency=440:sample_rate=%d:duration=3", rate)}
	}
	x264 := []string{"-pix_fmt", "yuv420p", "-c:v", "libx264", "-preset", "veryfast", "-sc_threshold", "0", "-threads", "1"}
	x265 := []string{"-c:v", "libx265", "-preset", "ultrafast", "-x265-params"}
	return []recording{
		{name: "h264 without reordering", args: slices.Concat(video(25), x264, []string{"-g", "25", "-bf", "0"})},
		{name: "h264 with b-frames", args: slices.Concat(video(25), x264, []string{"-g", "25", "-bf", "3", "-b_strategy", "0"})},
		{name: "h264 with open gops", loose: true, args: slices.Concat(video(25), x264, []string{"-g", "25", "-bf", "3", "-x264-params", "open-gop=1:b-pyramid=2"})},
		{name: "h264 of key frames", args: slices.Concat(video(5), x264, []string{"-g", "1"})},
		{name: "h264 in slices with delimiters and filler", args: slices.Concat(video(25), x264, []string{
			"-g", "25", "-b:v", "400k", "-maxrate", "400k", "-bufsize", "200k", "-x264-params", "aud=1:slices=3:nal-hrd=cbr:filler=1",
		})},
		{name: "h264 with aac", args: slices.Concat(video(25), sound(48000), x264, []string{"-g", "50", "-bf", "2", "-c:a", "aac"})},
		{name: "h264 with wide samples", args: slices.Concat(video(25), x264, []string{"-g", "25", "-vf", "setsar=4/3", "-color_primaries", "bt709", "-color_trc", "bt709", "-colorspace", "bt709"})},
		{name: "h265", args: slices.Concat(video(15), x265, []string{"log-level=none:keyint=15:bframes=0:repeat-headers=1"})},
		{name: "h265 with b-frames and open gops", loose: true, args: slices.Concat(video(25), x265, []string{"log-level=none:keyint=25:bframes=3:open-gop=1"})},
		{name: "av1 with opus", args: slices.Concat(video(15), sound(48000), []string{"-c:v", "libaom-av1", "-cpu-used", "8", "-usage", "realtime", "-g", "15", "-c:a", "libopus"})},
		{name: "a-law", args: slices.Concat(video(15), sound(8000), x264, []string{"-g", "15", "-bf", "0", "-c:a", "pcm_alaw"})},
		{name: "mu-law", args: slices.Concat(video(15), sound(8000), x264, []string{"-g", "15", "-bf", "0", "-c:a", "pcm_mulaw"})},
		{name: "aac of 44.1 khz alone", args: slices.Concat(sound(44100), []string{"-c:a", "aac", "-cluster_time_limit", "500"})},
	}
}

// TestOthersDecodeWhatWasWritten: ffmpeg decodes init segment and segments to
// the same frames as the recording that they were made of, finds decode times
// that ascend, and decodes segments alone.
func TestOthersDecodeWhatWasWritten(t *testing.T) {
	for _, r := range recordings() {
		t.Run(r.name, func(t *testing.T) {
			source := filepath.Join(t.TempDir(), "source.mkv")
			args := slices.Concat([]string{"-hide_banner", "-loglevel", "error", "-y"}, r.args, []string{"-f", "matroska", source})
			run(t, "ffmpeg", args...)
			body, err := os.ReadFile(source)
			if err != nil {
				t.Fatal(err)
			}
			fragments := fragmentsOf(t, bytes.NewReader(body))
			format := formatOf(t, fragments[0])
			for i := range format.Tracks {
				checkTrack(t, source, &format.Tracks[i], fragments, r.loose)
			}
		})
	}
}

// mostAlone is how many segments of a track are decoded alone; more are like them.
const mostAlone = 4

func checkTrack(t *testing.T, source string, track *timeline.Track, fragments []*millrace.Fragment, loose bool) {
	t.Helper()
	init, err := fmp4.AppendInit(nil, track)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	whole, end := slices.Clone(init), int64(0)
	for i, f := range fragments {
		run := track.Run(f, nextOf(track, fragments, i))
		if len(run.Samples) == 0 {
			continue
		}
		s, err := fmp4.NewSegment(track, &run, f.Cluster[0])
		if err != nil {
			t.Fatal(err)
		}
		start := max(track.Ticks(time.Second)+run.Start+startOf(track, f), end) // some clients' sound lasts longer than its times say
		end = start + run.Duration()
		segment := written(s, uint32(i+1), uint64(start))
		whole = append(whole, segment...)
		if i < mostAlone {
			alone := save(t, dir, fmt.Sprintf("alone%d.mp4", i), slices.Concat(init, segment))
			checkAlone(t, alone, track, &run, loose)
		}
	}
	path := save(t, dir, "whole.mp4", whole)
	got, want := frameSums(t, path, track), frameSums(t, source, track)
	if n := min(len(got), len(want)); track.Media.Codec == media.Opus && n > 2 {
		got, want = got[1:len(got)-1], want[1:len(want)-1] // nothing cuts the start off the first, and the end off the last
	}
	if !slices.Equal(got, want) {
		t.Errorf("track %d: %d frames, want %d, or others", track.Media.Number, len(got), len(want))
	}
	checkPackets(t, path)
}

// checkAlone decodes one segment behind its init segment.
func checkAlone(t *testing.T, path string, track *timeline.Track, r *timeline.Run, loose bool) {
	t.Helper()
	if loose {
		out, _ := run(t, "ffmpeg", "-v", "quiet", "-i", path, "-f", "framemd5", "-")
		if !strings.Contains(out, "\n0,") {
			t.Errorf("nothing of %s is decoded", path)
		}
		return
	}
	frames := frameSums(t, path, track)
	if track.Media.Type == media.Video && len(frames) != len(r.Samples) {
		t.Errorf("track %d: %d frames of %s are decoded, of %d", track.Media.Number, len(frames), filepath.Base(path), len(r.Samples))
	}
}

func save(t *testing.T, dir, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// frameSums are checksums of the decoded frames of the first track of a kind.
// ffmpeg must have nothing to say.
func frameSums(t *testing.T, path string, track *timeline.Track) (sums []string) {
	t.Helper()
	kind := "0:v:0"
	if track.Media.Type == media.Audio {
		kind = "0:a:0"
	}
	out, complaint := run(t, "ffmpeg", "-hide_banner", "-loglevel", "warning", "-xerror", "-err_detect", "explode",
		"-i", path, "-map", kind, "-vsync", "passthrough", "-f", "framemd5", "-")
	for line := range strings.Lines(complaint) {
		if !strings.Contains(line, "-vsync is deprecated") && !strings.HasPrefix(line, "Guessed Channel Layout") {
			t.Errorf("ffmpeg about %s: %s", filepath.Base(path), line)
		}
	}
	return sumsIn(out)
}

// sumsIn reads what framemd5 writes.
func sumsIn(out string) (sums []string) {
	for line := range strings.Lines(out) {
		if fields := strings.Split(strings.TrimSpace(line), ","); len(fields) == 6 && line[0] != '#' {
			sums = append(sums, strings.TrimSpace(fields[5]))
		}
	}
	return sums
}

// checkPackets reads the decode times with ffprobe.
func checkPackets(t *testing.T, path string) {
	t.Helper()
	out, _ := run(t, "ffprobe", "-v", "error", "-show_packets", "-show_entries", "packet=dts", "-of", "csv=p=0", path)
	last, n := int64(-1<<62), 0
	for line := range strings.Lines(out) {
		at, err := strconv.ParseInt(strings.Trim(strings.TrimSpace(line), ","), 10, 64)
		if err != nil {
			continue
		}
		if at <= last {
			t.Fatalf("packet %d of %s: decode time %d after %d", n, filepath.Base(path), at, last)
		}
		last = at
		n++
	}
	if n == 0 {
		t.Errorf("no packets in %s", path)
	}
}

// TestOthersDecodeWhatClientsSent: the same of recordings of clients, each with
// one header.
func TestOthersDecodeWhatClientsSent(t *testing.T) {
	for _, name := range []string{
		"media/h264-cam.mkv", "media/h264-bframes.mkv", "media/h264-aac.mkv", "media/h264-vfr-hole.mkv", "media/hevc-aac.mkv", "media/av1-opus.mkv",
		"putmedia/embedded-c-h264-aac.body.mkv", "putmedia/kvssink-av-aac.body.mkv", "putmedia/kvssink-file-offline-bframes-aac.body.mkv",
		"putmedia/kvssink-h264.body.mkv", "putmedia/producer-c-audio-aac-relative.body.mkv",
		"putmedia/producer-c-av-aac-relative.body.mkv", "putmedia/producer-c-av-alaw-h265-relative.body.mkv",
		"putmedia/producer-c-offline-h265.body.mkv", "putmedia/producer-c-realtime-h264-meta9.body.mkv",
		"putmedia/producer-c-realtime-h265.body.mkv", "putmedia/producer-cpp-file-events.body.mkv",
	} {
		t.Run(name, func(t *testing.T) {
			fragments := vector(t, name)
			format := formatOf(t, fragments[0])
			for i := range format.Tracks {
				if track := &format.Tracks[i]; track.Media.Codec != media.Data {
					checkTrack(t, vectorPath(name), track, fragments, false)
				}
			}
		})
	}
}

// TestOthersDecodeWhatWasBehindStartCodes: kvssink sends H.265 with start codes
// and without codec private data. With the sets of the first frame for these, it
// is converted.
func TestOthersDecodeWhatWasBehindStartCodes(t *testing.T) {
	const name = "putmedia/kvssink-h265-mulaw.body.mkv"
	t.Run(name, func(t *testing.T) {
		fragments := vector(t, name)
		m := formatOf(t, fragments[0]).First(media.Video).Media
		first := fragments[0].Samples[0]
		c, err := media.HEVCConfigFromAnnexB(fragments[0].Cluster[0][first.Offset : first.Offset+first.Size])
		if err != nil {
			t.Fatal(err)
		}
		m.Private = c.AppendAnnexB(nil)
		track := timeline.NewTrack(m)
		checkTrack(t, vectorPath(name), &track, fragments, false)
	})
}
