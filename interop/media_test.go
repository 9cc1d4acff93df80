//go:build interop

package interop

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// making guards the making of the clip.
var making sync.Mutex

// clip is a recording that ffmpeg makes once: 10 s of H.264 with AAC sound,
// 25 frames a second, a key frame and a Cluster every second.
const (
	clipSeconds = 10
	clipFrames  = 250
)

func clip(t *testing.T) string {
	t.Helper()
	ffmpeg := need(t, "ffmpeg")
	making.Lock()
	defer making.Unlock()
	path := filepath.Join(shared.work, "clip.mkv")
	if _, err := os.Stat(path); err == nil {
		return path
	}
	length := strconv.Itoa(clipSeconds)
	shared.output(t, ffmpeg, "-hide_banner", "-loglevel", "error", "-y",
		"-f", "lavfi", "-i", "testsrc2=size=320x240:rate=25:duration="+length,
		"-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000:duration="+length,
		"-c:v", "libx264", "-preset", "veryfast", "-tune", "zerolatency", "-pix_fmt", "yuv420p",
		"-g", "25", "-bf", "0", "-b:v", "300k", "-c:a", "aac", "-b:a", "48k",
		"-f", "matroska", path+".part")
	must(t, os.Rename(path+".part", path))
	return path
}

// framesOf decodes a file with ffmpeg and returns a checksum for each frame of
// its first video track. ffmpeg must have nothing to say about the file,
// unless warnings are expected.
func framesOf(t *testing.T, path string, warningsExpected bool) []string {
	t.Helper()
	stdout, stderr, err := shared.run(t, nil, need(t, "ffmpeg"),
		"-hide_banner", "-loglevel", "warning", "-i", path,
		"-map", "0:v:0", "-vsync", "passthrough", "-f", "framemd5", "-")
	stderr = strings.ReplaceAll(stderr, "-vsync is deprecated. Use -fps_mode\n", "") // which older ones do not have
	if err != nil || stderr != "" && !warningsExpected {
		t.Errorf("ffmpeg decodes %s: %v\n%s", filepath.Base(path), err, tailOf(stderr, 2000))
	}
	var sums []string
	for line := range strings.Lines(stdout) {
		if fields := strings.Split(strings.TrimSpace(line), ","); len(fields) == 6 && line[0] != '#' {
			sums = append(sums, strings.TrimSpace(fields[5]))
		}
	}
	return sums
}

// numbersIn finds the fragment numbers in a response of GetMedia: the tag's
// name, the id of its value, a size of four bytes, and 47 digits.
func numbersIn(media []byte) []string {
	var numbers []string
	for _, after := range bytes.Split(media, []byte("AWS_KINESISVIDEO_FRAGMENT_NUMBER\x44\x87\x10\x00\x00\x2f"))[1:] {
		numbers = append(numbers, string(after[:47]))
	}
	return numbers
}

// newStream makes a stream that keeps a day, with the command line of ours.
func (r *rig) newStream(t *testing.T, name string) {
	t.Helper()
	r.output(t, r.binary, "stream", "create", name, "--retention", "24h")
}

// fill makes a stream and pushes the clip into it.
func (r *rig) fill(t *testing.T, name string) {
	t.Helper()
	r.newStream(t, name)
	r.output(t, r.binary, "push", name, clip(t))
}
