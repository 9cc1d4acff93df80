package api

import "context"

// describeEdgeConfiguration shows the configuration and how far its agent has
// come. EdgeAgentStatus is never there, for no agent has ever told of its jobs.
func (h *Handler) describeEdgeConfiguration(ctx context.Context, c *call) (any, error) {
	var d edgeDocument
	s, revision, err := h.describeConfiguration(ctx, c, edgeKind, &d)
	if err != nil {
		return nil, err
	}
	if revision == 0 {
		return nil, errNoEdgeConfiguration(s)
	}
	return newEdgeInfo(s, d, h.config.Now()), nil
}
