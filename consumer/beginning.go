package consumer

import (
	"time"

	"github.com/millrace/millrace"
)

// A beginning says where the next response has to start.
//
// It starts from what the application asked for, and is moved along as fragments
// are seen to their end, so that a response always goes on where the last one
// broke. "Now" is now only once: what came between two attempts would be lost.
type beginning struct {
	start millrace.StartSelector // as long as nothing was seen
	last  millrace.FragmentNumber
	at    time.Time // the server's time of last, or of begun
	begun millrace.FragmentNumber
	// What was begun is asked for as what follows the number before it. Servers that
	// know no such number, or not any more, are asked for its time.
	byTime bool
	leapt  bool // the newest is asked for
}

func newBeginning(start millrace.StartSelector, at Position) beginning {
	switch {
	case at.IsZero():
		return beginning{start: start}
	case at.Done == Whole:
		return beginning{last: at.Fragment, at: at.ServerTime}
	case !at.Previous.IsZero():
		return beginning{last: at.Previous, begun: at.Fragment, at: at.ServerTime}
	}
	return beginning{begun: at.Fragment, at: at.ServerTime}
}

// selector is what to ask for; first is when the server was first asked, by its
// own clock, and zero if it was not.
func (b *beginning) selector(first time.Time) millrace.StartSelector {
	switch {
	case b.leapt:
		return millrace.StartSelector{Type: millrace.StartNow}
	case b.byTime && b.at.IsZero():
		return millrace.StartSelector{Type: millrace.StartEarliest}
	case b.byTime:
		return millrace.StartSelector{Type: millrace.StartServerTime, Time: b.at}
	case !b.last.IsZero():
		return millrace.StartSelector{Type: millrace.StartFragmentNumber, Number: b.last}
	case !b.begun.IsZero():
		return millrace.StartSelector{Type: millrace.StartFragmentNumber, Number: b.begun.Prev()}
	case b.start.Type == millrace.StartNow && !first.IsZero():
		return millrace.StartSelector{Type: millrace.StartServerTime, Time: first}
	}
	return b.start
}

// guesses reports whether the selector names a number that may never have been.
func (b *beginning) guesses() bool {
	return !b.leapt && b.last.IsZero() && !b.begun.IsZero() && !b.byTime
}

// knows reports whether the selector names a number that the server has given.
func (b *beginning) knows() bool { return !b.leapt && !b.last.IsZero() && !b.byTime }

// seen reports whether a fragment comes before what is asked for.
func (b *beginning) seen(n millrace.FragmentNumber) bool {
	if n.IsZero() {
		return false
	}
	return n.Compare(b.begun) < 0 || n.Compare(b.last) <= 0
}

// begin notes that a fragment was handed out.
func (b *beginning) begin(f *Fragment) { b.begun, b.at, b.leapt = f.Number, f.ServerTime, false }

// finish notes that a fragment is done, whether or not there was more of it.
func (b *beginning) finish(n millrace.FragmentNumber) {
	if n.Compare(b.last) > 0 {
		b.last, b.byTime = n, false
	}
}

// passOver leaves everything out that was begun.
func (b *beginning) leap() {
	b.finish(b.begun)
	b.leapt = true
}
