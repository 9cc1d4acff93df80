package spool_test

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/millrace/millrace/producer/spool"
)

// fullOf is the FullError that err is, of this bound.
func fullOf(t *testing.T, err error, bound spool.Bound) *spool.FullError {
	t.Helper()
	var full *spool.FullError
	if !errors.As(err, &full) || !errors.Is(err, spool.ErrFull) || full.Bound != bound {
		t.Fatalf("error is %v, want the bound of %v", err, bound)
	}
	return full
}

// dropOldest does what the error asks for, and compares.
func dropOldest(t *testing.T, s *spool.Spool, full *spool.FullError) spool.Range {
	t.Helper()
	dropped, err := s.Drop(full.Go.Last)
	must(t, err)
	if dropped != full.Go || dropped.Fragments == 0 {
		t.Fatalf("dropped %+v, told of %+v", dropped, full.Go)
	}
	return dropped
}

func TestBytesAreBounded(t *testing.T) {
	const bound = 1 << 20
	m := newMemory()
	s, err := spool.Open(spool.Options{MaxBytes: bound}.On(m))
	must(t, err)
	defer s.Close()
	var gone spool.Range
	for n := range 100 {
		_, err := s.Begin(headOf(n))
		if err == nil {
			err = appendFrames(s, n, 0, 3, 20_000)
		}
		for i := 0; err != nil; i++ {
			gone = dropOldest(t, s, fullOf(t, err, spool.BoundBytes))
			s.Cut()
			if _, err = s.Begin(headOf(n)); err == nil {
				err = appendFrames(s, n, 0, 3, 20_000)
			}
			if i > 1 {
				t.Fatal("no room is made")
			}
		}
		must(t, s.End())
		if st := s.Stats(); st.DiskBytes > bound {
			t.Fatalf("%d bytes", st.DiskBytes)
		}
	}
	first, _ := s.Next(0)
	if gone.Last >= first.Ref || gone.Frames != 3*gone.Fragments || gone.Fragments > 3 || !gone.End.Equal(first.Start.Add(-2*time.Second+120*time.Millisecond)) {
		t.Errorf("dropped %+v last; the first is %+v", gone, first)
	}
	must(t, s.Sync(t.Context()))
	m.mu.Lock()
	defer m.mu.Unlock()
	if used := m.used(); used > bound+64<<10 { // journals come on top
		t.Errorf("files have %d bytes", used)
	}
}

// TestWhatWasReceivedIsOfferedFirst: it is the least loss, wherever it stands.
func TestWhatWasReceivedIsOfferedFirst(t *testing.T) {
	s := open(t, spool.Options{Dir: t.TempDir(), MaxBytes: 1 << 20})
	var refs []spool.Ref
	fill := func() *spool.FullError {
		for n := len(refs); ; n++ {
			ref, err := s.Begin(headOf(n))
			if err == nil {
				err = appendFrames(s, n, 0, 3, 20_000)
			}
			if err != nil {
				s.Cut()
				return fullOf(t, err, spool.BoundBytes)
			}
			must(t, s.End())
			refs = append(refs, ref)
		}
	}
	if full := fill(); len(full.Received) != 0 {
		t.Errorf("%v are offered", full.Received)
	}
	must(t, s.Settle(spool.Received, refs[6])) // not all of its file
	if full := fill(); len(full.Received) != 0 {
		t.Errorf("%v are offered", full.Received)
	}
	must(t, s.Settle(spool.Received, refs[5:9]...))
	full := fill()
	if n := len(full.Received); n == 0 || n > 4 || full.Received[0] < refs[5] || full.Received[n-1] > refs[8] {
		t.Fatalf("%v are offered of %v", full.Received, refs[5:9])
	}
	must(t, s.Settle(spool.Dropped, full.Received...))
	put(t, s, len(refs), 3, 20_000)
	if first, ok := s.Next(0); !ok || first.Ref != refs[0] {
		t.Errorf("the oldest is %+v", first)
	}
}

func TestFragmentsAreBounded(t *testing.T) {
	s := open(t, spool.Options{Dir: t.TempDir(), MaxFragments: 3})
	for n := range 3 {
		put(t, s, n, 1, 100)
	}
	_, err := s.Begin(headOf(3))
	gone := dropOldest(t, s, fullOf(t, err, spool.BoundFragments))
	if gone.First != 1 || gone.Last != 1 || !gone.Start.Equal(epoch) || gone.Bytes != 109 {
		t.Errorf("dropped %+v", gone)
	}
	put(t, s, 3, 1, 100)
}

func TestAgeIsBounded(t *testing.T) {
	now := epoch
	o := spool.Options{Dir: t.TempDir(), MaxAge: time.Hour, Now: func() time.Time { return now }}
	s := open(t, o)
	put(t, s, 0, 1, 100)
	put(t, s, 1, 1, 100)
	now = now.Add(40 * time.Minute)
	put(t, s, 2, 1, 100)
	now = now.Add(21 * time.Minute)
	_, err := s.Begin(headOf(3))
	if gone := dropOldest(t, s, fullOf(t, err, spool.BoundAge)); gone.Fragments != 2 {
		t.Errorf("dropped %+v", gone)
	}
	put(t, s, 3, 1, 100)
	must(t, s.Close())

	now = now.Add(time.Hour)
	s = open(t, o)
	_, err = s.Begin(headOf(4))
	if full := fullOf(t, err, spool.BoundAge); full.Go.Fragments != 1 {
		t.Errorf("after a restart %+v", full)
	}
}

func TestAFullDiskLosesNothing(t *testing.T) {
	m := newMemory()
	s, err := spool.Open(spool.Options{FileBytes: 64 << 10}.On(m))
	must(t, err)
	defer s.Close()
	for n := range 6 {
		put(t, s, n, 3, 10_000)
	}
	must(t, s.Sync(t.Context()))
	m.mu.Lock()
	m.room = m.used() + 25_000
	m.mu.Unlock()

	ref, err := s.Begin(headOf(6))
	must(t, err)
	err = appendFrames(s, 6, 0, 3, 10_000)
	full := fullOf(t, err, spool.BoundDisk)
	if !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("error is %v", err)
	}
	f, err := s.Fragment(ref)
	must(t, err)
	if f.Frames != 2 {
		t.Fatalf("%d frames are in", f.Frames)
	}
	dropOldest(t, s, full)
	must(t, appendFrames(s, 6, 2, 3, 10_000))
	must(t, s.End())
	got, err := framesOf(s, ref)
	if err != nil || !sameFrames(got, wantFrames(6, 3, 10_000)) {
		t.Errorf("%d frames, %v", len(got), err)
	}
	must(t, s.Sync(t.Context()))
}

// TestOutcomesSurviveAFullDisk: they hold in the process, and files go by them.
func TestOutcomesSurviveAFullDisk(t *testing.T) {
	m := newMemory()
	s, err := spool.Open(spool.Options{FileBytes: 64 << 10}.On(m))
	must(t, err)
	defer s.Close()
	for n := range 6 {
		put(t, s, n, 3, 10_000)
	}
	must(t, s.Sync(t.Context()))
	m.mu.Lock()
	m.room = m.used()
	was := m.used()
	m.mu.Unlock()
	fullOf(t, s.Settle(spool.Persisted, 1), spool.BoundDisk)
	_ = s.Settle(spool.Persisted, 2, 3)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.used() >= was-60_000 {
		t.Errorf("%d of %d bytes are there still", m.used(), was)
	}
}

// TestAFailedSyncIsNotTrusted: what it covered is written elsewhere, and the file
// is never synced again.
func TestAFailedSyncIsNotTrusted(t *testing.T) {
	m := newMemory()
	var told []spool.Problem
	s, err := spool.Open(spool.Options{SyncEvery: spool.SyncFiles, Report: func(p spool.Problem) { told = append(told, p) }}.On(m))
	must(t, err)
	put(t, s, 0, 3, 1000)
	must(t, s.Sync(t.Context()))
	put(t, s, 1, 3, 1000)
	ref, err := s.Begin(headOf(2))
	must(t, err)
	must(t, appendFrames(s, 2, 0, 1, 1000))

	bad := "0000000000000000.spool.mkv"
	syncs := 0
	m.mu.Lock()
	m.fail = func(op, name string, _ int) error {
		if op == "sync" && name == bad {
			syncs++
			return syscall.EIO
		}
		return nil
	}
	m.mu.Unlock()
	if err := s.Sync(t.Context()); !errors.Is(err, spool.ErrSync) {
		t.Errorf("sync: %v", err)
	}
	must(t, appendFrames(s, 2, 1, 3, 1000))
	must(t, s.End())
	must(t, s.Sync(t.Context()))
	if syncs != 1 {
		t.Errorf("the file was synced %d times", syncs)
	}
	if len(told) != 1 || !errors.Is(told[0].Err, spool.ErrSync) || told[0].Range.First != 2 || told[0].Range.Fragments != 1 {
		t.Errorf("told of %+v", told)
	}
	m.restart(true, rand.New(rand.NewPCG(1, 1)))
	again, err := spool.Open(spool.Options{}.On(m))
	must(t, err)
	defer again.Close()
	for n := range 3 {
		got, err := framesOf(again, spool.Ref(n+1))
		if err != nil || !sameFrames(got, wantFrames(n, 3, 1000)) {
			t.Errorf("fragment %d: %d frames, %v", n, len(got), err)
		}
	}
	if f, err := again.Fragment(ref); err != nil || f.Torn {
		t.Errorf("%+v, %v", f, err)
	}
	_ = s.Close()
}

// TestAtRiskIsTold: when there is nowhere else to write to either.
func TestAtRiskIsTold(t *testing.T) {
	m := newMemory()
	var told []spool.Problem
	s, err := spool.Open(spool.Options{SyncEvery: spool.SyncFiles, Report: func(p spool.Problem) { told = append(told, p) }}.On(m))
	must(t, err)
	put(t, s, 0, 3, 1000)
	m.mu.Lock()
	m.fail = func(op, name string, _ int) error {
		if op == "sync" && strings.HasSuffix(name, ".mkv") {
			return syscall.EIO
		}
		return nil
	}
	m.mu.Unlock()
	for range 2 {
		if err := s.Sync(t.Context()); !errors.Is(err, spool.ErrSync) {
			t.Errorf("sync: %v", err)
		}
	}
	f, ok := s.Next(0)
	if got, err := framesOf(s, f.Ref); !ok || !f.AtRisk || f.Synced || err != nil || len(got) != 3 || s.Stats().AtRisk != 1 {
		t.Errorf("%+v, %v, %+v", f, err, s.Stats())
	}
	m.mu.Lock()
	m.fail = nil
	m.mu.Unlock()
	must(t, s.Sync(t.Context()))
	if f, _ := s.Next(0); f.AtRisk || !f.Synced || s.Stats().AtRisk != 0 {
		t.Errorf("%+v", f)
	}
	if !slices.ContainsFunc(told, func(p spool.Problem) bool { return p.Range.Fragments == 1 && p.Range.Frames == 3 }) {
		t.Errorf("told of %+v", told)
	}
	must(t, s.Close())
}
