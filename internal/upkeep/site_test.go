package upkeep_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/mem"
	"github.com/millrace/millrace/internal/store/storetest"
	"github.com/millrace/millrace/internal/upkeep"
)

const (
	identity = "0123456789abcdef"
	rootKey  = `{"accessKeyId":"a","secretAccessKey":"b"}`

	authority = "a key and a certificate"
)

// now is the time of all tests.
func now() time.Time { return time.UnixMilli(1_800_000_000_000) }

// A site is a store whose media are in memory, and knows what it has.
type site struct {
	packs   *mem.FS
	control string // what the control state says
	epoch   uint32
	make    *storetest.Fragments
	kept    []*millrace.Fragment
}

func newSite() *site {
	return &site{packs: mem.NewFS(), control: "control 1", make: storetest.NewFragments(1)}
}

// put lets a server run that keeps n fragments and ends: all packs are sealed.
func (s *site) put(t testing.TB, n int) {
	t.Helper()
	e := s.open(t, 20_000)
	s.keep(t, e, n)
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
}

// leave lets a server run that keeps n fragments in one pack, and kills it.
func (s *site) leave(t testing.TB, n int) {
	t.Helper()
	e := s.open(t, 1<<30)
	s.keep(t, e, n)
	s.packs = s.packs.Kill()
	_ = e.Close() // its machine is dead
}

func (s *site) open(t testing.TB, packSize int64) *store.Engine {
	t.Helper()
	s.epoch++
	e, err := store.Open(context.Background(), store.Config{FS: s.packs, Epoch: s.epoch, PackSize: packSize, Lanes: 1})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func (s *site) keep(t testing.TB, e *store.Engine, n int) {
	t.Helper()
	for range n {
		f := s.make.Make(millrace.StreamKey{ID: 1, Generation: 1}, 6000)
		keep(t, e, f)
		s.kept = append(s.kept, f)
	}
}

// keep submits a fragment and waits until it is durable.
func keep(t testing.TB, e *store.Engine, f *millrace.Fragment) {
	t.Helper()
	done := make(chan error, 1)
	if err := e.Submit(context.Background(), f, func(err error) { done <- err }); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// config is a backup of the site to a directory.
func (s *site) config(to store.FS) upkeep.BackupConfig {
	return upkeep.BackupConfig{
		From: s.packs, To: to, Key: []byte(rootKey), CA: []byte(authority), Identity: identity, Tool: "test", Began: now(), Now: now,
		Control: func(_ context.Context, w io.Writer) error { _, err := io.WriteString(w, s.control); return err },
	}
}

func (s *site) backup(t testing.TB, to store.FS) *upkeep.BackupReport {
	t.Helper()
	r, err := upkeep.Backup(context.Background(), s.config(to))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// restored puts a backup back and returns the directories.
func restored(from store.FS) (top, packs *mem.FS, err error) {
	top, packs = mem.NewFS(), mem.NewFS()
	_, err = upkeep.Restore(context.Background(), upkeep.RestoreConfig{From: from, Top: top, Packs: packs, Now: now()})
	return top, packs, err
}

// checkHeld restores a backup and checks that what comes back is what was kept,
// and a control state that is one of those named.
func checkHeld(from store.FS, kept []*millrace.Fragment, controls ...string) error {
	if _, faults, err := upkeep.VerifyBackup(context.Background(), from, 0, nil); err != nil || len(faults) > 0 {
		return fmt.Errorf("verify: %w, %v", err, faults)
	}
	top, packs, err := restored(from)
	if err != nil {
		return err
	}
	if got := contents(top, upkeep.KeyFile); got != rootKey {
		return fmt.Errorf("root key %q", got)
	}
	if got := contents(top, upkeep.AuthorityFile); got != authority && (got != "" || kept != nil) { // the oldest backups have none
		return fmt.Errorf("certificate authority %q", got)
	}
	got, found := contents(top, upkeep.ControlFile), false
	for _, c := range controls {
		found = found || got == c
	}
	if !found {
		return fmt.Errorf("control state %q, not one of %q", got, controls)
	}
	return served(packs, kept)
}

// readable counts the fragments that a server on packs can read.
func readable(packs store.FS) (int, error) {
	all, err := read(packs)
	return len(all), err
}

// read reads what a server on packs has.
func read(packs store.FS) (map[millrace.FragmentNumber]*millrace.Fragment, error) {
	e, err := store.Open(context.Background(), store.Config{FS: packs, Epoch: 100})
	if err != nil {
		return nil, err
	}
	defer e.Close()
	scope := store.Scope{Stream: millrace.StreamKey{ID: 1, Generation: 1}}
	entries, err := e.After(context.Background(), scope, millrace.FragmentNumber{}, 1<<20)
	if err != nil {
		return nil, err
	}
	all := make(map[millrace.FragmentNumber]*millrace.Fragment)
	for _, entry := range entries {
		if all[entry.Number], err = e.Read(context.Background(), scope, entry, nil); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// served reports whether a server on packs has every fragment.
func served(packs store.FS, kept []*millrace.Fragment) error {
	all, err := read(packs)
	if err != nil {
		return err
	}
	for _, want := range kept {
		got, ok := all[want.Number]
		if !ok {
			return fmt.Errorf("fragment %v is missing", want.Number)
		}
		if err := storetest.Same(got, want); err != nil {
			return err
		}
	}
	return nil
}

// contents reads a file, which is empty if it is not there.
func contents(from store.FS, name string) string {
	f, err := from.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return ""
	}
	if err != nil {
		return err.Error()
	}
	defer f.Close()
	size, _ := f.Size()
	b, _ := io.ReadAll(io.NewSectionReader(f, 0, size))
	return string(b)
}
