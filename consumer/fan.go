package consumer

import (
	"context"
	"slices"
	"sync"
)

// A Fan hands the frames of one Reader to any number of subscribers, each with a
// queue of its own, so that several loops share one connection. Servers limit
// those of a stream.
//
// Run walks the reader; Subscribe may be called before and while it does, by any
// goroutine. What a reader commits by itself is what Run has queued: who needs to
// know that it was handled has CommitMode Manual, or a reader of its own.
type Fan struct {
	reader *Reader

	mu          sync.Mutex // guards what follows
	subscribers []*Subscriber
	over        bool
	err         error // of the reader's loop, once it is over
}

// NewFan makes a Fan over a reader, whose only loop is Run's.
func NewFan(r *Reader) *Fan { return &Fan{reader: r} }

// Run walks the reader until its loop ends, and returns the error with which it
// does. Then every subscriber's loop ends with the same error, when it has had
// what is queued.
func (f *Fan) Run(ctx context.Context) error {
	err := f.run(ctx)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.over, f.err = true, err
	for _, s := range f.subscribers {
		s.end(err)
	}
	f.subscribers = nil
	return err
}

func (f *Fan) run(ctx context.Context) error {
	for frame, err := range f.reader.Frames(ctx) {
		if err != nil {
			return err
		}
		all := f.all()
		if len(all) == 0 {
			continue
		}
		frame = frame.Clone() // once, and never changed
		for _, s := range all {
			if err := s.put(ctx, frame); err != nil {
				return err
			}
		}
	}
	return nil
}

// all returns the subscribers there are.
func (f *Fan) all() []*Subscriber {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.subscribers // replaced when it changes
}

// Subscribe adds a subscriber. It gets frames from the next key frame on, and has
// to be read or closed.
func (f *Fan) Subscribe(o SubscriberOptions) *Subscriber {
	s := newSubscriber(f, o)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.over {
		s.end(f.err)
		return s
	}
	f.subscribers = append(slices.Clip(f.subscribers), s)
	return s
}

// forget takes a subscriber out.
func (f *Fan) forget(s *Subscriber) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.subscribers = slices.DeleteFunc(slices.Clone(f.subscribers), func(o *Subscriber) bool { return o == s })
}
