package store_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/storetest"
)

// busyPages are pages that can be changed, and for a while not synced.
type busyPages struct {
	store.Pages
	busy *bool
}

func (p busyPages) Sync(ctx context.Context) error {
	if *p.busy {
		return fmt.Errorf("somebody reads: %w", store.ErrUnavailable)
	}
	return p.Pages.Sync(ctx)
}

// TestNothingGoesBeforeItIsElsewhereForGood: fragments were written anew, and
// the index told, which cannot be made durable. Whatever comes then, a power cut
// leads the index back to where they were, and they are there (I1).
func TestNothingGoesBeforeItIsElsewhereForGood(t *testing.T) {
	for name, then := range map[string]func(t *testing.T, w *world){
		"in the same pass": func(*testing.T, *world) {},
		"at the next pass": func(t *testing.T, w *world) { w.passInVain(t) },
		"at the next start": func(t *testing.T, w *world) {
			w.move(w.machine.kill())
			if err := w.open(); err != nil {
				t.Fatal(err)
			}
			w.passInVain(t)
		},
		"when room is needed": func(t *testing.T, w *world) {
			if err := w.engine.Evict(); !errors.Is(err, store.ErrUnavailable) {
				t.Errorf("evicted: %v", err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			w, busy := mostlyDead(t)
			w.passInVain(t)
			then(t, w)
			*busy = false
			w.move(w.machine.crash(func(int) int { return 0 }))
			w.must(t, w.open)
		})
	}
}

// TestNothingIsPunchedBeforeItIsElsewhereForGood: the same where something is
// damaged, so that the pack stays.
func TestNothingIsPunchedBeforeItIsElsewhereForGood(t *testing.T) {
	for name, restarts := range map[string]bool{"by who has moved it": false, "by the next start": true} {
		t.Run(name, func(t *testing.T) {
			w, busy := mostlyDead(t)
			list := w.entries(t, 3)
			f, err := w.machine.fs.Open(w.names(t)[0])
			if err != nil {
				t.Fatal(err)
			}
			if _, err := f.WriteAt([]byte("damage"), list[0].Position.Offset+5000); err != nil {
				t.Fatal(err)
			}
			w.passInVain(t)
			if restarts {
				w.move(w.machine.kill())
				if err := w.open(); err != nil {
					t.Fatal(err)
				}
			}
			w.passInVain(t)
			*busy = false
			w.move(w.machine.crash(func(int) int { return 0 }))
			if err := w.open(); err != nil {
				t.Fatal(err)
			}
			left := w.entries(t, 3)
			if len(left) != len(list) {
				t.Errorf("%d fragments are found, there were %d", len(left), len(list))
			}
			for _, e := range left[1:] {
				if _, err := w.engine.Read(t.Context(), w.scope(w.streams[3].key), e, nil); err != nil {
					t.Errorf("%v: %v", e.Number, err)
				}
			}
		})
	}
}

// mostlyDead is a world with one sealed pack of which little is live, and whether
// its index cannot be synced, which it says is so.
func mostlyDead(t *testing.T) (*world, *bool) {
	t.Helper()
	busy := false
	w := worldOf(t, func(c *store.Config) {
		longLived(c)
		c.Pages = busyPages{c.Pages, &busy}
	})
	w.must(t, w.fills(40, 20_000, 0, 1, 2, 0, 1, 3), w.restart)
	w.pass(t) // all that it knows is durable
	w.must(t, w.drops(0, 1, 2))
	busy = true
	return w, &busy
}

// passInVain makes a pass of maintenance while the index cannot be synced.
func (w *world) passInVain(t *testing.T) {
	t.Helper()
	if _, err := w.engine.Maintain(t.Context(), storetest.ExpiryAt(w.now)); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("pass: %v", err)
	}
}
