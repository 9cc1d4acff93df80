package spool_test

import (
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/millrace/millrace/producer/spool"
)

// failSync fails the syncs of the file with this number.
func failSync(m *memory, number string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fail = func(op, name string, _ int) error {
		if op == "sync" && strings.HasPrefix(name, number) && strings.HasSuffix(name, ".mkv") {
			return syscall.EIO
		}
		return nil
	}
}

// crash ends a process, but not the system.
func crash(m *memory, s *spool.Spool) {
	m.mu.Lock()
	m.down = true
	m.mu.Unlock()
	_ = s.Close()
	m.restart(false, nil)
}

const firstFile = "0000000000000000"

// TestWhatWasRescuedIsNotPendingTwice: the copy in the failed file does not come
// back when the other one is settled and gone, but that file is not.
func TestWhatWasRescuedIsNotPendingTwice(t *testing.T) {
	for name, open := range map[string]bool{"that was open": true, "that was ended": false} {
		t.Run("a fragment "+name, func(t *testing.T) {
			m := newMemory()
			o := spool.Options{SyncEvery: spool.SyncFiles}.On(m)
			s, err := spool.Open(o)
			must(t, err)
			put(t, s, 0, 3, 1000)
			must(t, s.Sync(t.Context()))
			ref, err := s.Begin(headOf(1))
			must(t, err)
			must(t, appendFrames(s, 1, 0, 1, 1000))
			if !open {
				must(t, s.End())
			}
			failSync(m, firstFile)
			_ = s.Sync(t.Context())
			if open {
				must(t, appendFrames(s, 1, 1, 2, 1000))
				must(t, s.End())
			}
			must(t, s.Sync(t.Context()))
			other := headOf(2) // in another file
			other.Header = append(other.Header, 'x')
			_, err = s.Begin(other)
			must(t, err)
			must(t, appendFrames(s, 2, 0, 1, 1000))
			must(t, s.End())
			must(t, s.Settle(spool.Persisted, ref))
			crash(m, s)
			s, err = spool.Open(o)
			must(t, err)
			defer s.Close()
			for f := range s.Pending() {
				if f.Ref == ref {
					t.Errorf("pending again: %+v", f)
				}
			}
			if s.Stats().Pending != 2 {
				t.Errorf("stats %+v", s.Stats())
			}
		})
	}
}

// TestAFailedSyncIsKnownToTheNextProcess: the system that it runs on would say
// that there is nothing to sync.
func TestAFailedSyncIsKnownToTheNextProcess(t *testing.T) {
	m := newMemory()
	o := spool.Options{SyncEvery: spool.SyncFiles}.On(m)
	s, err := spool.Open(o)
	must(t, err)
	put(t, s, 0, 3, 1000)
	failSync(m, "")
	if err := s.Sync(t.Context()); !errors.Is(err, spool.ErrSync) {
		t.Fatalf("sync: %v", err)
	}
	crash(m, s)
	s, err = spool.Open(o)
	must(t, err)
	must(t, s.Sync(t.Context()))
	crash(m, s)
	m.restart(true, rand.New(rand.NewPCG(1, 1)))
	s, err = spool.Open(o)
	must(t, err)
	defer s.Close()
	if got, err := framesOf(s, 1); err != nil || !sameFrames(got, wantFrames(0, 3, 1000)) {
		t.Errorf("%d frames, %v", len(got), err)
	}
}

// TestWhatCannotBeReadBackIsNotRescued: it is told of, and the rest is rescued.
func TestWhatCannotBeReadBackIsNotRescued(t *testing.T) {
	m := newMemory()
	var told []spool.Problem
	s, err := spool.Open(spool.Options{SyncEvery: spool.SyncFiles, Report: func(p spool.Problem) { told = append(told, p) }}.On(m))
	must(t, err)
	for n := range 3 {
		put(t, s, n, 3, 1000)
	}
	failSync(m, firstFile)
	m.mu.Lock()
	data := m.names[firstFile+".spool.mkv"].data
	data[strings.Index(string(data), "fragment 1 frame 1")] ^= 1
	m.mu.Unlock()
	_ = s.Sync(t.Context())
	must(t, s.Sync(t.Context()))
	for n := range 3 {
		f, err := s.Fragment(spool.Ref(n + 1))
		must(t, err)
		if f.Damaged != (n == 1) || f.Synced == (n == 1) {
			t.Errorf("%+v", f)
		}
		if _, err := framesOf(s, f.Ref); errors.Is(err, spool.ErrDamaged) != (n == 1) {
			t.Errorf("fragment %d: %v", n, err)
		}
	}
	if len(told) != 2 || !errors.Is(told[1].Err, spool.ErrDamaged) || told[1].Range.First != 2 {
		t.Errorf("told of %+v", told)
	}
	must(t, s.Close())
}

// TestAnOpenFragmentThatCannotBeReadBackIsCut: as it says, and the next one can
// be begun.
func TestAnOpenFragmentThatCannotBeReadBackIsCut(t *testing.T) {
	m := newMemory()
	s, err := spool.Open(spool.Options{SyncEvery: spool.SyncFiles}.On(m))
	must(t, err)
	defer s.Close()
	_, err = s.Begin(headOf(0))
	must(t, err)
	must(t, appendFrames(s, 0, 0, 2, 1000))
	m.mu.Lock()
	data := m.names[firstFile+".spool.mkv"].data
	data[strings.Index(string(data), "fragment 0 frame 1")] ^= 1
	m.fail = func(op, name string, _ int) error {
		if op == "write" && strings.HasPrefix(name, firstFile) {
			return syscall.EIO
		}
		return nil
	}
	m.mu.Unlock()
	if err := appendFrames(s, 0, 2, 3, 1000); !errors.Is(err, spool.ErrCut) || !errors.Is(err, spool.ErrDamaged) {
		t.Errorf("append: %v", err)
	}
	if f, ok := s.Next(0); !ok || !f.Torn || f.Open || f.Frames != 2 {
		t.Errorf("%+v", f)
	}
	put(t, s, 1, 1, 100)
}

// TestJournalsGoWithTheirFiles, though later.
func TestJournalsGoWithTheirFiles(t *testing.T) {
	m := newMemory()
	s, err := spool.Open(spool.Options{FileBytes: 64 << 10}.On(m))
	must(t, err)
	for n := range 10 {
		must(t, s.Settle(spool.Persisted, put(t, s, n, 3, 30_000)))
	}
	must(t, s.Sync(t.Context()))
	must(t, s.Close())
	names, err := m.Names()
	if err != nil || len(names) != 1 || names[0] != "producer" {
		t.Errorf("files are %v, %v", names, err)
	}
}

// TestAClockThatWasAheadMakesNothingYoung: what was begun then counts from the
// restart.
func TestAClockThatWasAheadMakesNothingYoung(t *testing.T) {
	now := epoch.Add(1000 * time.Hour)
	o := spool.Options{Dir: t.TempDir(), MaxAge: time.Hour, Now: func() time.Time { return now }}
	s := open(t, o)
	put(t, s, 0, 1, 100)
	must(t, s.Close())
	now = epoch
	s = open(t, o)
	now = now.Add(time.Hour + time.Second)
	_, err := s.Begin(headOf(1))
	if full := fullOf(t, err, spool.BoundAge); full.Go.Fragments != 1 {
		t.Errorf("%+v", full)
	}
}

// TestSalvageSkipsWhatIsDamaged, and says what is in the file.
func TestSalvageSkipsWhatIsDamaged(t *testing.T) {
	m := written(t, 3, 300, true)
	data := m.names[firstFile+".spool.mkv"].data
	data[strings.Index(string(data), "fragment 1 frame 2")] ^= 1
	got, err := spool.Salvage(io.Discard, strings.NewReader(string(data)), int64(len(data)))
	if err != nil || got.Frames != 4+2+4 || len(got.Fragments) != 3 || !got.Fragments[1].Torn || got.Fragments[2].Torn {
		t.Errorf("%+v, %v", got, err)
	}
}
