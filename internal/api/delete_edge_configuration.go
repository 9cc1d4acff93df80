package api

import (
	"context"
	"errors"

	"github.com/millrace/millrace"
)

// deleteEdgeConfiguration removes the configuration at once. The states
// DELETING and DELETE_FAILED would wait for an agent to stop its jobs and to
// delete its media. No agent can reach this server, so none has ever taken a
// configuration over and none has anything to stop: waiting would never end.
// The removal is one step, so that after a crash the configuration is there
// whole or gone; of calls at once one removes it and the others find none.
func (h *Handler) deleteEdgeConfiguration(ctx context.Context, c *call) (any, error) {
	s, err := h.described(ctx, c)
	if err != nil {
		return nil, err
	}
	err = h.config.Control.DeleteDocument(ctx, edgeKind, documentName(s.Key))
	if errors.Is(err, millrace.ErrNotFound) {
		return nil, errNoEdgeConfiguration(s)
	}
	return nil, err
}
