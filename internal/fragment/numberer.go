package fragment

import (
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/millrace/millrace"
)

// maxCounters is how many streams' counters are kept apart (I11).
const maxCounters = 1 << 16

// A Numberer gives fragments their numbers. Within one epoch each stream has a
// counter of its own; the epoch stands in the number's upper half, so that a
// server that takes a new epoch at each start never issues a number twice and
// never needs to write a counter down. Server times never decrease (I3), even
// if the clock does.
//
// Where there are too many counters they are all forgotten, and every stream
// goes on from the highest of them: numbers have to grow, and need not be dense.
//
// Any number of goroutines may use a Numberer.
type Numberer struct {
	now       func() time.Time
	nextEpoch func() (uint32, error)

	mu       sync.Mutex // guards what follows
	epoch    uint32
	last     time.Time
	counters map[uint64]uint32 // by StreamKey.ID: it goes on over re-creation of a name
	base     uint32            // of streams that have no counter
}

// NewNumberer starts at an epoch that was never used before. now is the server's
// time; no number carries a time before floor, the latest server time already
// given out. nextEpoch takes a further epoch durably, in case a counter is
// used up.
func NewNumberer(epoch uint32, floor time.Time, now func() time.Time, nextEpoch func() (uint32, error)) *Numberer {
	return &Numberer{now: now, nextEpoch: nextEpoch, epoch: epoch, last: floor, counters: map[uint64]uint32{}}
}

// Next returns the stream's next number, which carries the server's time.
func (n *Numberer) Next(key millrace.StreamKey) (millrace.FragmentNumber, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.counter(key) == math.MaxUint32 {
		epoch, err := n.nextEpoch()
		if err != nil {
			return millrace.FragmentNumber{}, fmt.Errorf("take a new epoch: %w", err)
		}
		n.epoch, n.base = epoch, 0
		clear(n.counters)
	}
	n.step(key)
	return millrace.NewFragmentNumber(n.sequence(key), n.time(), rand.Uint32()), nil
}

// Floor returns a bound that is not smaller than any number issued for the
// stream, in any epoch, and smaller than every number to come. Its server time
// is the present, or a millisecond earlier.
func (n *Numberer) Floor(key millrace.StreamKey) millrace.FragmentNumber {
	n.mu.Lock()
	defer n.mu.Unlock()
	return millrace.NewFragmentNumber(n.sequence(key)+1, n.time(), 0).Prev()
}

func (n *Numberer) sequence(key millrace.StreamKey) uint64 {
	return uint64(n.epoch)<<32 | uint64(n.counter(key))
}

// counter is how many numbers the stream has had, or more. n.mu is held.
func (n *Numberer) counter(key millrace.StreamKey) uint32 {
	if c, ok := n.counters[key.ID]; ok {
		return c
	}
	return n.base
}

// step adds one to the stream's counter. n.mu is held.
func (n *Numberer) step(key millrace.StreamKey) {
	next := n.counter(key) + 1
	if _, ok := n.counters[key.ID]; !ok && len(n.counters) == maxCounters {
		for _, c := range n.counters {
			n.base = max(n.base, c)
		}
		clear(n.counters)
	}
	n.counters[key.ID] = next
}

// time returns the server's time and remembers it. n.mu is held.
func (n *Numberer) time() time.Time {
	if t := n.now(); t.After(n.last) {
		n.last = t
	}
	return n.last
}
