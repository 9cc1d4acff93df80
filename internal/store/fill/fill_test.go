package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestWhatIsMadeIsMeasured(t *testing.T) {
	var out strings.Builder
	made := load{
		Fragments: 2000, PerStream: 500, Frames: 20, Body: 64, PackSize: 100_000,
		dir: filepath.Join(t.TempDir(), "store"), out: &out,
	}
	if err := run(t.Context(), &made); err != nil {
		t.Fatal(err)
	}
	if err := run(t.Context(), &load{dir: made.dir, out: &out}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"made 2000 fragments of 4 streams", "with 2000 fragments",
		"500 fragments by the server's clock", "500 fragments by the producer's clock",
		"5000 entries and outlines", "availability of 30 days",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, &out)
		}
	}
}

func TestADirectoryOfOthersIsLeftAlone(t *testing.T) {
	dir := t.TempDir()
	if err := run(t.Context(), &load{Fragments: 1, PerStream: 1, dir: dir}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error = %v", err)
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 0 {
		t.Errorf("%v, %v", files, err)
	}
}
