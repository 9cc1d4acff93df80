package playback

import (
	"bytes"
	"context"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/millrace/millrace/internal/memory"
)

// A List is a media playlist that is written to a player. Its bytes count as
// memory of readers until it is closed: there are up to megabytes of them, and
// players may be many and slow. One goroutine reads it.
type List struct {
	rest bytes.Reader
	loan *memory.Loan

	progress atomic.Int64 // when something was taken last, in nanoseconds of Unix time

	mu     sync.Mutex // guards what follows
	broken bool
	stop   func()
}

var _ io.ReadCloser = (*List)(nil)

// newList waits for the memory that a playlist takes.
func newList(ctx context.Context, b *memory.Budget, text []byte) (l *List, err error) {
	l = &List{}
	l.Replace(text)
	l.progress.Store(time.Now().UnixNano())
	l.loan, err = b.Borrow(ctx, int64(len(text)), l.cut)
	return l, err
}

// Size is how many bytes are to be read.
func (l *List) Size() int { return l.rest.Len() }

// Replace puts another form of the playlist in its place that is shorter.
func (l *List) Replace(text []byte) {
	l.rest.Reset(text)
	if l.loan != nil {
		l.loan.Shrink(int64(len(text)))
	}
}

// Read implements io.Reader.
func (l *List) Read(b []byte) (int, error) {
	l.progress.Store(time.Now().UnixNano())
	l.mu.Lock()
	broken := l.broken
	l.mu.Unlock()
	if broken {
		return 0, errBroken
	}
	return l.rest.Read(b)
}

// OnBreak says what ends a write that waits for the player, for when memory is
// short and it takes nothing. It may be called by any goroutine and must return
// at once.
func (l *List) OnBreak(stop func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stop = stop
}

// cut is the loan's.
func (l *List) cut(idle time.Duration) (all bool) {
	if time.Since(time.Unix(0, l.progress.Load())) < idle {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.broken = true
	if l.stop != nil {
		l.stop()
	}
	return true
}

// Close lets go of the memory.
func (l *List) Close() error {
	l.OnBreak(nil)
	l.loan.Return()
	return nil
}
