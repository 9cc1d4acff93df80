package consumer

import (
	"context"
	"errors"
	"io"
	"time"
)

// errSilence is why a response was given up that brought no byte for a while.
// Servers end a response in good order before that; if nothing comes at all, the
// network may have forgotten the connection.
var errSilence = errors.New("no byte came for a while")

// A response is the body of a GetMedia call that is given up when a single read
// takes too long. The time between reads does not count: a slow loop is not a
// silent server.
type response struct {
	body  io.ReadCloser
	ctx   context.Context // of the call; ends with errSilence
	end   context.CancelCauseFunc
	timer *time.Timer
	bound time.Duration

	release context.CancelFunc // of the context around ctx; may be nil
}

func newResponse(ctx context.Context, end context.CancelCauseFunc, body io.ReadCloser, bound time.Duration) *response {
	t := time.AfterFunc(bound, func() { end(errSilence) })
	t.Stop()
	return &response{body: body, ctx: ctx, end: end, timer: t, bound: bound}
}

// Read implements io.Reader.
func (r *response) Read(p []byte) (int, error) {
	r.timer.Reset(r.bound)
	n, err := r.body.Read(p)
	r.timer.Stop()
	if err != nil && errors.Is(context.Cause(r.ctx), errSilence) {
		err = errSilence
	}
	return n, err
}

// Close lets the connection go.
func (r *response) Close() error {
	r.timer.Stop()
	r.end(nil)
	if r.release != nil {
		r.release()
	}
	return r.body.Close()
}
