package consumer

import (
	"time"

	"github.com/millrace/millrace"
)

// A Position says how far a reader has come, to the frame. It is a value; its
// text form (see MarshalText) is for files and databases and stays readable by
// later versions. An application that stores it in one transaction with its
// results, and starts from it again, sees each frame once.
type Position struct {
	Stream millrace.StreamName
	// Fragment is the last fragment of which anything is done.
	Fragment millrace.FragmentNumber
	// Done is how many of its frames are done; Whole is all of them.
	Done int
	// Previous is the fragment before it, if that is known: with some servers the
	// only way to ask for Fragment again.
	Previous millrace.FragmentNumber
	// Token is the continuation token of Fragment, if it was read to its end.
	Token string
	// ServerTime and ProducerTime are Fragment's.
	ServerTime, ProducerTime time.Time
	// Epoch is that of the lease under which it was read, 0 without one.
	Epoch uint64
}

// Whole is the Done of a fragment that is done to its end.
const Whole = -1

// IsZero reports whether the position is none.
func (p Position) IsZero() bool { return p.Fragment.IsZero() }

// Compare returns -1, 0 or +1 as p is before, at or behind q, in the order in
// which fragments arrived.
func (p Position) Compare(q Position) int {
	if c := p.Fragment.Compare(q.Fragment); c != 0 || p.Done == q.Done {
		return c
	}
	if q.Done == Whole || p.Done != Whole && p.Done < q.Done {
		return -1
	}
	return +1
}
