package api

import (
	"context"
	"errors"

	"github.com/millrace/millrace"
)

// admit counts a permitted call on a resource, which is empty where the
// operation is about none. It comes before the look whether that is there, so
// that names cannot be tried out faster than they can be used. A call that looks
// for its stream again counts once.
func (h *Handler) admit(c *call, resource string) error {
	if c.admitted {
		return nil
	}
	c.admitted = true
	return h.config.Requests.Admit(c.operation.name, h.config.Account, resource)
}

// create makes a stream, if the account may have one more. One creation at a
// time counts and creates, because two could otherwise both be the last. A name
// that is taken is told as such also when there are too many: clients that ask
// for what they have go on then.
func (h *Handler) create(ctx context.Context, s millrace.Stream, tags map[string]string) (millrace.Stream, error) {
	if h.config.MaxStreams == 0 {
		return h.config.Control.Create(ctx, s, tags)
	}
	select {
	case <-h.creating:
	case <-ctx.Done():
		return s, context.Cause(ctx)
	}
	defer func() { h.creating <- struct{}{} }()
	n, err := h.config.Control.Count(ctx)
	if err != nil {
		return s, err
	}
	if n < h.config.MaxStreams {
		return h.config.Control.Create(ctx, s, tags)
	}
	_, err = h.config.Control.Stream(ctx, s.Name)
	switch {
	case err == nil:
		return s, millrace.ErrExists
	case errors.Is(err, millrace.ErrNotFound):
		return s, millrace.Errorf(millrace.CodeStreamLimit, "The number of streams created for the account is too high.")
	}
	return s, err
}
