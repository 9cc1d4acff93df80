//go:build interop

package interop

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// script prepares a script of javascript/ for Node, which finds the packages
// that run.sh installed by NODE_PATH.
func (r *rig) script(t *testing.T, ctx context.Context, name string, args ...string) *exec.Cmd {
	t.Helper()
	node, home := need(t, "node"), os.Getenv("MILLRACE_INTEROP_JAVASCRIPT")
	modules := filepath.Join(home, "node_modules")
	if _, err := os.Stat(modules); home == "" || err != nil {
		t.Skipf("the SDK for JavaScript is not installed: %s is not there", modules)
	}
	cmd := r.command(ctx, node, append([]string{filepath.Join("javascript", name)}, args...)...)
	cmd.Env = append(cmd.Env, "NODE_PATH="+modules)
	return cmd
}

// runScript runs a script for at most two minutes; it has to succeed.
func (r *rig) runScript(t *testing.T, name string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	out, err := r.script(t, ctx, name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, tailOf(string(out), 8000))
	}
}

func TestJavaScriptRunsTheControlOperations(t *testing.T) {
	plainAndTLS(t, func(t *testing.T, r *rig) { r.runScript(t, "control.js") })
}

func TestJavaScriptGetsMedia(t *testing.T) {
	plainAndTLS(t, func(t *testing.T, r *rig) {
		r.fill(t, "javascript-media")
		r.runScript(t, "media.js", "javascript-media", fmt.Sprint(clipSeconds))
	})
}

// TestJavaScriptFollowsALiveStream: NOW begins with the fragment that is
// arriving, and what follows arrives when it is sent.
func TestJavaScriptFollowsALiveStream(t *testing.T) {
	plainAndTLS(t, func(t *testing.T, r *rig) {
		r.newStream(t, "javascript-live")
		producer := r.command(t.Context(), r.binary, "push", "javascript-live", clip(t), "--realtime")
		must(t, producer.Start())
		time.Sleep(1500 * time.Millisecond) // so that NOW is not the first fragment, and most are left for a client that starts slowly
		r.runScript(t, "live.js", "javascript-live", fmt.Sprint(clipSeconds))
		must(t, producer.Wait())
	})
}

// TestJavaScriptReadsArchivedMedia: all four operations, with the paginator.
func TestJavaScriptReadsArchivedMedia(t *testing.T) {
	plainAndTLS(t, func(t *testing.T, r *rig) {
		r.fill(t, "javascript-archived")
		r.runScript(t, "archived.js", "javascript-archived", fmt.Sprint(clipSeconds))
	})
}
