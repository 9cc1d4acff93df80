package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

func TestFixturesAreWhatTheGeneratorWrites(t *testing.T) {
	t.Parallel()
	committed := filepath.Join("..", "putmedia")
	fresh := t.TempDir()
	if err := write(fresh); err != nil {
		t.Fatal(err)
	}
	want, got := names(t, fresh), names(t, committed)
	for name := range got {
		if !want[name] {
			t.Errorf("%s is not written by the generator", name)
		}
	}
	for name := range want {
		a, err := os.ReadFile(filepath.Join(fresh, name))
		if err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(filepath.Join(committed, name))
		if err != nil {
			t.Error(err)
			continue
		}
		if !bytes.Equal(a, b) {
			t.Errorf("%s differs from what the generator writes; run: go run ./testdata/gen", name)
		}
	}
}

func names(t *testing.T, dir string) map[string]bool {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]bool{}
	for _, e := range entries {
		all[e.Name()] = true
	}
	return all
}

func TestSummariesAddUp(t *testing.T) {
	t.Parallel()
	for _, f := range fixtures() {
		b := newBody(1)
		f.make(b)
		previous := b.sum.HeaderBytes
		for i, fr := range b.sum.Fragments {
			blocks := 0
			for _, n := range fr.Blocks {
				blocks += n
			}
			if fr.Offset < previous || blocks == 0 || len(fr.Blocks) != len(b.sum.Tracks) || fr.PayloadBytes == 0 {
				t.Errorf("%s: fragment %d: %+v", f.name, i, fr)
			}
			if !bytes.HasPrefix(b.bytes[fr.Offset:], idBytes(idCluster)) {
				t.Errorf("%s: fragment %d does not begin with a Cluster", f.name, i)
			}
			previous = fr.Offset + fr.PayloadBytes
		}
		if previous > len(b.bytes) || len(b.sum.Fragments) == 0 {
			t.Errorf("%s: %d fragments in %d bytes", f.name, len(b.sum.Fragments), len(b.bytes))
		}
	}
}
