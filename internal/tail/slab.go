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
// free for the next taker. Slabs that the tail has let go and that a slow reader
// still holds are not counted: they must not keep a writer waiting (T5).
type budget struct {
	limit int // slabs

	mu    sync.Mutex // guards what follows
	used  int
	lent  int           // to readers alone
	moved time.Time     // when a slab last came back, or was last asked for in vain
	freed chan struct{} // closed when a slab comes back; nil if nobody waits
	pool  sync.Pool
}

func newBudget(bytes int64) *budget {
	return &budget{limit: max(int(bytes/slabSize), 1)}
}

// A reliever frees memory for a budget.
type reliever interface {
	// shed drops something that may be dropped at any time. It reports false
	// if there is nothing.
	shed() bool
	// relieve makes somebody lose something.
	relieve()
}

// acquire returns an empty slab. Over the limit it sheds; where there is
// nothing to shed it waits until a slab comes back. When none does for
// budgetPatience, one of those who wait calls relieve. ctx ends the wait.
func (b *budget) acquire(ctx context.Context, r reliever) ([]byte, error) {
	for {
		slab, wait := b.take()
		if slab != nil {
			return slab, nil
		}
		if r.shed() {
			continue
		}
		if err := b.wait(ctx, wait, r); err != nil {
			return nil, err
		}
	}
}

func (b *budget) wait(ctx context.Context, freed <-chan struct{}, r reliever) error {
	timer := time.NewTimer(budgetPatience)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		if b.stuck() {
			r.relieve()
		}
	case <-freed:
	}
	return nil
}

// stuck reports whether nothing has come back for budgetPatience. It says so to
// one of those who wait, and to the next one only after as long again.
func (b *budget) stuck() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	if now.Sub(b.moved) < budgetPatience {
		return false
	}
	b.moved = now
	return true
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

// lend notes that n slabs are held by readers alone from now on.
func (b *budget) lend(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lent += n
	b.giveBack(n)
}

// release gives slabs back, of which some were lent. Nobody may refer to them
// any more.
func (b *budget) release(slabs [][]byte, lent int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range slabs {
		b.pool.Put((*[slabSize]byte)(s[:slabSize]))
	}
	b.lent -= lent
	b.giveBack(len(slabs) - lent)
}

// giveBack makes room for n slabs. b.mu is held.
func (b *budget) giveBack(n int) {
	b.used -= n
	b.moved = time.Now()
	if b.freed != nil {
		close(b.freed)
		b.freed = nil
	}
}

// bytes is how much memory the slabs in use take, those of readers included.
func (b *budget) bytes() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return int64(b.used+b.lent) * slabSize
}
