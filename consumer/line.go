package consumer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/wire/client"
)

// Bounds of the wait before a new connection.
const (
	minReconnect = 100 * time.Millisecond
	maxReconnect = 10 * time.Second
)

// A line is a connection that is made again when it has broken, and replaced
// before the server ends it.
type line struct {
	client  *client.Client
	stream  millrace.StreamName
	reader  *Reader
	backoff client.Backoff
	silence time.Duration
	rotate  time.Duration

	body      *response  // nil while there is no connection
	since     time.Time  // when it was made
	tried     bool       // there was an attempt before
	broken    error      // what ended the last one
	began     time.Time  // the server's clock at the first one
	successor *successor // that is being made; nil if none is
}

// dial makes a connection that starts at start.
func (l *line) dial(ctx context.Context, start millrace.StartSelector) (*response, time.Time, error) {
	ctx, end := context.WithCancelCause(ctx)
	body, at, err := l.client.OpenMedia(ctx, l.stream, start)
	if err != nil {
		end(nil)
		return nil, time.Time{}, fmt.Errorf("get media of %s: %w", l.stream, err)
	}
	return newResponse(ctx, end, body, l.silence), at, nil
}

// open makes a connection, and tries until the context ends or the server
// refuses for good.
func (l *line) open(ctx context.Context, start func() millrace.StartSelector) error {
	if l.adopt(ctx) {
		return nil
	}
	for {
		if l.tried {
			if err := l.wait(ctx); err != nil {
				return err
			}
		}
		l.tried = true
		from := start()
		body, at, err := l.dial(ctx, from)
		switch {
		case err == nil:
			l.take(body, at, Connection{Start: from})
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case !client.Passing(err):
			return err
		}
		l.broken = err
	}
}

// take makes a new connection the line's.
func (l *line) take(body *response, at time.Time, c Connection) {
	l.body, l.since = body, time.Now()
	if l.began.IsZero() {
		l.began = at
	}
	l.reader.connected(c, at)
}

func (l *line) wait(ctx context.Context) error {
	d := l.backoff.Next()
	l.reader.disconnected(l.broken, d)
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// lose closes the connection, which broke with err. It returns the context's
// error if that has ended. A response that stood for long and ended in good
// order makes the next wait a short one.
func (l *line) lose(ctx context.Context, err error) error {
	if l.body != nil && errors.Is(err, io.EOF) && time.Since(l.since) > maxReconnect {
		l.backoff.Reset()
	}
	l.hangUp()
	l.broken = err
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// hangUp closes the connection, if there is one.
func (l *line) hangUp() {
	if l.body != nil {
		_ = l.body.Close() // nothing more is read
		l.body = nil
	}
}

func (l *line) close() {
	l.hangUp()
	l.dropSuccessor()
}
