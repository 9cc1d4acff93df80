package store_test

import (
	"errors"
	"fmt"
	"slices"
	"syscall"
	"testing"

	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/fault"
)

// unread makes everything that is read of one file fail, until it is mended.
func (w *world) unread(name string) (mend func()) {
	w.disturb = []error{syscall.EIO}
	return w.faults.Break(fault.Fault{Op: fault.Read, At: 1, Forever: true, Err: syscall.EIO, Name: name})
}

// asideWorld is a world with some sealed packs and an open one, which has lost
// its program.
func asideWorld(t *testing.T, bare bool) (w *world, names []string) {
	w = worldOf(t, smallPacks)
	some := func() error { return w.put(batch{n: 6, size: 3000}) }
	w.must(t, some, some, some, w.feed, some, some)
	m := w.machine.kill()
	if bare {
		m = w.machine.bare()
	}
	w.move(m)
	names, err := m.fs.ReadDir()
	if err != nil || len(names) < 3 {
		t.Fatalf("%q, %v", names, err)
	}
	slices.Sort(names)
	return w, names
}

// A pack that cannot be read costs what is in it, for as long as that is so, and
// nothing else.
func TestAPackThatCannotBeReadDoesNotStopTheStart(t *testing.T) {
	for _, bare := range []bool{false, true} {
		_, names := asideWorld(t, bare)
		for i := range names {
			t.Run(fmt.Sprintf("without an index %v, pack %d", bare, i), func(t *testing.T) {
				w, names := asideWorld(t, bare)
				mend := w.unread(names[i])
				number, _ := store.PackNumber(names[i])
				told := 0
				use := func() error {
					told = len(w.damage)
					return errors.Join(w.mustPut(batch{n: 3, size: 2000}), w.check(), w.do(w.maintain), w.check())
				}
				if err := w.open(); err != nil {
					t.Fatal(err)
				}
				w.must(t, use)
				aside := w.engine.SetAside()
				if !bare && len(aside) == 0 {
					return // all of it is in the index
				}
				if !slices.Contains(aside, number) || told == 0 || w.engine.PackStats().SetAside != len(aside) {
					t.Fatalf("set aside %x, not %s; %d told", aside, names[i], told)
				}
				if len(aside) > 2 {
					t.Errorf("%d packs are set aside for one, and the one that was open", len(aside))
				}
				w.elapsed += 1e13
				w.must(t, use, w.restart, use)
				if err := use(); err != nil || len(w.engine.SetAside()) == 0 {
					t.Fatalf("%v", err)
				}
				mend()
				w.must(t, w.takeIn, use, w.checkAccounts, w.checkFiles)
				w.must(t, w.restart, use)
				if err := w.checkBare(); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// An index that is made again while the server runs is made without a pack that
// cannot be read, and is whole when that can.
func TestAnIndexIsMadeAgainWithoutAPackThatCannotBeRead(t *testing.T) {
	for _, over := range []string{"nothing", "restart", "kill"} {
		t.Run("over "+over, func(t *testing.T) {
			w := worldOf(t, smallPacks)
			some := func() error { return w.put(batch{n: 6, size: 3000}) }
			w.must(t, some, some, some, w.feed, some, w.feed)
			names, err := w.machine.fs.ReadDir()
			if err != nil {
				t.Fatal(err)
			}
			slices.Sort(names)
			mend := w.unread(names[0])
			w.machine.pages.Damage()
			_, _ = w.list(w.streams[3].key) // finds out
			w.must(t, w.feed, some, w.maintain, w.maintain, w.feed)
			if aside := w.engine.SetAside(); len(aside) != 1 {
				t.Fatalf("set aside: %x", aside)
			}
			switch over {
			case "restart":
				w.must(t, w.restart, some)
			case "kill":
				w.move(w.machine.kill())
				w.must(t, w.open, some)
			}
			if aside := w.engine.SetAside(); len(aside) != 1 {
				t.Fatalf("set aside: %x", aside)
			}
			mend()
			w.must(t, w.takeIn, some, w.checkAccounts, w.restart, w.checkAccounts)
			if err := w.checkBare(); err != nil {
				t.Error(err)
			}
		})
	}
}

// A sector is a place on the disk that cannot be read.
type sector struct {
	store.File
	from, to int64
}

func (s sector) ReadAt(p []byte, off int64) (int, error) {
	if off < s.to && s.from < off+int64(len(p)) {
		return 0, syscall.EIO
	}
	return s.File.ReadAt(p, off)
}

// A sectored directory has a sector in one of its files.
type sectored struct {
	store.FS
	name     string
	from, to int64
}

func (s *sectored) Open(name string) (store.File, error) {
	f, err := s.FS.Open(name)
	if err != nil || name != s.name {
		return f, err
	}
	return sector{f, s.from, s.to}, nil
}

// One place that cannot be read, wherever it is, neither stops a start nor brings
// back what was refused in another pack; and nothing is cut or removed for it.
func TestASectorCannotBeRead(t *testing.T) {
	for at := int64(0); at < 40_000; at += 1024 {
		w := worldOf(t, func(*store.Config) {})
		dir := &sectored{}
		w.config = func(c *store.Config) { dir.FS, c.FS = c.FS, dir }
		some := func() error { return w.put(batch{n: 4, size: 3000}) }
		w.must(t, some, w.feed)
		w.disturb = []error{syscall.EIO}
		w.faults.Break(
			fault.Fault{Op: fault.Sync, At: 1, Err: syscall.EIO}, fault.Fault{Op: fault.Sync, At: 2, Err: syscall.EIO},
			fault.Fault{Op: fault.Truncate, At: 1, Forever: true, Err: syscall.EIO},
			fault.Fault{Op: fault.Remove, At: 1, Forever: true, Err: syscall.EIO})
		if err := some(); err != nil || w.count(failed) != 4 {
			t.Fatalf("%v; %d failed", err, w.count(failed))
		}
		w.faults.Heal()
		w.must(t, some, some)
		before := w.machine.kill()
		w.move(before)
		names, err := w.machine.fs.ReadDir()
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(names)
		w.blemished = true
		dir.name, dir.from, dir.to = names[len(names)-1], at, at+512
		steps := []func() error{w.open, w.check, w.maintain, some, w.check, w.restart, w.check, w.maintain, w.check}
		for i, step := range steps {
			if err := step(); err != nil {
				t.Fatalf("at %d: step %d: %v", at, i+1, err)
			}
		}
		dir.name, w.blemished = "", false
		if err := errors.Join(w.restart(), w.check(), w.maintain(), w.checkAccounts(), w.checkBare()); err != nil || len(w.engine.SetAside()) > 0 {
			t.Fatalf("at %d: mended: %v", at, err)
		}
	}
}

// What goes while a pack cannot be read does not come back with it.
func TestWhatWentMeanwhileDoesNotComeBackWithItsPack(t *testing.T) {
	w, names := asideWorld(t, true)
	mend := w.unread(names[0])
	w.must(t, w.open,
		func() error { return w.drop(1) },
		func() error { return w.erase(2, store.ServerClock, w.now.Add(-1e12), w.now) },
		func() error { return w.do(w.maintain) }, w.restart)
	if len(w.engine.SetAside()) == 0 {
		t.Fatal("nothing is set aside")
	}
	mend()
	w.must(t, w.takeIn, w.maintain, w.checkAccounts)
}

// A pack that cannot be read is not evicted, and others are.
func TestAPackThatCannotBeReadIsNotEvicted(t *testing.T) {
	w := worldOf(t, littleRoom(store.OldestFirst))
	some := func() error { return w.put(batch{n: 4, size: 3000}) }
	w.must(t, some, some, some)
	w.move(w.machine.bare())
	names, err := w.machine.fs.ReadDir()
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	mend := w.unread(names[0])
	w.must(t, w.open)
	for range 12 {
		w.must(t, some)
	}
	if w.removed[names[0]] || len(w.removed) == 0 {
		t.Fatalf("removed: %v", w.removed)
	}
	mend()
	w.must(t, w.takeIn, some, w.checkAccounts)
}
