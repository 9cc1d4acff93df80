package store_test

import (
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
