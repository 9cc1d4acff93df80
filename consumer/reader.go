package consumer

import (
	"context"
	"errors"
	"io"
	"iter"
	"sync"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/consumer/checkpoint"
)

// A Reader hands out the media of a stream, or of a file, to one loop. Losing a
// connection, rotating it, and resuming happen inside; the loop sees media, and
// what ends it.
//
// A loop that is left closes its connection. The next one goes on behind what
// Position says, unless the reader is ReadFrom's. The loop belongs to one
// goroutine; Stats and Close may be called by any.
type Reader struct {
	stream millrace.StreamName
	open   func(ctx context.Context, end context.CancelCauseFunc, at Position) (source, error)
	set    common
	keep   keeping
	screen screen
	memory *retained
	room   func() error // waits, within the loop's context, for memory to be within its limit

	position Position
	last     *Fragment // handed out last; nil at first

	mu    sync.Mutex // guards stats
	stats Stats
}

// start ends the making of a reader whose settings are there.
func (r *Reader) start() {
	r.position = r.set.at
	r.keep.mode = r.set.commit
	r.memory = newRetained(r.set.maxRetained)
	if r.set.store != nil {
		key := checkpoint.Key{App: r.set.name, Stream: string(r.stream)}
		r.keep.keeper = newKeeper(r.set.store, key, r.set.lease, r.set.events.Unsaved)
	}
}

// Fragments walks the fragments. Each is handed out when its Cluster has begun;
// what the body does not read of it is passed over. A permanent error is the last
// step, with a nil Fragment.
func (r *Reader) Fragments(ctx context.Context) iter.Seq2[*Fragment, error] {
	return func(yield func(*Fragment, error) bool) {
		err := r.walk(ctx, func(f *Fragment) bool {
			p := f.position
			p.Done = Whole // the step has all of it
			r.keep.delivering(p)
			return yield(f, nil)
		})
		if err != nil {
			yield(nil, err)
		}
	}
}

// Frames walks the frames of all fragments, each as soon as it is whole. Its
// data are valid until the next step. A permanent error is the last step, with
// an empty Frame.
func (r *Reader) Frames(ctx context.Context) iter.Seq2[Frame, error] {
	return func(yield func(Frame, error) bool) {
		err := r.walk(ctx, func(f *Fragment) bool {
			for frame, err := range f.Frames() {
				if err != nil {
					return true // walk returns it
				}
				r.keep.delivering(f.position)
				if !yield(frame, nil) {
					return false
				}
				r.keep.handled(f.position)
			}
			return true
		})
		if err != nil {
			yield(Frame{}, err)
		}
	}
}

// walk hands the fragments to visit until that returns false.
func (r *Reader) walk(ctx context.Context, visit func(*Fragment) bool) error {
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	r.room = func() error { return r.memory.wait(ctx) }
	at, err := r.keep.begin(ctx, end, r.Position())
	if err != nil {
		return err
	}
	src, err := r.open(ctx, end, at)
	if err != nil {
		return err
	}
	defer src.close()
	r.position, r.last = at, nil
	r.screen.begin()
	err = r.visitAll(ctx, src, visit)
	if err == nil || errors.Is(err, io.EOF) || errors.Is(context.Cause(ctx), errQuiet) {
		return nil
	}
	return err
}

// visitAll returns nil if visit had enough.
func (r *Reader) visitAll(ctx context.Context, src source, visit func(*Fragment) bool) error {
	for {
		f, err := r.next(ctx, src)
		if err != nil {
			return err
		}
		if !visit(f) {
			return nil
		}
		f.drain()
		r.finish(f)
		if f.err != nil {
			return f.err
		}
		r.keep.handled(r.position)
		if ctx.Err() != nil { // what has come already could go on for long
			return context.Cause(ctx)
		}
	}
}

// next returns the next fragment that is to be handed out, and tells the events
// that come before it.
func (r *Reader) next(ctx context.Context, src source) (*Fragment, error) {
	if r.screen.leaps() {
		if l, ok := src.(leaper); ok {
			l.leap()
		}
	}
	for {
		f, err := src.head(ctx)
		if told, ok := errors.AsType[*FragmentError](err); ok {
			r.failed(told)
			continue
		}
		if err != nil {
			return nil, err
		}
		f.reader, f.position = r, r.positionIn(f)
		r.last = f
		r.screen.enter(r, f)
		r.count(func(s *Stats) { s.Fragments++ })
		return f, nil
	}
}

// failed counts and tells what the server said instead of media.
func (r *Reader) failed(told *FragmentError) {
	r.count(func(s *Stats) { s.Failed++ })
	if r.set.events.Failed != nil {
		r.set.events.Failed(told)
	}
}

// positionIn is the position at the beginning of f, or where it was left. Of what
// was cut before f the server may know nothing any more, so that it is asked for
// what follows the fragment before that.
func (r *Reader) positionIn(f *Fragment) Position {
	if r.position.isOf(f.Number) {
		return r.position
	}
	previous := r.position.Fragment
	if r.position.Done != Whole {
		previous = r.position.Previous
	}
	return Position{
		Stream: r.stream, Fragment: f.Number, Previous: previous,
		ServerTime: f.ServerTime, ProducerTime: f.ProducerTime, Epoch: r.position.Epoch,
	}
}

// finish is told of the end of a fragment.
func (r *Reader) finish(f *Fragment) {
	if f.err != nil {
		return
	}
	r.position = f.positionNow()
	r.screen.leave(f)
}

// Position is where the loop stands: what its body has in hand counts as done.
// Of a fragment that is what was read of it. It is for the loop's goroutine, and
// for others when the loop has ended.
func (r *Reader) Position() Position {
	if r.last == nil {
		return r.position
	}
	return r.last.positionNow()
}

// positionNow is the position behind what was handed out of f. One that was cut
// may come again, and more of it then, or less.
func (f *Fragment) positionNow() Position {
	p := f.position
	switch f.state {
	case complete, left:
		p.Done, p.Token = Whole, f.Token()
	case cut:
		p.Done = max(f.frames, f.skipFrames)
	}
	return p
}

// Commit saves Position in the store, at once. It is for the loop's goroutine.
// Without a store it does nothing. ErrLeaseLost is for good.
func (r *Reader) Commit(ctx context.Context) error {
	return r.keep.commit(ctx, r.Position())
}

// Stats returns counts since the Reader was made.
func (r *Reader) Stats() Stats {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.stats
	s.Retained = r.memory.held.Load()
	return s
}

func (r *Reader) count(add func(*Stats)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	add(&r.stats)
}

// Close saves what is committed and not saved yet, for ten seconds at most, and
// gives the lease back. The loop has to be over. A second call does nothing.
func (r *Reader) Close() error { return r.keep.close() }
