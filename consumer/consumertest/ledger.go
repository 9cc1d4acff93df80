package consumertest

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/millrace/millrace"
)

// What Ledger.Compare finds. It wraps one of these.
var (
	ErrLost     = errors.New("a frame is lost")
	ErrTwice    = errors.New("a frame is there twice")
	ErrStrange  = errors.New("a frame is not as it is stored")
	ErrReversed = errors.New("a frame is in the wrong place")
)

// Got is one frame that a reader was given.
type Got struct {
	Number   millrace.FragmentNumber // of its fragment
	Index    int                     // in the fragment; -1 if the reader does not count
	Track    uint64
	Timecode int64 // in ticks, the Cluster's added
	Key      bool
	Data     []byte
	At       time.Time // when the Ledger took it
}

// A Ledger is what one reader was given, in order. Its zero value is empty. Its
// methods may be called by any number of goroutines at once.
type Ledger struct {
	mu  sync.Mutex // guards got
	got []Got
}

// Take writes a frame down, and copies its data.
func (l *Ledger) Take(g Got) {
	g.Data, g.At = bytes.Clone(g.Data), time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.got = append(l.got, g)
}

// Frames returns what was taken so far.
func (l *Ledger) Frames() []Got {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.got)
}

// Len is how many frames were taken.
func (l *Ledger) Len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.got)
}

// A Comparison says what Compare compares. Its zero value demands every frame of
// every fragment once, in order, byte for byte.
type Comparison struct {
	// Missing reports whether a fragment may be missing, or be there in part only:
	// an expired one, or a replay. Nil is none.
	Missing func(n millrace.FragmentNumber) bool
	// Unfinished lets frames be missing at the end.
	Unfinished bool
	// Repeats lets a reader be given again what it had, from some frame on, as one is
	// that stopped before it had kept its position.
	Repeats bool
	// ByProducer takes the order of the producer's clock for that of the fragments.
	ByProducer bool
}

// A place is one frame that is stored.
type place struct {
	fragment int
	number   millrace.FragmentNumber
	index    int
	Frame
	timecode int64
	data     []byte
}

// Compare holds what a reader was given against what is stored.
func (l *Ledger) Compare(stored []Fragment, c Comparison) error {
	want := places(stored, c)
	next := 0 // of want
	for i, g := range l.Frames() {
		at := next
		if at < len(want) && !same(g, want[at]) {
			at = find(want, g)
		} else if at == len(want) {
			at = find(want, g)
		}
		switch {
		case at < 0:
			return fmt.Errorf("frame %d (%s/%d, %d bytes): %w", i, g.Number, g.Index, len(g.Data), ErrStrange)
		case at < next && !c.Repeats:
			return fmt.Errorf("frame %d (%s/%d): %w", i, g.Number, g.Index, ErrTwice)
		}
		if lost := firstMissed(want[min(next, at):at], c); lost >= 0 {
			p := want[next+lost]
			if l.has(p, i) {
				return fmt.Errorf("frame %d (%s/%d) comes before %s/%d: %w", i, g.Number, g.Index, p.number, p.index, ErrReversed)
			}
			return fmt.Errorf("fragment %d (%s) frame %d: %w", p.fragment, p.number, p.index, ErrLost)
		}
		next = at + 1
	}
	if lost := firstMissed(want[next:], c); lost >= 0 && !c.Unfinished {
		p := want[next+lost]
		return fmt.Errorf("fragment %d (%s) frame %d of %d fragments: %w", p.fragment, p.number, p.index, len(stored), ErrLost)
	}
	return nil
}

// has reports whether a frame was taken behind the i-th.
func (l *Ledger) has(p place, i int) bool {
	return slices.ContainsFunc(l.Frames()[i:], func(g Got) bool { return same(g, p) })
}

// firstMissed is the first that may not be missing, or -1.
func firstMissed(missed []place, c Comparison) int {
	return slices.IndexFunc(missed, func(p place) bool { return c.Missing == nil || !c.Missing(p.number) })
}

func find(want []place, g Got) int {
	return slices.IndexFunc(want, func(p place) bool { return same(g, p) })
}

// same reports whether a frame is the one that is stored at a place.
func same(g Got, p place) bool {
	return g.Number == p.number && (g.Index < 0 || g.Index == p.index) && g.Track == p.track() &&
		g.Key == p.Key && g.Timecode == p.timecode && bytes.Equal(g.Data, p.data)
}

// places are all frames in the order in which a reader has to be given them.
func places(stored []Fragment, c Comparison) []place {
	stored = slices.Clone(stored)
	slices.SortStableFunc(stored, func(a, b Fragment) int { return a.Number.Compare(b.Number) })
	if c.ByProducer {
		slices.SortStableFunc(stored, func(a, b Fragment) int { return a.ProducerTime.Compare(b.ProducerTime) })
	}
	var all []place
	for n, f := range stored {
		index := 0
		for _, frame := range f.Frames {
			for _, data := range frame.all() {
				all = append(all, place{n, f.Number, index, frame, int64(f.Timecode) + int64(frame.Time), data})
				index++
			}
		}
	}
	return all
}
