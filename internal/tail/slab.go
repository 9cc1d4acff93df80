package tail

import (
	"context"
	"sync"
	"time"
)

// slabSize is how much memory an open fragment takes at a time, in bytes.
const slabSize = 64 << 10

// budgetPatience is how long a writer waits for memory while nothing is given
// back, before the largest open fragment has to go.
const budgetPatience = 5 * time.Second

// A budget bounds the slabs of all streams together and keeps those that are
// free for the next taker.
type budget struct {
	limit int // slabs

	mu    sync.Mutex // guards what follows
	used  int
	freed chan struct{} // closed when a slab comes back; nil if nobody waits
	pool  sync.Pool
}

func newBudget(bytes int64) *budget {
	return &budget{limit: max(int(bytes/slabSize), 1)}
}

// acquire returns an empty slab. Over the limit it waits until one comes back;
// when none does for budgetPatience it calls relieve, which should fail the
// largest open fragment, and waits on. ctx ends the wait.
func (b *budget) acquire(ctx context.Context, relieve func()) ([]byte, error) {
	for {
		slab, wait := b.take()
		if slab != nil {
			return slab, nil
		}
		if err := waitFreed(ctx, wait, relieve); err != nil {
			return nil, err
		}
	}
}

func waitFreed(ctx context.Context, wait <-chan struct{}, relieve func()) error {
	timer := time.NewTimer(budgetPatience)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		relieve()
	case <-wait:
	}
	return nil
}

// take returns a slab, or a channel that closes when one comes back.
func (b *budget) take() ([]byte, <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.used >= b.limit {
		if b.freed == nil {
			b.freed = make(chan struct{})
		}
		return nil, b.freed
	}
	b.used++
	if s, ok := b.pool.Get().(*[slabSize]byte); ok {
		return s[:0], nil
	}
	return new([slabSize]byte)[:0], nil
}

// release gives slabs back. Nobody may refer to them any more.
func (b *budget) release(slabs [][]byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range slabs {
		b.pool.Put((*[slabSize]byte)(s[:slabSize]))
	}
	b.used -= len(slabs)
	if b.freed != nil {
		close(b.freed)
		b.freed = nil
	}
}

// bytes is how much memory the slabs in use take.
func (b *budget) bytes() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return int64(b.used) * slabSize
}
