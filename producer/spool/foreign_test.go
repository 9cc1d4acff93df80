//go:build linux || darwin

package spool_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/millrace/millrace/producer/spool"
)

// Whoever can write to the directory cannot have its owner wait for ever, or write
// elsewhere.
func TestNeitherLinksNorPipesAreFollowed(t *testing.T) {
	for _, name := range []string{"producer", "lock", "0000000000000000.acks", "0000000000000000.spool.mkv"} {
		for kind, put := range map[string]func(elsewhere, path string) error{
			"link": os.Symlink,
			"link to nowhere": func(elsewhere, path string) error {
				return os.Symlink(elsewhere+"-new", path)
			},
			"pipe": func(_, path string) error { return syscall.Mkfifo(path, 0o600) },
		} {
			t.Run(name+" is a "+kind, func(t *testing.T) {
				dir, elsewhere := t.TempDir(), filepath.Join(t.TempDir(), "elsewhere")
				must(t, os.WriteFile(elsewhere, []byte("theirs"), 0o600))
				must(t, put(elsewhere, filepath.Join(dir, name)))
				s, err := spool.Open(spool.Options{Dir: dir})
				if err == nil { // else it is told at once
					for n := range 3 {
						if ref, err := s.Begin(headOf(n)); err == nil {
							_, _ = appendFrames(s, n, 0, 2, 100), s.End()
							_ = s.Settle(spool.Persisted, ref)
						}
					}
					_ = s.Sync(t.Context())
					_ = s.Close()
				}
				_, _ = spool.Look(dir)
				if b, err := os.ReadFile(elsewhere); err != nil || string(b) != "theirs" {
					t.Errorf("theirs is %q, %v", b, err)
				}
				if _, err := os.Lstat(elsewhere + "-new"); err == nil {
					t.Error("something was made elsewhere")
				}
			})
		}
	}
}
