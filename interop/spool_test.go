//go:build interop

package interop

import (
	"path/filepath"
	"strings"
	"testing"
)

// nowhere is where nobody listens.
const nowhere = "http://127.0.0.1:1"

// TestFFmpegPlaysWhatWasSalvaged: what a push could not send is in its spool, whose
// file plays as it is, and so does what is salvaged of it; and then it can be sent.
func TestFFmpegPlaysWhatWasSalvaged(t *testing.T) {
	need(t, "ffmpeg")
	r, dir := shared, t.TempDir()
	kept, footage := filepath.Join(dir, "spool"), filepath.Join(dir, "footage")
	const stream = "salvaged"
	_, stderr, err := r.run(t, nil, r.binary, "push", stream, clip(t), "--spool", kept, "--wait", "500ms", "--endpoint-url", nowhere)
	if err == nil || !strings.Contains(stderr, "not known to be durable") {
		t.Fatalf("push to nobody: %v\n%s", err, stderr)
	}
	r.output(t, r.binary, "spool", "salvage", kept, "--out", footage)
	for _, pattern := range []string{footage + "/" + stream + "-*.mkv", kept + "/*/*.spool.mkv"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) != 1 {
			t.Fatalf("%s names %q, %v", pattern, files, err)
		}
		sameFrames(t, framesOf(t, files[0], false))
	}
	for _, file := range mustGlob(t, footage+"/*.mkv") {
		out := r.output(t, need(t, "ffprobe"), "-loglevel", "error", "-show_entries", "stream=codec_type", "-of", "csv=p=0", file)
		if got := strings.Fields(out); len(got) != 2 || got[0] != "video" || got[1] != "audio" {
			t.Errorf("streams are %q", got)
		}
	}
	r.output(t, r.binary, "push", stream, "--spool", kept)
	path := filepath.Join(dir, "pulled.mkv")
	r.output(t, r.binary, "pull", stream, "--from", "1h ago", "--out", path)
	sameFrames(t, framesOf(t, path, false))
}

func mustGlob(t *testing.T, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(pattern)
	must(t, err)
	return files
}
