package main

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestMain is the sink where the program has started itself.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "-sink" {
		if err := serve(context.Background()); err != nil {
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func TestACrowdIsMeasuredAndLeavesNothingBehind(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	var out strings.Builder
	dir := filepath.Join(t.TempDir(), "spools")
	c := crowd{streams: 3, rate: 200_000, warm: 100 * time.Millisecond, time: 300 * time.Millisecond, dir: dir, out: &out}
	if err := run(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the directory: %v", err)
	}
	found := regexp.MustCompile(`in (\d+) fragments over 3 calls; durable: (\d+), dropped: 0`).FindStringSubmatch(out.String())
	if found == nil || found[1] != found[2] || found[1] == "0" {
		t.Errorf("it says\n%s", out.String())
	}
}

func TestADirectoryThatIsThereIsLeftAlone(t *testing.T) {
	c := crowd{streams: 1, rate: 200_000, dir: t.TempDir(), out: io.Discard}
	if err := run(t.Context(), c); !errors.Is(err, fs.ErrExist) {
		t.Errorf("error %v", err)
	}
}
