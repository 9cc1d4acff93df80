package store_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/fault"
	"github.com/millrace/millrace/internal/store/storetest"
)

// longRetention is that of streams of which a test says nothing.
const longRetention = 1000 * 24 * time.Hour

// A world is a machine with an engine that is driven by hand, and the ledger
// that says what must be true of it. The same calls do the same.
type world struct {
	*ledger
	rand    *rand.Rand
	make    *storetest.Fragments
	machine *machine
	faults  *fault.FS // between the engine and the machine
	engine  *store.Driver
	config  func(*store.Config)

	epoch     uint32
	sequence  uint32
	identity  byte // of the control state
	rebuild   bool // whether the next start is to make the index anew
	elapsed   time.Duration
	struck    int    // calls that had failed on purpose when the engine was opened
	failAt    int    // the mutation, over all machines, in which the power fails
	spent     int    // mutations of the machines before this one
	inFlight  int    // fragments that were submitted and not settled
	commit    uint64 // the pack that was written to last
	evicts    bool   // whether packs go when there is no room
	tight     bool   // whether new media are refused then
	full      int    // how many were
	damage    []store.Damage
	found     map[millrace.FragmentNumber]bool // by the last check
	disturb   []error                          // with what calls fail on purpose
	blemished bool                             // a place of the disk cannot be read
	watch     func(call string)                // gets the mutations of all machines; may be nil
}

// newWorld returns a world with streams 0 to 3.
func newWorld(seed uint64, m *machine) *world {
	w := &world{
		ledger: newLedger(), machine: m, faults: fault.New(m.directory()), config: func(*store.Config) {},
		rand: rand.New(rand.NewPCG(seed, 2)), make: storetest.NewFragments(seed),
	}
	w.attend()
	w.now = storetest.Epoch()
	for id := range uint64(4) {
		w.streams[id] = &incarnation{key: millrace.StreamKey{ID: id}, policy: store.Policy{Retention: longRetention}}
	}
	return w
}

// fork returns a world that goes on by itself from what is known now, on the
// machine m.
func (w *world) fork(seed uint64, m *machine) *world {
	f := &world{
		ledger: w.ledger.clone(), machine: m, faults: fault.New(m.directory()), config: w.config,
		rand: rand.New(rand.NewPCG(seed, 3)), make: storetest.NewFragments(seed),
		epoch: w.epoch, sequence: w.sequence, elapsed: w.elapsed, identity: w.identity, damage: slices.Clone(w.damage),
	}
	f.untold()
	f.attend()
	return f
}

// untold says that the engine may have had no time to report what it evicted.
func (w *world) untold() { w.reported = math.MaxInt32 }

// dead reports whether the machine has died, so that nothing that the engine
// says counts any more.
func (w *world) dead() bool { return w.machine.power.Off() }

// crashAt makes the power fail in the k-th mutation of the whole program, over
// all machines that it goes through.
func (w *world) crashAt(k int) {
	w.failAt = k
	w.machine.power.FailAt(k)
}

// move goes on with another machine, at first without an engine.
func (w *world) move(m *machine) {
	w.spent, w.inFlight = w.mutations(), 0
	w.untold()
	w.machine, w.engine = m, nil
	w.faults.Mount(m.directory())
	w.attend()
	if w.failAt > w.spent {
		m.power.FailAt(w.failAt - w.spent)
	}
}

// attend notes the mutations of the machine.
func (w *world) attend() {
	w.machine.power.Watch(func(call string) {
		if name, is := strings.CutPrefix(call, "remove "); is {
			w.removed[name] = true
		}
		if w.watch != nil {
			w.watch(call)
		}
	})
}

// mutations counts over all machines.
func (w *world) mutations() int { return w.spent + w.machine.power.Mutations() }

// do takes steps until one fails or the machine dies. A step that fails as it
// was made to fail is passed over.
func (w *world) do(steps ...func() error) error {
	for i, step := range steps {
		err := step()
		if w.dead() {
			return nil
		}
		if err != nil && !w.meant(err) {
			return fmt.Errorf("step %d: %w", i+1, err)
		}
		if err := w.ready(); err != nil {
			return fmt.Errorf("step %d: %w", i+1, err)
		}
	}
	return nil
}

// meant reports whether an error is one that was injected.
func (w *world) meant(err error) bool {
	return w.faults.Hits() > 0 && slices.ContainsFunc(w.disturb, func(x error) bool { return errors.Is(err, x) })
}

// ready opens an engine that could not be opened, on a disk that is healed.
func (w *world) ready() error {
	if w.engine != nil || w.faults.Hits() == 0 {
		return nil
	}
	w.faults.Heal()
	return w.open()
}

// times takes a step n times.
func (w *world) times(n int, step func() error) error {
	return w.do(slices.Repeat([]func() error{step}, n)...)
}

// open starts the engine in a new epoch.
func (w *world) open() error {
	w.epoch++
	w.sequence = 0
	w.reopened()
	cfg := store.Config{
		FS: w.faults, Pages: w.faults.Pages(w.machine.pages), Epoch: w.epoch, PackSize: 40_000, FeedRows: 8,
		Identity: [16]byte{w.identity}, Rebuild: w.rebuild,
		OnFull:   store.RefuseNew,
		Policies: w.policies(),
		Now:      func() time.Time { return w.now },
		Elapsed:  func() time.Duration { return w.elapsed },
		Events: store.Events{
			Damaged: func(d store.Damage) {
				if !w.dead() {
					w.damage = append(w.damage, d)
				}
			},
			Committed: func(c store.Commit) { w.commit = c.Pack },
			Evicted:   func(v store.Eviction) { w.reported += v.Fragments },
		},
	}
	w.rebuild = false
	w.config(&cfg)
	w.evicts, w.tight = cfg.OnFull == store.OldestFirst, cfg.OnFull == store.RefuseNew && cfg.Capacity > 0
	w.struck = w.faults.Hits()
	e, err := store.OpenByHand(context.Background(), cfg)
	w.engine = e
	if err != nil {
		return fmt.Errorf("open: %w", err)
	}
	return nil
}

// policies is what the control state says.
func (w *world) policies() map[millrace.StreamKey]store.Policy {
	all := make(map[millrace.StreamKey]store.Policy)
	for _, s := range w.streams {
		if !s.deleted {
			all[s.key] = s.policy
		}
	}
	return all
}

// close ends the engine in order.
func (w *world) close() error {
	w.engine.Close()
	return nil
}

// restart closes and opens.
func (w *world) restart() error {
	w.engine.Close()
	return w.open()
}

// wait lets time pass.
func (w *world) wait(d time.Duration) error {
	w.now, w.elapsed = w.now.Add(d), w.elapsed+d
	return nil
}

// A batch says what is put at once.
type batch struct {
	n       int
	size    int // media of each, in bytes; about
	streams int // how many of the first streams it is for; 0 is all
}

// put submits a batch, in any order, and has every lane commit.
func (w *world) put(b batch) error {
	for _, f := range w.fresh(b) {
		w.submit(f)
	}
	w.settleAll()
	return nil
}

// settleAll has every lane commit until nothing is left.
func (w *world) settleAll() {
	for w.inFlight > 0 && !w.dead() {
		w.engine.Step()
	}
}

// fresh makes the fragments of a batch, in the order in which they end. Server
// times go on by a second with each.
func (w *world) fresh(b batch) (list []*millrace.Fragment) {
	if b.streams == 0 {
		b.streams = len(w.streams)
	}
	for range b.n {
		s := w.streams[w.rand.Uint64N(uint64(b.streams))]
		if s.deleted {
			continue
		}
		f := w.make.Make(s.key, b.size/2+w.rand.IntN(1+b.size))
		_ = w.wait(time.Second)
		w.sequence++
		f.Number = millrace.NewFragmentNumber(uint64(w.epoch)<<32|uint64(w.sequence), w.now, w.rand.Uint32())
		f.ProducerTime = w.now.Add(s.skew + time.Duration(w.rand.IntN(9000)-8000)*time.Millisecond)
		list = append(list, f)
	}
	w.rand.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	return list
}

// submit gives a fragment to the engine.
func (w *world) submit(f *millrace.Fragment) {
	n := f.Number
	w.fragments[n], w.outcomes[n] = f, unknown
	w.inFlight++
	done := func(err error) {
		w.inFlight--
		if err == nil || !w.dead() {
			w.settle(n, err)
		}
		if errors.Is(err, store.ErrFull) {
			w.full++
		}
		if err == nil {
			w.packs[n] = w.commit
		}
	}
	if err := w.engine.Submit(context.Background(), f, done); err != nil {
		done(err)
	}
}

// drop deletes a stream.
func (w *world) drop(id uint64) error {
	w.streams[id].deleted = true
	return w.engine.Drop(context.Background(), w.streams[id].key)
}

// recreate makes a stream again that was deleted.
func (w *world) recreate(id uint64) error {
	s := w.streams[id]
	s.key.Generation++
	s.policy, s.deleted = store.Policy{Retention: longRetention}, false
	return w.tell(id)
}

// tell tells the engine what the control state says of a stream.
func (w *world) tell(id uint64) error {
	if w.engine != nil {
		w.engine.SetPolicy(w.streams[id].key, w.streams[id].policy)
	}
	return nil
}

// retain sets a stream's retention.
func (w *world) retain(id uint64, retention time.Duration) error {
	p := &w.streams[id].policy
	if since := w.now.Add(-p.Retention); retention > p.Retention && since.After(p.KeptSince) {
		p.KeptSince = since
	}
	p.Retention = retention
	return w.tell(id)
}

// erase deletes what starts within a range on one of the clocks.
func (w *world) erase(id uint64, c store.Clock, from, to time.Time) error {
	w.erasures++
	s := w.streams[id]
	last := millrace.NewFragmentNumber(uint64(w.epoch)<<32|uint64(w.sequence), w.now, 1<<28-1)
	// The engine keeps the slice that it was given.
	s.policy.Deletions = append(slices.Clone(s.policy.Deletions), store.Deletion{
		ID: w.erasures, Stream: s.key, Clock: c,
		From: from.Truncate(time.Millisecond), To: to.Truncate(time.Millisecond), Last: last,
	})
	return w.tell(id)
}

// maintain gives back what is gone.
func (w *world) maintain() error {
	_, err := w.engine.Maintain(context.Background(), storetest.ExpiryAt(w.now))
	return err
}

// feed takes what is recent into the pages.
func (w *world) feed() error { return w.engine.Feed(context.Background()) }

// scope is the part of the store that queries of a stream see.
func (w *world) scope(key millrace.StreamKey) store.Scope {
	return store.Scope{Stream: key, Since: w.now.Add(-w.streams[key.ID].policy.Retention)}
}
