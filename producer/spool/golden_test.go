package spool_test

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/millrace/millrace/producer/spool"
)

var update = flag.Bool("update", false, "write testdata anew")

// TestOldFilesAreRead: those of every version there was. version1 was left by a
// kill: its first file has an index and a journal, its last one is torn.
func TestOldFilesAreRead(t *testing.T) {
	dir := filepath.Join("testdata", "version1")
	if *update {
		writeGolden(t, dir)
	}
	work := t.TempDir()
	must(t, os.CopyFS(work, os.DirFS(dir)))
	s := open(t, spool.Options{Dir: work})
	if got := s.Producer().String(); got != "0102030405060708090a0b0c0d0e0f10" {
		t.Errorf("identity is %s", got)
	}
	list := slices.Collect(s.Pending())
	if len(list) != 3 || list[0].Outcome != spool.Received || list[1].Outcome != spool.Pending || !list[2].Torn || list[2].Frames != 1 {
		t.Fatalf("pending are %+v", list)
	}
	if !list[2].Origin.Equal(epoch) || !list[0].Origin.IsZero() {
		t.Error("wrong origins")
	}
	for _, f := range list {
		n := int(f.Identity.Sequence)
		got, err := framesOf(s, f.Ref)
		if err != nil || len(got) != f.Frames || !sameFrames(got, wantFrames(n, f.Frames, 600)) {
			t.Errorf("fragment %d: %d frames, %v", n, len(got), err)
		}
		if h, err := s.Header(f.Ref); err != nil || string(h) != testHeader+string(rune('0'+n/2)) {
			t.Errorf("header of %d: %q, %v", n, h, err)
		}
	}
}

// writeGolden makes what a process leaves that was killed at its fourth fragment.
func writeGolden(t *testing.T, dir string) {
	t.Helper()
	must(t, os.RemoveAll(dir))
	work := t.TempDir()
	s := open(t, spool.Options{Dir: work, Producer: [16]byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}})
	for n := range 4 {
		h := headOf(n)
		h.Header = append(h.Header, byte('0'+n/2))
		if n == 3 {
			h.Origin = epoch
		}
		_, err := s.Begin(h)
		must(t, err)
		must(t, appendFrames(s, n, 0, 2-n/3, 600))
		if n < 3 {
			must(t, s.End())
		}
	}
	must(t, s.Settle(spool.Persisted, 2))
	must(t, s.Settle(spool.Received, 1))
	must(t, s.Sync(t.Context()))
	must(t, os.CopyFS(dir, os.DirFS(work)))
	must(t, os.Remove(filepath.Join(dir, "lock")))
	name := filepath.Join(dir, "0000000000000001.spool.mkv")
	data, err := os.ReadFile(name)
	must(t, err)
	must(t, os.WriteFile(name, append(data, data[len(data)-700:len(data)-300]...), 0o600))
}
