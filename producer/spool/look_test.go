package spool_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/millrace/millrace/producer/spool"
)

// pendingOf are the fragments of contents that are not settled, as Pending gives
// them, but for what only an open spool knows.
func pendingOf(c spool.Contents) []spool.Fragment {
	var list []spool.Fragment
	for i := range c.Files {
		for f := range c.Files[i].Fragments() {
			if !f.Outcome.Final() {
				list = append(list, plain(f))
			}
		}
	}
	slices.SortFunc(list, func(a, b spool.Fragment) int { return int(a.Ref) - int(b.Ref) })
	return list
}

func plain(f spool.Fragment) spool.Fragment {
	f.Synced, f.AtRisk = false, false
	return f
}

// TestLookFindsWhatOpenFinds, whatever crashed before, and changes nothing.
func TestLookFindsWhatOpenFinds(t *testing.T) {
	fragments, settled := 0, 0
	for seed := range rounds(t, 60) {
		r := rand.New(rand.NewPCG(uint64(seed), 7))
		m := newMemory()
		u := &user{r: r, size: 50 + r.IntN(9000)}
		for range 4 {
			m.left = 1 + r.IntN(150)
			if r.IntN(2) == 0 {
				m.fail = failing(r.Uint64(), 4+r.IntN(20))
			}
			s, err := spool.Open(spool.Options{MaxBytes: 1 << 20}.On(m))
			if err == nil {
				u.s = s
				u.use(60)
				m.mu.Lock()
				m.down = true
				m.mu.Unlock()
				_ = s.Close()
			}
			m.restart(r.IntN(2) == 0, r)
			before := dataOf(m)
			c, err := spool.LookAt(m)
			must(t, err)
			if !maps.EqualFunc(before, dataOf(m), bytes.Equal) {
				t.Fatalf("seed %d: Look changed the directory", seed)
			}
			if s, err = spool.Open(spool.Options{}.On(m)); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			var want []spool.Fragment
			for f := range s.Pending() {
				want = append(want, plain(f))
			}
			if got := pendingOf(c); !slices.Equal(got, want) {
				t.Fatalf("seed %d: Look found %d fragments and Open %d, up to\n%+v, and\n%+v", seed, len(got), len(want), got[max(0, len(got)-1):], want[max(0, len(want)-1):])
			}
			if c.Producer != s.Producer() && len(c.Files) > 0 {
				t.Errorf("seed %d: producer %v, and then %v", seed, c.Producer, s.Producer())
			}
			fragments += len(want)
			for i := range c.Files {
				for f := range c.Files[i].Fragments() {
					if f.Outcome.Final() {
						settled++
					}
				}
			}
			must(t, s.Close())
		}
	}
	if fragments < 100 || settled < 100 {
		t.Errorf("only %d fragments and %d settled ones were there to be found", fragments, settled)
	}
}

func dataOf(m *memory) map[string][]byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := map[string][]byte{}
	for name, node := range m.names {
		all[name] = slices.Clone(node.data)
	}
	return all
}

func TestLookLeavesASpoolAloneThatIsOpen(t *testing.T) {
	dir := t.TempDir()
	if c, err := spool.Look(dir); err != nil || len(c.Files) > 0 {
		t.Errorf("an empty directory holds %+v, %v", c, err)
	}
	if _, err := spool.Look(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a directory that is not there: %v", err)
	}
	s := open(t, spool.Options{Dir: dir})
	put(t, s, 0, 3, 100)
	if _, err := spool.Look(dir); !errors.Is(err, spool.ErrLocked) {
		t.Errorf("look at an open spool: %v", err)
	}
	must(t, s.Close())
	c, err := spool.Look(dir)
	if err != nil || len(c.Files) != 1 || !c.Files[0].Indexed || c.Files[0].Size == 0 || c.Producer != s.Producer() {
		t.Errorf("%+v, %v", c, err)
	}
	if got := pendingOf(c); len(got) != 1 || got[0].Frames != 3 || got[0].Start != epoch {
		t.Errorf("%+v", got)
	}
	again := open(t, spool.Options{Dir: dir}) // Look keeps nobody out
	must(t, again.Close())
}

// TestLookNeedsNoRightToWrite: a card may be write-protected.
func TestLookNeedsNoRightToWrite(t *testing.T) {
	dir := t.TempDir()
	s := open(t, spool.Options{Dir: dir})
	put(t, s, 0, 3, 100)
	must(t, s.Close())
	list, err := os.ReadDir(dir)
	must(t, err)
	for _, e := range list {
		must(t, os.Chmod(filepath.Join(dir, e.Name()), 0o400))
	}
	must(t, os.Chmod(dir, 0o500))
	t.Cleanup(func() { _ = os.Chmod(dir, 0o700) })
	if c, err := spool.Look(dir); err != nil || len(pendingOf(c)) != 1 {
		t.Errorf("%+v, %v", c, err)
	}
}

// faultsOf salvages and says what was wrong.
func faultsOf(t *testing.T, data []byte) (spool.Salvaged, string) {
	t.Helper()
	got, err := spool.Salvage(io.Discard, bytes.NewReader(data), int64(len(data)))
	must(t, err)
	return got, fmt.Sprint(got.Faults)
}

func TestFaultsSayWhereTheyAre(t *testing.T) {
	for _, orderly := range []bool{true, false} {
		data := written(t, 4, 300, orderly).names[firstFile+".spool.mkv"].data
		if got, faults := faultsOf(t, data); len(got.Faults) > 0 {
			t.Fatalf("closed in order %v: a good file has faults %s", orderly, faults)
		}
		// The frame's record stands before the frame.
		at := strings.Index(string(data), "fragment 1 frame 2") - 9
		record := at - spool.FrameSize - 4
		bad := slices.Clone(data)
		bad[at+100] ^= 1
		got, faults := faultsOf(t, bad)
		if len(got.Faults) != 1 || got.Faults[0].Fragment != 2 || got.Faults[0].Torn || got.Faults[0].Offset != int64(record) || got.Faults[0].Bytes != int64(spool.FrameSize+4+9+300) {
			t.Errorf("closed in order %v: a bit in a frame at %d: %s", orderly, record, faults)
		}
		if !got.Fragments[1].Damaged || got.Fragments[1].Frames != 2 || got.Fragments[2].Damaged {
			t.Errorf("closed in order %v: fragments %+v", orderly, got.Fragments)
		}
		bad = slices.Clone(data)
		bad[record+20] ^= 1
		if got, faults := faultsOf(t, bad); len(got.Faults) != 1 || got.Faults[0].Offset != int64(record) || got.Faults[0].Fragment != 2 {
			t.Errorf("closed in order %v: a bit in the record at %d: %s", orderly, record, faults)
		}
	}
	// What a crash cut was not synced.
	data := written(t, 4, 300, false).names[firstFile+".spool.mkv"].data
	got, faults := faultsOf(t, data[:len(data)-100-300])
	if len(got.Faults) != 1 || !got.Faults[0].Torn || got.Faults[0].Fragment != 4 {
		t.Errorf("of a torn file: %s", faults)
	}
}
