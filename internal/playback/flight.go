package playback

import (
	"context"
	"sync"
	"time"
)

// makePatience bounds how long something is being made that others wait for,
// whoever asked for it first may have gone.
const makePatience = 30 * time.Second

// flights lets one of those who ask for the same thing at once make it. The zero
// flights is ready.
type flights[K comparable, V any] struct {
	mu      sync.Mutex // guards what follows
	pending map[K]*flight[V]
}

// A flight is something that is being made.
type flight[V any] struct {
	done  chan struct{} // closed when what follows is there
	value V
	err   error
}

// do returns what produce returns, for everybody who asks before that. The first one
// makes it in a context that does not end when he goes away; the others wait at
// most until their own ends. made reports whether it was this call that made it.
func (f *flights[K, V]) do(ctx context.Context, key K, produce func(context.Context) (V, error)) (value V, made bool, err error) {
	f.mu.Lock()
	if p := f.pending[key]; p != nil {
		f.mu.Unlock()
		select {
		case <-p.done:
			return p.value, false, p.err
		case <-ctx.Done():
			return value, false, context.Cause(ctx)
		}
	}
	p := &flight[V]{done: make(chan struct{}), err: context.Canceled}
	if f.pending == nil {
		f.pending = map[K]*flight[V]{}
	}
	f.pending[key] = p
	f.mu.Unlock()
	defer f.land(key, p) // also after a panic, which is the maker's own
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), makePatience)
	defer cancel()
	p.value, p.err = produce(ctx)
	return p.value, true, p.err
}

func (f *flights[K, V]) land(key K, p *flight[V]) {
	f.mu.Lock()
	delete(f.pending, key)
	f.mu.Unlock()
	close(p.done)
}
