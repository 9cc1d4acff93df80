//go:build interop

package interop

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestBrowserRunsTheSDK: a page of another origin calls control operations and
// reads media through the SDK for JavaScript in Chromium. What makes the
// browser trust the server is what makes a user's trust it: the authority is
// put into the certificates of the user.
func TestBrowserRunsTheSDK(t *testing.T) {
	chromium := need(t, "chromium")
	plainAndTLS(t, func(t *testing.T, r *rig) {
		home := t.TempDir()
		if r.ca != "" {
			certutil, trusted := need(t, "certutil"), filepath.Join(home, ".pki", "nssdb")
			must(t, os.MkdirAll(trusted, 0o700))
			r.output(t, certutil, "-d", "sql:"+trusted, "-N", "--empty-password")
			r.output(t, certutil, "-d", "sql:"+trusted, "-A", "-t", "C,,", "-n", "millrace", "-i", r.ca)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		cmd := r.script(t, ctx, "browser.js", chromium, filepath.Join(home, "profile"), r.binary, clip(t), fmt.Sprint(clipSeconds))
		cmd.Env = append(cmd.Env, "HOME="+home)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("browser.js: %v\n%s", err, tailOf(string(out), 12000))
		}
	})
}
