//go:build interop

package interop

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// sameFrames compares decoded frames with those of the clip.
func sameFrames(t *testing.T, got []string) {
	t.Helper()
	want := framesOf(t, clip(t), false)
	if len(want) != clipFrames {
		t.Fatalf("the clip has %d frames, want %d", len(want), clipFrames)
	}
	if !slices.Equal(got, want) {
		t.Errorf("%d frames came back, %d went in, and they differ", len(got), len(want))
	}
}

// TestFFmpegDecodesWhatIsPulled: joined into one file without a word, and as
// the response of GetMedia, where each further document earns a warning.
func TestFFmpegDecodesWhatIsPulled(t *testing.T) {
	need(t, "ffmpeg")
	plainAndTLS(t, func(t *testing.T, r *rig) {
		r.fill(t, "ffmpeg-pull")
		for _, container := range []string{"mkv", "raw"} {
			path := filepath.Join(t.TempDir(), container+".mkv")
			r.output(t, r.binary, "pull", "ffmpeg-pull", "--from", "1h ago", "--container", container, "--out", path)
			sameFrames(t, framesOf(t, path, container == "raw"))
		}
	})
}

// TestFFmpegReadsFromAPipe: pull writes to standard output, which ends when
// everything has been read.
func TestFFmpegReadsFromAPipe(t *testing.T) {
	need(t, "ffmpeg")
	shared.fill(t, "ffmpeg-pipe")
	media := shared.output(t, shared.binary, "pull", "ffmpeg-pipe", "--from", "1h ago", "--container", "mkv")
	path := filepath.Join(t.TempDir(), "piped.mkv")
	must(t, os.WriteFile(path, []byte(media), 0o600))
	sameFrames(t, framesOf(t, path, false))
}
