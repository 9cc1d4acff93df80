package store_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/storetest"
)

// What a world knows of a fragment that it has submitted.
type outcome uint8

const (
	unknown outcome = iota // the machine died before it was settled
	kept                   // confirmed
	failed                 // refused
)

// A world puts fragments into an engine that it drives by hand, and remembers
// what must be true. The same seed does the same.
type world struct {
	rand   *rand.Rand
	make   *storetest.Fragments
	fs     store.FS
	dead   func() bool // whether what the engine says does not count any more
	engine *store.Driver
	epoch  uint32

	fragments map[millrace.FragmentNumber]*millrace.Fragment
	outcomes  map[millrace.FragmentNumber]outcome
	dropped   map[millrace.StreamKey]bool
	since     map[millrace.StreamKey]time.Time
	damage    []store.Damage
	unsure    []millrace.FragmentNumber // have failed, and nothing was written since
}

func newWorld(seed uint64, fs store.FS, dead func() bool) *world {
	return &world{
		rand: rand.New(rand.NewPCG(seed, 2)), make: storetest.NewFragments(seed), fs: fs, dead: dead,
		fragments: make(map[millrace.FragmentNumber]*millrace.Fragment),
		outcomes:  make(map[millrace.FragmentNumber]outcome),
		dropped:   make(map[millrace.StreamKey]bool),
		since:     make(map[millrace.StreamKey]time.Time),
	}
}

// open starts the engine in a new epoch. What failed last may come back if
// nothing could be written since.
func (w *world) open() error {
	w.epoch++
	for _, n := range w.unsure {
		w.outcomes[n] = unknown
	}
	w.unsure = nil
	e, err := store.OpenByHand(context.Background(), store.Config{
		FS: w.fs, Epoch: w.epoch, PackSize: 40_000,
		Policies: w.policies(),
		Events:   store.Events{Damaged: func(d store.Damage) { w.damage = append(w.damage, d) }},
	})
	w.engine = e
	return err
}

// policies is what a control state would say.
func (w *world) policies() map[millrace.StreamKey]store.Policy {
	all := make(map[millrace.StreamKey]store.Policy)
	for id := range uint64(4) {
		if key := (millrace.StreamKey{ID: id}); !w.dropped[key] {
			all[key] = store.Policy{Retention: millrace.MaxRetention, KeptSince: w.since[key]}
		}
	}
	return all
}

// act does one random thing.
func (w *world) act() error {
	switch n := w.rand.IntN(20); {
	case n == 0:
		w.drop()
	case n == 1:
		return w.forget()
	case n == 2:
		w.engine.Close()
		return w.open()
	default:
		w.put(1 + w.rand.IntN(6))
	}
	return nil
}

// put submits n fragments of any streams, out of order, as one batch.
func (w *world) put(n int) {
	var list []*millrace.Fragment
	for range n {
		f := w.make.Make(w.key(), w.rand.IntN(6000))
		if !w.dropped[f.Stream] {
			list = append(list, f)
		}
	}
	w.rand.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	for _, f := range list {
		w.fragments[f.Number] = f
		err := w.engine.Submit(context.Background(), f, func(err error) { w.settle(f, err) })
		if err != nil {
			w.settle(f, err)
		}
	}
	w.engine.Step()
}

func (w *world) settle(f *millrace.Fragment, err error) {
	switch {
	case err == nil:
		w.outcomes[f.Number], w.unsure = kept, nil
	case !w.dead():
		w.outcomes[f.Number], w.unsure = failed, append(w.unsure, f.Number)
	}
}

func (w *world) key() millrace.StreamKey { return millrace.StreamKey{ID: w.rand.Uint64N(4)} }

func (w *world) drop() {
	key := w.key()
	if w.rand.IntN(3) > 0 {
		return // not too often: a stream does not come back
	}
	w.dropped[key] = true
	_ = w.engine.Drop(context.Background(), key)
}

// forget moves the retention of one stream or of all on, and lets the engine
// forget.
func (w *world) forget() error {
	var newest time.Time
	for n := range w.fragments {
		if n.ServerTime().After(newest) {
			newest = n.ServerTime()
		}
	}
	since := newest.Add(time.Duration(2-w.rand.IntN(10)) * time.Second)
	one, all := w.key(), w.rand.IntN(2) == 0
	for id := range uint64(4) {
		key := millrace.StreamKey{ID: id}
		if (all || key == one) && since.After(w.since[key]) {
			w.since[key] = since
		}
	}
	for key, p := range w.policies() {
		w.engine.SetPolicy(key, p)
	}
	_, err := w.engine.Maintain(context.Background(), newest)
	if w.dead() {
		return nil
	}
	return err
}

// check compares what is found with what must be and with what may be.
func (w *world) check() error {
	for id := range uint64(4) {
		if err := w.checkStream(millrace.StreamKey{ID: id}); err != nil {
			return fmt.Errorf("stream %d: %w", id, err)
		}
	}
	if len(w.damage) > 0 {
		return fmt.Errorf("damage where there is none: %+v", w.damage[0])
	}
	return nil
}

func (w *world) checkStream(key millrace.StreamKey) error {
	scope := store.Scope{Stream: key, Since: w.since[key]}
	entries, err := w.engine.After(context.Background(), scope, millrace.FragmentNumber{}, 1<<20)
	if err != nil {
		return err
	}
	found := make(map[millrace.FragmentNumber]bool)
	for i, e := range entries {
		if i > 0 && e.Number.Compare(entries[i-1].Number) <= 0 {
			return fmt.Errorf("%v follows %v", e.Number, entries[i-1].Number)
		}
		found[e.Number] = true
		if err := w.checkEntry(scope, e); err != nil {
			return err
		}
	}
	for n, f := range w.fragments {
		due := w.outcomes[n] == kept && f.Stream == key && !w.dropped[key] && !n.ServerTime().Before(scope.Since)
		if due && !found[n] {
			return fmt.Errorf("%v was confirmed and is not found", n)
		}
	}
	return nil
}

func (w *world) checkEntry(scope store.Scope, e store.Entry) error {
	f := w.fragments[e.Number]
	switch {
	case f == nil || f.Stream != scope.Stream:
		return fmt.Errorf("%v is found and was never put", e.Number)
	case w.dropped[scope.Stream]:
		return fmt.Errorf("%v is found and its stream was dropped", e.Number)
	case w.outcomes[e.Number] == failed:
		return fmt.Errorf("%v is found and its commit failed", e.Number)
	}
	got, err := w.engine.Read(context.Background(), scope, e, nil)
	if err != nil {
		return err
	}
	at, err := w.engine.AtProducerTime(context.Background(), scope, f.ProducerTime)
	if err != nil || at.ProducerTime.After(f.ProducerTime) {
		return fmt.Errorf("at the producer time of %v: %v, %w", e.Number, at, err)
	}
	return storetest.Same(got, f)
}

// settleUnknown makes what is found, of all that the machine died over, the
// least that must be found from now on if lasting, and the most that may be.
func (w *world) settleUnknown(lasting bool) error {
	found := make(map[millrace.FragmentNumber]bool)
	for id := range uint64(4) {
		scope := store.Scope{Stream: millrace.StreamKey{ID: id}}
		entries, err := w.engine.After(context.Background(), scope, millrace.FragmentNumber{}, 1<<20)
		if err != nil {
			return err
		}
		for _, e := range entries {
			found[e.Number] = true
		}
	}
	for n := range w.fragments {
		switch {
		case w.outcomes[n] != unknown:
		case !found[n]:
			w.outcomes[n] = failed
		case lasting:
			w.outcomes[n] = kept
		}
	}
	return nil
}

// count says how many fragments had an outcome.
func (w *world) count(o outcome) int {
	return len(slices.DeleteFunc(slices.Collect(maps.Values(w.outcomes)), func(x outcome) bool { return x != o }))
}

var errNothingKept = errors.New("nothing was kept")
