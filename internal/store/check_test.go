package store_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"syscall"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/pack"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/storetest"
)

// check compares all that the engine answers with the ledger: I1, I2, I3, I5,
// and that nothing that has gone is found. No call fails meanwhile. An index that
// is being made again has first to be ready.
func (w *world) check() error {
	defer w.faults.Pause()()
	err := w.checkAll()
	if errors.Is(err, store.ErrUnavailable) {
		err = w.do(w.feed, w.checkAll)
	}
	return err
}

func (w *world) checkAll() error {
	w.found = make(map[millrace.FragmentNumber]bool)
	for _, key := range w.keys() {
		if err := w.checkStream(key); err != nil {
			return fmt.Errorf("stream %d, generation %d: %w", key.ID, key.Generation, err)
		}
	}
	w.damage = slices.DeleteFunc(w.damage, func(d store.Damage) bool {
		return errors.Is(d.Err, store.ErrSetAside) && w.faults.Hits() > 0 || w.blemished && errors.Is(d.Err, syscall.EIO)
	})
	if len(w.damage) > 0 {
		return fmt.Errorf("damage where there is none: %+v", w.damage[0])
	}
	return nil
}

func (w *world) checkStream(key millrace.StreamKey) error {
	found, err := w.list(key)
	if err != nil {
		return err
	}
	for i, e := range found {
		if i > 0 && e.Number.Compare(found[i-1].Number) <= 0 {
			return fmt.Errorf("%v follows %v", e.Number, found[i-1].Number)
		}
		if err := w.checkEntry(key, e); err != nil {
			return err
		}
		w.found[e.Number], w.packs[e.Number] = true, e.Position.Pack
	}
	for _, f := range w.of(key) {
		if w.found[f.Number] || w.outcomes[f.Number] != kept || !w.there(f) {
			continue
		}
		if err := w.excuse(f); err != nil {
			return err
		}
	}
	return w.checkClocks(key, found)
}

// excuse says why a fragment may be missing, or that it must not be: its pack
// is set aside, or was evicted, and that was reported, if the machine lived to say so.
func (w *world) excuse(f *millrace.Fragment) error {
	if slices.Contains(w.engine.SetAside(), w.packs[f.Number]) {
		return nil // its pack could not be read, and is tried again
	}
	if !w.evicts || !w.removed[fmt.Sprintf("%016x.pack", w.packs[f.Number])] {
		return fmt.Errorf("%v was confirmed and is not found (I1)", f.Number)
	}
	w.outcomes[f.Number] = evicted
	if w.reported--; w.reported < 0 {
		return fmt.Errorf("%v was evicted, and nobody was told (I6)", f.Number)
	}
	return nil
}

// list reads all entries of a stream, a page at a time.
func (w *world) list(key millrace.StreamKey) (all []store.Entry, err error) {
	last := millrace.FragmentNumber{}
	for limit := w.pageSize(); ; {
		page, err := w.engine.After(context.Background(), w.scope(key), last, limit)
		if err != nil || len(page) == 0 {
			return all, err
		}
		if len(page) > limit {
			return nil, fmt.Errorf("a page of %d has %d entries", limit, len(page))
		}
		all, last = append(all, page...), page[len(page)-1].Number
	}
}

// pageSize is the size of a page, such that many fragments do not make very many
// pages.
func (w *world) pageSize() int { return 1 + w.rand.IntN(12+len(w.fragments)/4) }

// manyFragments is from how many fragments on not all of them are read.
const manyFragments = 200

func (w *world) checkEntry(key millrace.StreamKey, e store.Entry) error {
	f := w.fragments[e.Number]
	switch {
	case f == nil || f.Stream != key:
		return fmt.Errorf("%v is found and was never put (I2)", e.Number)
	case w.outcomes[e.Number] == failed:
		return fmt.Errorf("%v is found and its commit failed (I8)", e.Number)
	case !w.there(f):
		return fmt.Errorf("%v is found and has gone (I6)", e.Number)
	case !e.ProducerTime.Equal(f.ProducerTime) || e.Duration != f.Duration || e.Flags != f.Flags || e.Size != sizeOf(f):
		return fmt.Errorf("%v is listed as %+v (I5)", e.Number, e)
	}
	if len(w.fragments) > manyFragments && w.rand.IntN(len(w.fragments)) > manyFragments/4 {
		return nil
	}
	got, err := w.engine.Read(context.Background(), w.scope(key), e, nil)
	if w.blemished && errors.Is(err, syscall.EIO) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%w (I5)", err)
	}
	if err := storetest.Same(got, f); err != nil {
		return err
	}
	outline, err := w.engine.Outline(context.Background(), w.scope(key), e)
	if err != nil {
		return fmt.Errorf("%w (I5)", err)
	}
	return storetest.SameOutline(outline, f)
}

func sizeOf(f *millrace.Fragment) int64 {
	return int64(len(f.Leading) + f.ClusterSize() + len(f.Trailing))
}

// checkClocks asks for moments on both clocks, and looks in the list for what
// should have been answered.
func (w *world) checkClocks(key millrace.StreamKey, found []store.Entry) error {
	for range 4 {
		t := w.moment(found)
		got, err := w.engine.AtServerTime(context.Background(), w.scope(key), t)
		if err := agree(got, err, at(found, t, store.ServerClock)); err != nil {
			return fmt.Errorf("at the server time %v: %w", t, err)
		}
		got, err = w.engine.AtProducerTime(context.Background(), w.scope(key), t)
		if err := agree(got, err, at(found, t, store.ProducerClock)); err != nil {
			return fmt.Errorf("at the producer time %v: %w", t, err)
		}
	}
	for _, c := range []store.Clock{store.ServerClock, store.ProducerClock} {
		if err := w.checkListing(key, found, store.Listing{Clock: c}); err != nil {
			return err
		}
		l := store.Listing{Clock: c, From: w.moment(found), To: w.moment(found)}
		if err := w.checkListing(key, found, l); err != nil {
			return err
		}
	}
	return nil
}

// checkListing reads a listing, a page at a time.
func (w *world) checkListing(key millrace.StreamKey, found []store.Entry, l store.Listing) error {
	want := slices.DeleteFunc(slices.Clone(found), func(e store.Entry) bool {
		start := startOf(e, l.Clock)
		return !l.From.IsZero() && start.Before(l.From) || !l.To.IsZero() && !start.Before(l.To)
	})
	slices.SortStableFunc(want, func(a, b store.Entry) int { return startOf(a, l.Clock).Compare(startOf(b, l.Clock)) })
	var got []store.Entry
	for l.Limit = w.pageSize(); ; {
		page, err := w.engine.List(context.Background(), w.scope(key), l)
		if err != nil {
			return err
		}
		if len(page) == 0 || len(page) > l.Limit {
			break
		}
		last := page[len(page)-1]
		got, l.After = append(got, page...), store.KeyOf(l.Clock, last.Number, last.ProducerTime)
	}
	if !slices.Equal(got, want) {
		return fmt.Errorf("listing %+v has %d entries, want %d (I5)", l, len(got), len(want))
	}
	return nil
}

// startOf is when an entry starts on a clock.
func startOf(e store.Entry, c store.Clock) time.Time {
	if c == store.ServerClock {
		return e.ServerTime()
	}
	return e.ProducerTime
}

// moment is a time near one of the entries, or now.
func (w *world) moment(found []store.Entry) time.Time {
	if len(found) == 0 {
		return w.now
	}
	e := found[w.rand.IntN(len(found))]
	t := e.ServerTime()
	if w.rand.IntN(2) == 0 {
		t = e.ProducerTime
	}
	return t.Add(time.Duration(w.rand.IntN(5)-2) * 499 * time.Millisecond)
}

// at answers AtServerTime or AtProducerTime, by looking at every entry, in
// order of number.
func at(found []store.Entry, t time.Time, c store.Clock) *store.Entry {
	var within, next *store.Entry
	for i := range found {
		e := &found[i]
		start := startOf(*e, c)
		if !start.After(t) && start.Add(e.Duration).After(t) && (within == nil || start.After(startOf(*within, c))) {
			within = e
		}
		if !start.Before(t) && (next == nil || start.Before(startOf(*next, c))) {
			next = e
		}
	}
	if within != nil {
		return within
	}
	return next
}

func agree(got store.Entry, err error, want *store.Entry) error {
	switch {
	case want == nil && errors.Is(err, millrace.ErrNotFound):
		return nil
	case want == nil:
		return fmt.Errorf("%v, %w, although there is none (I5)", got.Number, err)
	case err != nil:
		return fmt.Errorf("%w, although there is %v (I5)", err, want.Number)
	case got != *want:
		return fmt.Errorf("%+v, want %+v (I5)", got, *want)
	}
	return nil
}

// learn makes what was found by the last check, of all that the machine died
// over, the least that must be found from now on if lasting, and the most that
// may be.
func (w *world) learn(lasting bool) error {
	for n, f := range w.fragments {
		switch {
		case w.outcomes[n] != unknown || !w.there(f):
		case !w.found[n] && len(w.engine.SetAside()) == 0:
			w.outcomes[n] = failed
		case !w.found[n]:
		case lasting:
			w.outcomes[n] = kept
		}
	}
	return nil
}

// checkAccounts compares the accounts with a recount, after a pass of
// maintenance has taken out what is gone: one that nothing disturbs, if the last
// one failed.
func (w *world) checkAccounts() error {
	defer w.faults.Pause()()
	if w.faults.Hits() > 0 {
		if err := w.maintain(); err != nil {
			return err
		}
	}
	var count int
	var bytes int64
	for _, key := range w.keys() {
		list, err := w.list(key)
		if err != nil {
			return err
		}
		var own int64
		for _, e := range list {
			own += e.Size
		}
		if s := w.engine.StreamStats(key); s.Fragments != len(list) || s.Bytes != own {
			return fmt.Errorf("stream %d has %d fragments of %d bytes, its account says %+v", key.ID, len(list), own, s)
		}
		count, bytes = count+len(list), bytes+own
	}
	if s := w.engine.PackStats(); s.LiveFragments != count || s.LiveBytes != bytes {
		return fmt.Errorf("%d fragments of %d bytes are found, the accounts say %+v", count, bytes, s)
	}
	return nil
}

// checkFiles verifies every pack, and that there are no files but those of packs
// that the engine knows of and needs, after a pass of maintenance.
func (w *world) checkFiles() error {
	defer w.faults.Pause()()
	names, err := w.machine.fs.ReadDir()
	if err != nil {
		return err
	}
	n := w.engine.PackStats().Packs
	if n > len(names) || n < len(names) && w.faults.Hits() == w.struck { // what could not be removed waits for the next start
		return fmt.Errorf("there are %d files, and %d packs", len(names), n)
	}
	for _, name := range names {
		if err := w.checkFile(name); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func (w *world) checkFile(name string) error {
	f, err := w.machine.fs.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	h, err := pack.ReadFileHeader(f)
	if err != nil {
		return err
	}
	size, err := f.Size()
	if err != nil {
		return err
	}
	r, err := store.VerifyPack(context.Background(), f, size, h.Pack)
	if err != nil || len(r.Damaged) > 0 {
		return fmt.Errorf("damage where there is none: %+v, %w", r, err)
	}
	return nil
}
