package api

import (
	"context"

	"github.com/millrace/millrace"
)

type deleteStreamInput struct {
	StreamARN      *string `json:"StreamARN"`
	CurrentVersion *string `json:"CurrentVersion"`
}

// deleteStream makes the deletion durable and answers; the rest follows (A4).
func (h *Handler) deleteStream(ctx context.Context, c *call) (any, error) {
	var in deleteStreamInput
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	var found checks
	var t target
	if in.StreamARN == nil {
		found.missing("streamARN")
	} else {
		t.arn = found.streamARN("streamARN", *in.StreamARN)
		t.name = t.arn.Name
	}
	version := found.version(in.CurrentVersion, false)
	if err := found.err(); err != nil {
		return nil, err
	}
	_, err := h.settle(ctx, c, t, version, func(s millrace.Stream) (millrace.Stream, error) {
		return s, h.config.Control.BeginDelete(ctx, s.Key, version)
	})
	h.deletions.poke() // also after an error: it may have happened
	return nil, err
}
