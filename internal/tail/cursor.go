package tail

import (
	"context"
	"errors"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
)

// batchSize is how many entries of history a Cursor asks for at a time.
const batchSize = 64

// A Cursor walks the fragments of a stream in number order, first those that
// the store keeps and then those of the tail, with no gap and no repeat (T1).
// One goroutine uses it.
type Cursor struct {
	stream *Stream
	index  store.Index
	scope  func() store.Scope
	after  millrace.FragmentNumber
	batch  []store.Entry
	skip   func(span) bool // fragments before the first one given out; nil once it is found
}

// A Step is the next fragment: either Live, held for the caller, or Kept.
type Step struct {
	Live *Fragment
	Kept store.Entry
}

// NewCursor returns a Cursor that starts where sel says. scope is asked at
// every look into the store, so that a change of retention takes effect. The
// stream must stay held while the Cursor is used.
func (s *Stream) NewCursor(ctx context.Context, index store.Index, scope func() store.Scope, sel millrace.StartSelector) (*Cursor, error) {
	c := &Cursor{stream: s, index: index, scope: scope}
	switch sel.Type {
	case millrace.StartEarliest:
	case millrace.StartNow:
		c.after = s.edge()
	case millrace.StartFragmentNumber, millrace.StartContinuationToken:
		c.after = sel.Number
	default:
		if err := c.seek(ctx, sel); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// After is the number of the last fragment given out, or the place where the
// Cursor started.
func (c *Cursor) After() millrace.FragmentNumber { return c.after }

// ErrIdle means that no fragment came within the time that was given.
var ErrIdle = errors.New("no new fragment for a while")

// Next returns the next fragment, waiting at the live edge until one opens. Its
// error is ctx's cause, the store's, or ErrClosed when the stream has been
// deleted.
func (c *Cursor) Next(ctx context.Context) (Step, error) { return c.NextWithin(ctx, 0) }

// NextWithin is Next for a reader with that much patience: its error is ErrIdle
// once it has waited so long at the live edge; 0 is for ever. How long the store
// takes to tell what it keeps does not count, for there is more to come then.
func (c *Cursor) NextWithin(ctx context.Context, patience time.Duration) (Step, error) {
	var idle <-chan time.Time
	for {
		step, wait, err := c.try(ctx)
		if err != nil || wait == nil {
			return step, err
		}
		if idle == nil && patience > 0 {
			timer := time.NewTimer(patience)
			defer timer.Stop()
			idle = timer.C
		}
		select {
		case <-wait:
		case <-idle:
			return Step{}, ErrIdle
		case <-c.stream.deleted:
			return Step{}, millrace.ErrClosed
		case <-ctx.Done():
			return Step{}, context.Cause(ctx)
		}
	}
}

// try returns a step, or a channel that closes when there may be one.
func (c *Cursor) try(ctx context.Context) (Step, <-chan struct{}, error) {
	for {
		if step, ok := c.kept(); ok {
			return step, nil, nil
		}
		f, low, wait := c.stream.next(c.after)
		switch {
		case f != nil:
			if step, wait, found := c.live(f); found || wait != nil {
				return step, wait, nil
			}
		case wait != nil:
			return Step{}, wait, nil
		default:
			if err := c.fill(ctx, low); err != nil {
				return Step{}, nil, err
			}
		}
	}
}

// live takes a fragment of the tail, which is held, for a step, or passes it
// by, or returns a channel that closes when it is to be looked at again.
func (c *Cursor) live(f *Fragment) (step Step, wait <-chan struct{}, found bool) {
	passes, wait := c.passes(f)
	if !passes {
		c.after, c.skip = f.Number, nil
		return Step{Live: f}, nil, true
	}
	if wait == nil {
		c.after = f.Number
	}
	f.Release()
	return Step{}, wait, false
}

// passes reports whether a fragment lies before the one to start with. An open
// one that does may yet last until the time that was asked for: the channel
// closes then when there is more of it.
func (c *Cursor) passes(f *Fragment) (bool, <-chan struct{}) {
	f.stream.mu.Lock()
	defer f.stream.mu.Unlock()
	if !c.skips(f.spanLocked()) {
		return false, nil
	}
	if f.state == Open {
		return true, f.change()
	}
	return true, nil
}

// kept takes the next entry out of the batch.
func (c *Cursor) kept() (Step, bool) {
	for len(c.batch) > 0 {
		e := c.batch[0]
		c.batch, c.after = c.batch[1:], e.Number
		if c.skips(keptSpan(e)) {
			continue
		}
		c.skip = nil
		return Step{Kept: e}, true
	}
	return Step{}, false
}

func (c *Cursor) skips(s span) bool { return c.skip != nil && c.skip(s) }

// fill gets the entries behind the cursor up to low, the last number that the
// tail has let go; when there are none, the cursor moves there.
func (c *Cursor) fill(ctx context.Context, low millrace.FragmentNumber) error {
	batch, err := c.index.After(ctx, c.scope(), c.after, batchSize)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		return err
	}
	for i, e := range batch {
		if e.Number.Compare(low) > 0 {
			batch = batch[:i]
			break
		}
	}
	c.batch = batch
	if len(batch) == 0 {
		c.after = low
	}
	return nil
}

// next returns the fragment behind a number, held; or a channel that closes
// when one opens; or, if the number lies below the tail, neither. low is the
// tail's low end.
func (s *Stream) next(after millrace.FragmentNumber) (f *Fragment, low millrace.FragmentNumber, wait <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.after(after); f != nil || after.Compare(s.low) < 0 {
		return f, s.low, nil
	}
	if s.opened == nil {
		s.opened = make(chan struct{})
	}
	return nil, s.low, s.opened
}

// seek finds the start for a time on the server's or the producer's clock.
func (c *Cursor) seek(ctx context.Context, sel millrace.StartSelector) error {
	clock, find := serverClock, c.index.AtServerTime
	if sel.Type == millrace.StartProducerTime {
		clock, find = producerClock, c.index.AtProducerTime
	}
	// What is open and what opens from here on is behind the edge: it is seen
	// by Next.
	edge := c.stream.edge()
	best, found := c.stream.at(sel.Time, clock)
	e, err := find(ctx, c.scope(), sel.Time)
	switch {
	case errors.Is(err, millrace.ErrNotFound):
	case err != nil:
		return err
	default:
		if s := keptSpan(e); !found || s.better(best, sel.Time, clock) {
			best, found = s, true
		}
	}
	if found {
		c.after = best.number.Prev()
		return nil
	}
	c.after = edge
	c.skip = func(s span) bool { return !s.contains(sel.Time, clock) && s.start(clock).Before(sel.Time) }
	return nil
}

// at returns the fragment of the tail that a time selects.
func (s *Stream) at(t time.Time, clock clock) (best span, found bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.entries {
		if f.state == Failed || f.hidden {
			continue
		}
		sp := f.spanLocked()
		if sp.start(clock).Before(t) && !sp.contains(t, clock) {
			continue
		}
		if !found || sp.better(best, t, clock) {
			best, found = sp, true
		}
	}
	return best, found
}
