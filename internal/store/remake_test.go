package store_test

import (
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/storetest"
)

// A removing directory calls before ahead of each removal.
type removing struct {
	store.FS
	before func()
}

func (r *removing) Remove(name string) error {
	r.before()
	return r.FS.Remove(name)
}

// What was written anew is in two packs until the old one has gone. An index
// that is made again at that moment must not find it in the old one.
func TestTheIndexIsNotMadeAgainWhilePacksGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := &removing{before: func() {}}
		w := worldOf(t, func(c *store.Config) {
			longLived(c)
			dir.FS, c.FS = c.FS, dir
		})
		some := w.fills(40, 20_000, 0, 1, 2, 0, 1, 3)
		w.must(t, some, w.restart, some, w.restart, w.drops(0, 1, 2))
		fed := make(chan error, 1)
		dir.before = func() {
			dir.before = func() {}
			w.machine.pages.Damage()
			_, _ = w.list(w.streams[3].key) // finds out
			go func() { fed <- w.feed() }()
			synctest.Wait()
		}
		r, err := w.engine.Maintain(t.Context(), storetest.ExpiryAt(w.now))
		if err != nil || r.Rewritten == 0 || r.Packs != 2 {
			t.Errorf("%+v, %v", r, err)
		}
		if err := <-fed; err != nil {
			t.Error(err)
		}
		w.must(t, w.maintain)
		if err := w.checkBare(); err != nil {
			t.Error(err)
		}
	})
}

// An opening directory calls before ahead of each opening.
type opening struct {
	removing
	open func(name string)
}

func (o *opening) Open(name string) (store.File, error) {
	o.open(name)
	return o.removing.Open(name)
}

// What counted as dead when room was to be made may be all that there is of a
// fragment once the index has been made again.
func TestADeadPackIsNotEvictedOnceItIsLive(t *testing.T) {
	var dir *opening
	removable := true
	w := worldOf(t, func(c *store.Config) {
		longLived(c)
		dir = &opening{removing: removing{FS: c.FS, before: func() {}}, open: func(string) {}}
		c.FS = &sticking{FS: dir, may: func() bool { return removable }}
	})
	some := w.fills(40, 20_000, 0, 1, 2, 0, 1, 3)
	w.must(t, some, w.restart, some, w.restart, w.drops(0, 1, 2))
	removable = false
	r, err := w.engine.Maintain(t.Context(), storetest.ExpiryAt(w.now))
	if err == nil || r.Rewritten == 0 || r.Packs != 0 {
		t.Fatalf("%+v, %v", r, err)
	}
	removable = true
	opened := 0
	dir.open = func(string) {
		if opened++; opened == 1 {
			w.machine.pages.Damage()
			_, _ = w.list(w.streams[3].key) // finds out
			w.must(t, w.feed)
		}
	}
	if err := w.engine.Evict(); err != nil {
		t.Error(err)
	}
	if opened == 0 {
		t.Fatal("nothing was evicted")
	}
	dir.open = func(string) {}
	w.must(t, w.maintain, w.checkAll)
	if err := w.checkBare(); err != nil {
		t.Error(err)
	}
}

// A sticking directory removes what it may.
type sticking struct {
	store.FS
	may func() bool
}

func (s *sticking) Remove(name string) error {
	if !s.may() {
		return syscall.EIO
	}
	return s.FS.Remove(name)
}
