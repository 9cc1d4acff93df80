package media

import (
	"iter"
	"time"
)

// Timed is what can be joined by time: a [Frame], a frame of package consumer,
// a decoded picture.
type Timed[T any] interface {
	// Instant is when it is, in nanoseconds on a clock that it shares with what
	// it is joined with.
	Instant() time.Duration
	// Clone returns a copy that outlives the next step of the sequence that it is from.
	Clone() T
}

// A Pair is one item of each of two sequences, or of one of them if nothing in
// the other belongs to it.
type Pair[A, B any] struct {
	// A is an item of the first sequence, if HasA, and else the zero value.
	A A
	// B is an item of the second sequence, if HasB.
	B          B
	HasA, HasB bool
}

// Whole reports whether the pair has both items.
func (p Pair[A, B]) Whole() bool { return p.HasA && p.HasB }

// Align joins two sequences by time: those of a camera and of a radar, say. Of
// the items that have no partner yet, the earliest of either sequence are a pair if
// their instants are no more than tolerance apart, unless the successor of the
// earlier is nearer to the later one: then the earlier is alone. So an item goes
// with the nearest; where the interval of both sequences is above twice the
// tolerance there is no other. Every item is given once, in the order of its
// sequence: in a whole pair, or alone, and then before anything that is later.
//
// Each sequence has to ascend. Frames with B pictures do not; their key frames do,
// and decoded pictures. An item that goes back in time is compared with what is
// at hand, and is alone if that does not fit.
//
// Both are stepped one item at a time and only when the next pair depends on it,
// so two items of each are all that is held. To know that an item is the nearest,
// the one behind it has to be seen: items are cloned before their sequence goes
// on, and a position that a sequence reports may be one item ahead. What a pair
// holds is valid until the next step.
//
// Align waits for a sequence as long as that takes, which is right for what is
// stored; see [AlignLive]. An error of either ends the joint sequence: first comes
// what was at hand, then the error with an empty pair. The joint sequence can be
// walked once.
func Align[A Timed[A], B Timed[B]](tolerance time.Duration, a iter.Seq2[A, error], b iter.Seq2[B, error]) iter.Seq2[Pair[A, B], error] {
	return func(yield func(Pair[A, B], error) bool) {
		nextA, stopA := iter.Pull2(a)
		defer stopA()
		nextB, stopB := iter.Pull2(b)
		defer stopB()
		j := joint[A, B]{tolerance: tolerance}
		for {
			switch step := j.decide(); step {
			case finished:
				j.finish(yield)
				return
			case needA:
				j.a.detach()
				j.fail(j.a.add(nextA()))
			case needB, needBoth:
				j.b.detach()
				j.fail(j.b.add(nextB()))
			default:
				if !yield(j.take(step), nil) {
					return
				}
			}
		}
	}
}

// A joinStep is what two sequences have to do next.
type joinStep uint8

const (
	finished joinStep = iota
	needA             // an item of the first sequence is needed to go on
	needB
	needBoth // of either, whichever has not ended
	giveA    // the item at the head of the first sequence is alone
	giveB
	givePair
)

// needs reports whether the step is to read on.
func (s joinStep) needs() bool { return s == needA || s == needB || s == needBoth }

// A joint holds what was read of two sequences and not yet given.
type joint[A Timed[A], B Timed[B]] struct {
	tolerance time.Duration
	a         line[A]
	b         line[B]
	err       error
}

// decide looks at what is at hand. Of two items that are near enough, it is the
// earlier whose successor may be nearer to the later one; the successor of the
// later one is further away from both.
func (j *joint[A, B]) decide() joinStep {
	switch {
	case j.a.n == 0 && j.b.n == 0:
		return j.begin()
	case j.b.n == 0 && j.b.ended:
		return giveA
	case j.b.n == 0:
		return needB
	case j.a.n == 0 && j.a.ended:
		return giveB
	case j.a.n == 0:
		return needA
	}
	gap := j.b.items[0].Instant() - j.a.items[0].Instant()
	switch {
	case gap > j.tolerance:
		return giveA
	case -gap > j.tolerance:
		return giveB
	case gap > 0:
		return j.a.nearest(j.b.items[0].Instant(), gap, needA, giveA)
	case gap < 0:
		return j.b.nearest(j.a.items[0].Instant(), -gap, needB, giveB)
	}
	return givePair
}

// begin is decide where nothing is at hand.
func (j *joint[A, B]) begin() joinStep {
	switch {
	case j.a.ended && j.b.ended:
		return finished
	case j.b.ended:
		return needA
	case j.a.ended:
		return needB
	}
	return needBoth
}

// take removes and returns what a step gives.
func (j *joint[A, B]) take(step joinStep) (p Pair[A, B]) {
	if step != giveB {
		p.A, p.HasA = j.a.pop(), true
	}
	if step != giveA {
		p.B, p.HasB = j.b.pop(), true
	}
	return p
}

// fail ends both sequences because of an error of one.
func (j *joint[A, B]) fail(err error) {
	if err != nil && j.err == nil {
		j.err = err
		j.a.ended, j.b.ended = true, true
	}
}

// finish says what ended the sequences, if it was an error.
func (j *joint[A, B]) finish(yield func(Pair[A, B], error) bool) {
	if j.err != nil {
		yield(Pair[A, B]{}, j.err)
	}
}

// A line is the head of one sequence: the next item, and the one behind it if
// that had to be seen.
type line[T Timed[T]] struct {
	items [2]T
	n     int
	ended bool
}

// detach makes the item at hand independent of the sequence, which is to go on.
func (l *line[T]) detach() {
	if l.n == 1 {
		l.items[0] = l.items[0].Clone()
	}
}

// add takes what the sequence's next step returned.
func (l *line[T]) add(item T, err error, ok bool) error {
	switch {
	case !ok:
		l.ended = true
	case err != nil:
		return err
	default:
		l.items[l.n] = item
		l.n++
	}
	return nil
}

func (l *line[T]) pop() T {
	var zero T
	item := l.items[0]
	l.items[0], l.items[1] = l.items[1], zero
	l.n--
	return item
}

// nearest decides whether the item at the head belongs to one that is gap later,
// or its successor does.
func (l *line[T]) nearest(to, gap time.Duration, need, give joinStep) joinStep {
	switch {
	case l.n == 1 && !l.ended:
		return need
	case l.n == 2 && (l.items[1].Instant()-to).Abs() < gap:
		return give
	}
	return givePair
}
