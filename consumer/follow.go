package consumer

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/wire/client"
	"github.com/millrace/millrace/mkv"
)

// FollowOptions says how Client.Follow goes on and when it ends. The zero value
// goes on until the context ends.
type FollowOptions struct {
	// Once ends the sequence when the server ends its response in good order,
	// as it does when no media has come for a while, or with a MediaError.
	Once bool
	// Quiet ends the sequence when no fragment has begun for so long, although
	// the connection is up: the reader has come to the end of what there is.
	// 0 waits for ever.
	Quiet time.Duration
	// Until ends the sequence before the first fragment whose ServerTime is not
	// before it. As long as this time has not come, Quiet ends nothing.
	Until time.Time
	// OnReconnect is called before each new attempt to connect, with what ended
	// the last one (io.EOF if the response ended in good order) and the wait
	// until the next. Nil ignores them.
	OnReconnect func(err error, wait time.Duration)
}

// Bounds of the wait before a new connection.
const (
	minReconnect = 100 * time.Millisecond
	maxReconnect = 10 * time.Second
)

// Follow walks the fragments of a stream from start on, over as many
// connections as it takes. A fragment whose connection breaks goes on over the
// next one with the first frame that was not yet handed out; fragments that
// were seen are not seen again (C2).
//
// The sequence ends without an error when opts says so. It ends with an error
// when the context ends, when the first connection cannot be made, or when the
// server refuses a later one for a reason that will not pass, such as a stream
// that is not there. A MediaError is handed out, and the walk goes on with
// another connection unless the loop is left.
func (c *Client) Follow(ctx context.Context, stream millrace.StreamName, start millrace.StartSelector, opts FollowOptions) iter.Seq2[*Fragment, error] {
	return func(yield func(*Fragment, error) bool) {
		conn, err := c.connect()
		if err != nil {
			yield(nil, err)
			return
		}
		ctx, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		f := &follower{
			assembler: assembler{elements: mkv.NewReader(http.NoBody, mkv.ReaderOptions{})},
			line:      line{client: conn, stream: stream, opts: opts, backoff: client.Backoff{Min: minReconnect, Max: maxReconnect}},
			start:     start,
			quiet:     newQuietTimer(opts, cancel),
		}
		defer f.close()
		source := elementSource{
			next:   func(g *Fragment) (mkv.Element, error) { return f.nextOf(ctx, g) },
			unread: f.unread,
		}
		for g, err := range walk(func() (*Fragment, error) { return f.nextHead(ctx, source) }) {
			if err != nil && errors.Is(context.Cause(ctx), errQuiet) {
				return
			}
			if !yield(g, err) {
				return
			}
		}
	}
}

// errQuiet is why the context of a walk was cancelled by its quiet timer.
var errQuiet = errors.New("no fragment has begun for a while")

// A quietTimer runs while a reader waits, connected, for a fragment to begin.
type quietTimer struct {
	after time.Duration
	until time.Time
	timer *time.Timer // nil if there is nothing to time

	waited time.Duration // over connections that have ended since
	since  time.Time     // when start was called
}

func newQuietTimer(o FollowOptions, cancel context.CancelCauseFunc) quietTimer {
	if o.Quiet <= 0 {
		return quietTimer{}
	}
	t := time.AfterFunc(o.Quiet, func() { cancel(errQuiet) })
	t.Stop()
	return quietTimer{after: o.Quiet, until: o.Until, timer: t}
}

// start goes on with the wait.
func (q *quietTimer) start() {
	if q.timer != nil {
		q.since = time.Now()
		q.timer.Reset(max(time.Until(q.until), q.after-q.waited, 0))
	}
}

// stop ends the wait if a fragment has begun, else interrupts it.
func (q *quietTimer) stop(begun bool) {
	if q.timer == nil {
		return
	}
	q.timer.Stop()
	q.waited += time.Since(q.since)
	if begun {
		q.waited = 0
	}
}
