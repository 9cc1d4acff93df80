package store_test

import (
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/mem"
	"github.com/millrace/millrace/internal/store/storetest"
)

// TestRemovalsAreDurable: once a pack was reported as gone, the power may fail:
// its file does not come back, and the room that it took is there.
func TestRemovalsAreDurable(t *testing.T) {
	worst := func(int) int { return 0 }
	t.Run("of dead packs", func(t *testing.T) {
		fs := mem.NewFS()
		r := newRig(t, store.Config{FS: fs})
		key := millrace.StreamKey{ID: 1}
		r.keep(key, time.Hour)
		f := r.put(1, 100)
		r.Step()
		r.elapsed += 48 * time.Hour // the pack is due
		r.Step()
		done, err := r.Maintain(t.Context(), storetest.ExpiryAt(f.ServerTime().Add(2*time.Hour)))
		if err != nil || done.Packs != 1 {
			t.Fatalf("%+v, %v", done, err)
		}
		if names, err := fs.Crash(worst).ReadDir(); err != nil || len(names) != 0 {
			t.Errorf("after a crash there are %v, %v", names, err)
		}
	})
	t.Run("of evicted packs", func(t *testing.T) {
		fs := mem.NewFS()
		s := newSqueeze(t, store.Config{FS: fs, Capacity: 1 << 20})
		for len(s.evicted) == 0 {
			if err := s.put(1, 9000); err != nil {
				t.Fatal(err)
			}
		}
		names, err := fs.Crash(worst).ReadDir()
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			if number, _ := store.PackNumber(name); number == s.evicted[0].Pack {
				t.Errorf("after a crash there is %s", name)
			}
		}
	})
}
