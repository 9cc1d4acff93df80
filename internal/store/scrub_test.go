package store_test

import (
	"context"
	"errors"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/fault"
)

// timed has packs that are sealed when they are closed, and the clock of package
// time.
func timed(c *store.Config) {
	longLived(c)
	c.Elapsed = nil
}

// scrubs lets the scrub run for so long.
func (w *world) scrubs(d time.Duration, rate int64) {
	ctx, stop := context.WithTimeout(context.Background(), d)
	defer stop()
	var running sync.WaitGroup
	running.Go(func() { w.engine.Scrub(ctx, rate) })
	running.Wait()
}

// spoil damages a byte of a pack that lies so far behind an entry.
func (w *world) spoil(t *testing.T, e store.Entry, behind int64) {
	t.Helper()
	f, err := w.machine.fs.Open(w.nameOf(t, e.Position.Pack))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte{0xa5}, e.Position.Offset+behind); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func (w *world) nameOf(t *testing.T, number uint64) string {
	t.Helper()
	for _, name := range w.names(t) {
		if name[:16] == hex16(number) {
			return name
		}
	}
	t.Fatalf("there is no pack %x", number)
	return ""
}

func hex16(n uint64) string {
	const digits = "0123456789abcdef"
	var b [16]byte
	for i := range b {
		b[15-i] = digits[n>>(4*i)&15]
	}
	return string(b[:])
}

func TestTheScrubFindsDamageOnceAndKeepsToItsRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := worldOf(t, timed)
		for range 3 {
			w.must(t, w.fills(10, 9_000, 0, 1), w.restart)
		}
		list := w.entries(t, 0)
		a, b := list[2], list[11]
		w.spoil(t, a, 2000)
		w.spoil(t, b, 20)
		var size int64
		for _, name := range w.names(t) {
			f, err := w.machine.fs.Open(name)
			if err != nil {
				t.Fatal(err)
			}
			n, _ := f.Size()
			size += n
		}
		const rate = 10_000
		w.scrubs(time.Duration(size/2/rate)*time.Second, rate)
		if s := w.engine.ScrubStats(); s.Packs >= 3 {
			t.Errorf("in half the time all was read: %+v", s)
		}
		if len(w.damage) != 1 {
			t.Errorf("found is %+v", w.damage)
		}
		w.scrubs(3*24*time.Hour, rate)
		s := w.engine.ScrubStats()
		if s.Cycles < 2 || s.Cycles > 4 || s.Packs < 6 || s.Damaged < 4 || s.Bytes < 2*size-100_000 {
			t.Errorf("after three days: %+v", s)
		}
		if len(w.damage) != 2 || w.damage[0].Number != a.Number || w.damage[1].Number != b.Number {
			t.Errorf("found is %+v", w.damage)
		}
		_, err := w.engine.Read(t.Context(), w.scope(w.streams[0].key), a, nil)
		if !errors.Is(err, millrace.ErrCorrupt) || len(w.damage) != 2 {
			t.Errorf("read: %v, told %d", err, len(w.damage))
		}
		w.engine.Close()
	})
}

func TestTheScrubGoesOnWhereItWas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := worldOf(t, timed)
		for range 5 {
			w.must(t, w.fills(4, 9_000, 0), w.restart)
		}
		w.scrubs(7*time.Second, 10_000)
		at, packs := w.engine.Checked(), w.engine.ScrubStats().Packs
		if packs == 0 || packs >= 5 || at == 0 {
			t.Fatalf("%d packs were checked, the last is %x", packs, at)
		}
		w.must(t, w.fills(4, 9_000, 0), w.restart)
		if got := w.engine.Checked(); got != at {
			t.Errorf("after a restart it is at %x, was at %x", got, at)
		}
		w.scrubs(time.Hour, 10_000)
		if s := w.engine.ScrubStats(); s.Packs != 6-packs || s.Cycles != 1 {
			t.Errorf("then %+v, after %d", s, packs)
		}
		w.engine.Close()
	})
}

func TestAScrubThatIsOffDoesNothing(t *testing.T) {
	w := worldOf(t, longLived)
	w.must(t, w.fills(4, 9_000, 0), w.restart)
	w.engine.Scrub(t.Context(), 0)
	if s := w.engine.ScrubStats(); s != (store.ScrubStats{}) {
		t.Errorf("%+v", s)
	}
}

// One place that cannot be read ends readers once, and is then passed over. A
// disk that is out of order as a whole is not.
func TestAPlaceThatCannotBeReadIsTakenForDamaged(t *testing.T) {
	w := worldOf(t, longLived)
	w.must(t, w.fills(10, 9_000, 0), w.restart)
	list := w.entries(t, 0)
	read := func(i int) error {
		_, err := w.engine.Read(t.Context(), w.scope(w.streams[0].key), list[i], nil)
		return err
	}
	outage := w.faults.Break(fault.Fault{Op: fault.Read, At: 1, Forever: true, Err: syscall.EIO})
	for i := range 6 {
		if err := read(i % 3); !errors.Is(err, syscall.EIO) || errors.Is(err, millrace.ErrCorrupt) {
			t.Errorf("while nothing can be read: %v", err)
		}
	}
	outage()
	for i := range 4 {
		if err := read(i); err != nil {
			t.Errorf("when all is well again: %v", err)
		}
	}
	broken := func() error {
		mend := w.faults.Break(fault.Fault{Op: fault.Read, At: 1, Forever: true, Err: syscall.EIO})
		defer mend()
		return read(5)
	}
	if err := broken(); !errors.Is(err, syscall.EIO) || errors.Is(err, millrace.ErrCorrupt) || len(w.damage) > 0 {
		t.Errorf("the first time: %v", err)
	}
	if err := read(6); err != nil {
		t.Error(err)
	}
	for range 3 {
		if err := broken(); !errors.Is(err, syscall.EIO) || !errors.Is(err, millrace.ErrCorrupt) {
			t.Errorf("later: %v", err)
		}
	}
	if len(w.damage) != 1 || w.damage[0].Number != list[5].Number {
		t.Errorf("told is %+v", w.damage)
	}
}
