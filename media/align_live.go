package media

import (
	"context"
	"iter"
	"sync"
	"time"
)

// AlignRules say how two live sequences are joined.
type AlignRules struct {
	// Tolerance is how far apart the items of a pair may be.
	Tolerance time.Duration
	// Wait is how long an item waits for one of the other sequence, from when it
	// came, or would have come had those before it not been held up. It should be
	// above the interval of either sequence and the difference of their delays.
	// 0 waits for ever.
	Wait time.Duration
}

// AlignLive is [Align] for sequences that may fall silent: neither blocks the
// other for longer than rules.Wait. An item for which nothing has come by then
// is given alone, or, if only its successor is still to be seen, with the item
// that it has. What comes later finds its partner gone, and is alone as well. An
// item waits by the clock of its own sequence: one that is held up a little is
// not held up again by each item before it, so a silent partner delays a
// sequence by Wait, once, and does not slow it down.
//
// The sequences are made by a and b, such as the Frames methods of two readers,
// and each is walked in a goroutine of its own, while the body of the loop runs
// too: it must not ask a reader for its position. They have to end when
// their context does. Leaving the loop ends that context and waits for both.
func AlignLive[A Timed[A], B Timed[B]](ctx context.Context, rules AlignRules, a func(context.Context) iter.Seq2[A, error], b func(context.Context) iter.Seq2[B, error]) iter.Seq2[Pair[A, B], error] {
	return func(yield func(Pair[A, B], error) bool) {
		walked, cancel := context.WithCancel(ctx)
		var walks sync.WaitGroup
		defer walks.Wait()
		defer cancel()
		j := joint[A, B]{tolerance: rules.Tolerance}
		l := live[A, B]{joint: &j, a: newFeed(&j.a), b: newFeed(&j.b), wait: rules.Wait, origin: time.Now()}
		walks.Go(func() { l.a.walk(walked, a(walked)) })
		walks.Go(func() { l.b.walk(walked, b(walked)) })
		for {
			step := j.decide()
			if step.needs() {
				step = l.await(step)
			}
			switch {
			case step == finished:
				j.fail(ctx.Err())
				j.finish(yield)
				return
			case step.needs():
			case !yield(j.take(step), nil):
				return
			}
		}
	}
}

// live is a joint whose sequences are walked by goroutines.
type live[A Timed[A], B Timed[B]] struct {
	joint  *joint[A, B]
	a      *feed[A]
	b      *feed[B]
	wait   time.Duration
	origin time.Time // what times of arrival count from
}

// await has the sequences that are needed go on, and waits for one of them to
// answer, or for what is at hand to have waited long enough; then it returns
// what to do with that.
func (l *live[A, B]) await(step joinStep) joinStep {
	if step != needB {
		l.a.ask()
	}
	if step != needA {
		l.b.ask()
	}
	due, stop := l.due()
	defer stop()
	select {
	case answer, ok := <-l.a.answers():
		l.joint.fail(l.a.take(answer, ok, time.Since(l.origin), l.wait))
	case answer, ok := <-l.b.answers():
		l.joint.fail(l.b.take(answer, ok, time.Since(l.origin), l.wait))
	case <-due:
		return l.overdue()
	}
	return step
}

// due returns a channel that says when what is at hand has waited long enough.
func (l *live[A, B]) due() (<-chan time.Time, func()) {
	a, hasA := l.a.due()
	b, hasB := l.b.due()
	if hasB && (!hasA || b < a) {
		a = b
	}
	if l.wait == 0 || !hasA && !hasB {
		return nil, func() {}
	}
	timer := time.NewTimer(a + l.wait - time.Since(l.origin))
	return timer.C, func() { timer.Stop() }
}

// overdue is what to do with items whose partner, or whose successor, has not come.
func (l *live[A, B]) overdue() joinStep {
	switch {
	case l.joint.a.n == 0:
		return giveB
	case l.joint.b.n == 0:
		return giveA
	}
	return givePair
}

// A feed is a sequence that is walked by a goroutine, one step for each time that
// it is asked. But for walk, it belongs to the goroutine that asks.
type feed[T Timed[T]] struct {
	line    *line[T]
	asked   chan struct{}
	got     chan answer[T] // closed when the sequence has ended
	pending bool           // the goroutine is about to answer

	known bool          // an item has come
	late  time.Duration // the least by which items came behind their instants
	last  time.Duration // instant of the last item
}

type answer[T any] struct {
	item T
	err  error
}

// newFeed returns a feed that was asked for its first item.
func newFeed[T Timed[T]](l *line[T]) *feed[T] {
	return &feed[T]{line: l, asked: make(chan struct{}, 1), got: make(chan answer[T]), pending: true}
}

// walk hands items over until the sequence or ctx ends. The sequence is not
// stepped before it is asked to, because a step invalidates the item before.
func (f *feed[T]) walk(ctx context.Context, items iter.Seq2[T, error]) {
	defer close(f.got)
	for item, err := range items {
		select {
		case f.got <- answer[T]{item, err}:
		case <-ctx.Done():
			return
		}
		select {
		case <-f.asked:
		case <-ctx.Done():
			return
		}
	}
}

// ask has the goroutine make a step, unless it is about to. There is room for
// that: it has taken the one before, or its context has ended and got is closed.
func (f *feed[T]) ask() {
	if f.pending || f.line.ended {
		return
	}
	f.line.detach()
	f.pending = true
	f.asked <- struct{}{}
}

// answers is where the answer comes from, if there will be one.
func (f *feed[T]) answers() <-chan answer[T] {
	if !f.pending {
		return nil
	}
	return f.got
}

// restart is how far time goes back where a sequence begins anew; what goes back
// less is out of order.
const restart = time.Second

// take adds an answer that came at now to the line.
func (f *feed[T]) take(a answer[T], ok bool, now, wait time.Duration) error {
	f.pending = false
	if ok && a.err == nil {
		at := a.item.Instant()
		if late := now - at; !f.known || late < f.late || f.last-at > max(wait, restart) {
			f.late = late
		}
		f.known, f.last = true, at
	}
	return f.line.add(a.item, a.err, ok)
}

// due is when the item at hand came, or would have come if nothing had held it
// up.
func (f *feed[T]) due() (time.Duration, bool) {
	if f.line.n == 0 {
		return 0, false
	}
	return f.line.items[0].Instant() + f.late, true
}
