package api

import (
	"context"
	"errors"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
)

type tagStreamInput struct {
	streamRef
	Tags map[string]string `json:"Tags"`
}

// tagStream sets tags. They can be set in any status but DELETING, and the
// version stays.
func (h *Handler) tagStream(ctx context.Context, c *call) (any, error) {
	var in tagStreamInput
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	var found checks
	found.tagMap(in.Tags)
	t, err := in.tagTarget(&found)
	if err != nil {
		return nil, err
	}
	s, err := h.findActive(ctx, c, t, "TagStream")
	if err != nil {
		return nil, err
	}
	return nil, h.setTags(ctx, s, in.Tags)
}

// tagTarget checks the members that address the stream of a tag operation,
// behind found. These operations have an exception of their own for what is no
// ARN of a stream; it counts only if nothing else is wrong.
func (r streamRef) tagTarget(found *checks) (target, error) {
	var format checks
	t := r.target(&format)
	if r.StreamARN != nil {
		var arn checks
		arn.streamARN("streamARN", *r.StreamARN)
		if len(arn.found) == len(format.found) {
			format.code = millrace.CodeInvalidResourceFormat
		}
	}
	if err := found.err(); err != nil {
		found.found = append(found.found, format.found...)
		return t, found.err()
	}
	return t, format.err()
}

func (h *Handler) setTags(ctx context.Context, s millrace.Stream, tags map[string]string) error {
	err := h.config.Control.SetTags(ctx, s.Key, tags, maxTags)
	if errors.Is(err, store.ErrLimit) {
		return errTooManyTags(s.Name)
	}
	return err
}
