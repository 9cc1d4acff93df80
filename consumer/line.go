package consumer

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/wire/client"
)

// A line is a connection that is made again when it has broken.
type line struct {
	client  *client.Client
	stream  millrace.StreamName
	opts    FollowOptions
	backoff client.Backoff

	body   io.ReadCloser // nil while there is no connection
	broken error         // what ended the last one
	began  time.Time     // the server's clock at the first one
}

// open makes a connection that starts at start. The first one is tried once,
// later ones until the context ends or the server refuses for good.
func (l *line) open(ctx context.Context, start millrace.StartSelector) error {
	for {
		if !l.began.IsZero() {
			if err := l.wait(ctx); err != nil {
				return err
			}
		}
		body, at, err := l.client.OpenMedia(ctx, l.stream, start)
		switch {
		case err == nil:
			l.body = body
			if l.began.IsZero() {
				l.began = at
			}
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case l.began.IsZero() || !client.Passing(err):
			return fmt.Errorf("get media of %s: %w", l.stream, err)
		}
		l.broken = err
	}
}

func (l *line) wait(ctx context.Context) error {
	d := l.backoff.Next()
	if l.opts.OnReconnect != nil {
		l.opts.OnReconnect(l.broken, d)
	}
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
// error if that has ended.
func (l *line) lose(ctx context.Context, err error) error {
	l.close()
	l.broken = err
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

func (l *line) close() {
	if l.body != nil {
		_ = l.body.Close() // nothing more is read
		l.body = nil
	}
}
