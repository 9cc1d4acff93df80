package consumer

import (
	"context"
	"sync"
	"time"
)

// An ahead is the next batch while the one before is read. It is looked for at
// once, and opened when the one before comes to its end: a loop that takes its
// time over a batch should not have a connection wait for it all that while.
//
// Its goroutine is the only one that uses the plan until it is done. It belongs to
// the archiver, which takes what it made or drops it.
type ahead struct {
	near sync.Once
	open chan struct{} // closed when it is time
	done chan struct{} // closed when the fields below are final
	end  context.CancelFunc

	batch []entry
	err   error // there is no batch; or it could not be opened
	body  *response
	at    time.Time
}

// lookAhead starts to find the next batch.
func (a *archiver) lookAhead(ctx context.Context) *ahead {
	ctx, end := context.WithCancel(ctx)
	n := &ahead{open: make(chan struct{}), done: make(chan struct{}), end: end}
	go func() {
		defer close(n.done)
		if n.batch, n.err = a.plan.next(ctx); n.err != nil {
			return
		}
		select {
		case <-n.open:
			n.body, n.at, n.err = a.dial(ctx, numbersOf(n.batch))
		case <-ctx.Done():
			n.err = context.Cause(ctx)
		}
	}()
	return n
}

// come says that the batch will be needed soon. It may be said again.
func (n *ahead) come() { n.near.Do(func() { close(n.open) }) }

// take waits for the batch. What it has of a connection is the caller's.
func (n *ahead) take() {
	n.come()
	<-n.done
	if n.body == nil {
		n.end()
		return
	}
	n.body.release = n.end
}

// drop gives it up, and waits for that.
func (n *ahead) drop() {
	n.end()
	<-n.done
	if n.body != nil {
		_ = n.body.Close() // nothing was read
	}
}
