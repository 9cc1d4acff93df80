package store_test

import (
	"maps"
	"slices"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
)

// What is known of a fragment that was submitted.
type outcome uint8

const (
	unknown outcome = iota // the machine died before it was settled
	kept                   // confirmed
	failed                 // refused
	evicted                // confirmed, and gone with its pack for lack of room; a crash may bring it back
)

// A ledger is what must be true of a store, whatever happens to it.
type ledger struct {
	now       time.Time // by the clock of expiry
	streams   map[uint64]*incarnation
	fragments map[millrace.FragmentNumber]*millrace.Fragment
	outcomes  map[millrace.FragmentNumber]outcome
	unsure    []millrace.FragmentNumber // have failed, and nothing was written since
	erasures  uint64                    // IDs of deletions that were given

	packs    map[millrace.FragmentNumber]uint64 // where they were seen last
	removed  map[string]bool                    // names of packs of which the removal was begun
	reported int                                // fragments of which the engine said that it had evicted them
}

// An incarnation is the newest stream of an ID.
type incarnation struct {
	key     millrace.StreamKey
	policy  store.Policy
	deleted bool
	skew    time.Duration // of the producer's clock
}

func newLedger() *ledger {
	return &ledger{
		streams:   make(map[uint64]*incarnation),
		fragments: make(map[millrace.FragmentNumber]*millrace.Fragment),
		outcomes:  make(map[millrace.FragmentNumber]outcome),
		packs:     make(map[millrace.FragmentNumber]uint64),
		removed:   make(map[string]bool),
	}
}

// clone returns a ledger that goes on by itself.
func (l *ledger) clone() *ledger {
	c := &ledger{
		now: l.now, streams: make(map[uint64]*incarnation), unsure: slices.Clone(l.unsure), erasures: l.erasures,
		fragments: maps.Clone(l.fragments), outcomes: maps.Clone(l.outcomes),
		packs: maps.Clone(l.packs), removed: maps.Clone(l.removed), reported: l.reported,
	}
	for id, s := range l.streams {
		own := *s
		own.policy.Deletions = slices.Clone(s.policy.Deletions)
		c.streams[id] = &own
	}
	return c
}

// there is the rule that decides which fragments there are of all that were
// confirmed. It is written down here once more, in the simplest way.
func (l *ledger) there(f *millrace.Fragment) bool {
	s := l.streams[f.Stream.ID]
	at := f.Number.ServerTime()
	if s.deleted || s.key != f.Stream || at.Before(l.now.Add(-s.policy.Retention)) || at.Before(s.policy.KeptSince) {
		return false
	}
	for _, d := range s.policy.Deletions {
		start := at
		if d.Clock == store.ProducerClock {
			start = f.ProducerTime
		}
		if f.Number.Compare(d.Last) <= 0 && !start.Before(d.From) && start.Before(d.To) {
			return false
		}
	}
	return true
}

// of lists the fragments of a stream, in order of number.
func (l *ledger) of(key millrace.StreamKey) (list []*millrace.Fragment) {
	for _, f := range l.fragments {
		if f.Stream == key {
			list = append(list, f)
		}
	}
	slices.SortFunc(list, func(a, b *millrace.Fragment) int { return a.Number.Compare(b.Number) })
	return list
}

// keys lists all incarnations of which there ever was a fragment, or is a
// stream now.
func (l *ledger) keys() []millrace.StreamKey {
	all := make(map[millrace.StreamKey]bool)
	for _, s := range l.streams {
		all[s.key] = true
	}
	for _, f := range l.fragments {
		all[f.Stream] = true
	}
	return slices.SortedFunc(maps.Keys(all), func(a, b millrace.StreamKey) int {
		return int(int64(a.ID-b.ID))<<32 + int(a.Generation) - int(b.Generation)
	})
}

// reopened notes that the engine is opened again: what failed last may come
// back if nothing could be written since.
func (l *ledger) reopened() {
	for _, n := range l.unsure {
		l.outcomes[n] = unknown
	}
	l.unsure = nil
}

// settle notes the outcome of a fragment.
func (l *ledger) settle(n millrace.FragmentNumber, err error) {
	if err == nil {
		l.outcomes[n], l.unsure = kept, nil
		return
	}
	l.outcomes[n], l.unsure = failed, append(l.unsure, n)
}

// count says how many fragments had an outcome.
func (l *ledger) count(o outcome) (n int) {
	for _, x := range l.outcomes {
		if x == o {
			n++
		}
	}
	return n
}
