package consumer

import (
	"context"
	"iter"
	"sync"
)

// SubscriberOptions say what a subscriber gets.
type SubscriberOptions struct {
	// KeyFrames is to get key frames alone.
	KeyFrames bool
	// Block makes the reader wait while the queue is full, and with it all other
	// subscribers. Else what is queued is dropped, and the subscriber goes on with
	// the next key frame.
	Block bool
	// MaxFrames and MaxBytes bound the queue. 0 is 256 frames and 32 MiB. A single
	// frame that is larger is queued when nothing else is.
	MaxFrames int
	MaxBytes  int64
}

// Defaults of SubscriberOptions.
const (
	defaultQueueFrames = 256
	defaultQueueBytes  = 32 << 20
)

// A Subscriber is one loop over the frames of a Fan. The loop is for one
// goroutine; Close and Dropped for any.
type Subscriber struct {
	fan *Fan
	set SubscriberOptions
	// Each has room for one: somebody puts after the queue has changed, and who waits
	// looks again.
	filled, emptied chan struct{}

	mu      sync.Mutex // guards what follows
	queue   []Frame
	bytes   int64
	begun   bool // with a key frame, since the start or since frames were dropped
	dropped int64
	over    bool
	err     error
}

func newSubscriber(f *Fan, o SubscriberOptions) *Subscriber {
	if o.MaxFrames <= 0 {
		o.MaxFrames = defaultQueueFrames
	}
	o.MaxBytes = orDefault(o.MaxBytes, defaultQueueBytes)
	return &Subscriber{fan: f, set: o, filled: make(chan struct{}, 1), emptied: make(chan struct{}, 1)}
}

// put queues a frame, as the options say.
func (s *Subscriber) put(ctx context.Context, f Frame) error {
	for !s.offer(f) {
		select {
		case <-s.emptied:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// offer reports false if the frame has to wait.
func (s *Subscriber) offer(f Frame) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	full := len(s.queue) > 0 && (len(s.queue) >= s.set.MaxFrames || s.bytes+int64(len(f.Data)) > s.set.MaxBytes)
	switch {
	case s.over, s.set.KeyFrames && !f.Key:
		return true
	case full && s.set.Block && s.begun:
		return false
	case full && s.begun:
		s.dropped += int64(len(s.queue))
		s.queue, s.bytes, s.begun = nil, 0, false
	}
	if s.begun = s.begun || f.Key; !s.begun {
		s.dropped++
		return true
	}
	s.queue = append(s.queue, f)
	s.bytes += int64(len(f.Data))
	wake(s.filled)
	return true
}

// take returns the next frame, false if there is none, and whether there will be
// none any more.
func (s *Subscriber) take() (f Frame, ok, over bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.queue) == 0 {
		return Frame{}, false, s.over, s.err
	}
	f = s.queue[0]
	s.queue[0] = Frame{} // or its data would stay
	s.queue = s.queue[1:]
	s.bytes -= int64(len(f.Data))
	wake(s.emptied)
	return f, true, false, nil
}

// wake puts a token into a channel that has room for one, if it has none.
func wake(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Frames walks what the subscriber gets. The frames' data are its own to keep, and
// shared: they must not be changed. The loop ends with the reader's; leaving it
// closes the subscriber.
func (s *Subscriber) Frames(ctx context.Context) iter.Seq2[Frame, error] {
	return func(yield func(Frame, error) bool) {
		defer s.Close()
		for {
			f, ok, over, err := s.take()
			switch {
			case ok:
				if !yield(f, nil) {
					return
				}
				continue
			case over && err != nil:
				yield(Frame{}, err)
				return
			case over:
				return
			}
			select {
			case <-s.filled:
			case <-ctx.Done():
				yield(Frame{}, context.Cause(ctx))
				return
			}
		}
	}
}

// Dropped returns how many frames the subscriber did not get because its queue was
// full, or no key frame had come.
func (s *Subscriber) Dropped() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dropped
}

// Close takes the subscriber out of the fan and drops what is queued.
func (s *Subscriber) Close() {
	s.fan.forget(s)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queue, s.bytes, s.over, s.err = nil, 0, true, nil
	wake(s.emptied)
	wake(s.filled)
}

// end lets the loop end behind what is queued.
func (s *Subscriber) end(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over, s.err = true, err
	wake(s.filled)
}
