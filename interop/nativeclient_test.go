//go:build interop && (producerc || kvssink)

package interop

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// withoutEmpty leaves out the variables that are empty, such as the session
// token: these clients send an empty token too.
func withoutEmpty(env []string) []string {
	return slices.DeleteFunc(slices.Clone(env), func(v string) bool { return strings.HasSuffix(v, "=") })
}

// runFor runs a client that ends by itself, well and in time, and returns what
// it said.
func runFor(t *testing.T, limit time.Duration, cmd *exec.Cmd) string {
	said := &syncBuffer{}
	cmd.Stdout, cmd.Stderr = said, said
	if err := cmd.Start(); err != nil {
		t.Errorf("start %s: %v", filepath.Base(cmd.Path), err)
		return ""
	}
	overdue := time.AfterFunc(limit, func() { cmd.Process.Kill() })
	err := cmd.Wait()
	if !overdue.Stop() || err != nil {
		t.Errorf("%s %q: %v\n%s", filepath.Base(cmd.Path), cmd.Args[1:], err, tailOf(said.String(), 4000))
	}
	return said.String()
}

// sizes are the sizes of a stream's frames, by track.
func (r *rig) sizes(t *testing.T, stream string) map[int][]int64 {
	t.Helper()
	sizes := map[int][]int64{}
	for line := range strings.Lines(r.output(t, r.binary, "pull", stream, "--from", "1h ago", "--container", "json")) {
		var frame struct {
			Kind  string
			Track int
			Size  int64
		}
		must(t, json.Unmarshal([]byte(line), &frame))
		if frame.Kind == "frame" {
			sizes[frame.Track] = append(sizes[frame.Track], frame.Size)
		}
	}
	return sizes
}
