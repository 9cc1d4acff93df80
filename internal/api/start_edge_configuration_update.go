package api

import (
	"context"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/wire"
)

type startEdgeConfigurationUpdateInput struct {
	streamRef
	Config *edgeConfig `json:"EdgeConfig"`
}

// startEdgeConfigurationUpdate keeps a configuration and begins to wait for the
// agent. While it waits the configuration cannot be replaced; a configuration
// stays with its device until it is deleted. Of calls at once one succeeds, for
// each says which revision it replaces.
func (h *Handler) startEdgeConfigurationUpdate(ctx context.Context, c *call) (any, error) {
	var in startEdgeConfigurationUpdateInput
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	var found checks
	t := in.target(&found)
	if in.Config == nil {
		found.missing("edgeConfig")
	} else {
		in.Config.check(&found)
	}
	if err := found.err(); err != nil {
		return nil, err
	}
	now := h.config.Now().UTC().Truncate(time.Millisecond)
	var d edgeDocument
	s, err := h.settle(ctx, c, t, "", func(s millrace.Stream) (millrace.Stream, error) {
		var err error
		d, err = h.startEdge(ctx, s, *in.Config, now)
		return s, err
	})
	if err != nil {
		return nil, err
	}
	return newEdgeInfo(s, d, now), nil
}

// startEdge keeps the configuration of an active stream, if it has none or one
// that no agent took over in time.
func (h *Handler) startEdge(ctx context.Context, s millrace.Stream, config edgeConfig, now time.Time) (edgeDocument, error) {
	if err := checkRetention(s); err != nil {
		return edgeDocument{}, err
	}
	var was edgeDocument
	revision, err := h.readDocument(ctx, edgeKind, s, &was)
	if err != nil {
		return edgeDocument{}, err
	}
	d := edgeDocument{Stream: s.Name, Created: wire.Timestamp{Time: now}, Updated: wire.Timestamp{Time: now}, Config: config}
	if revision != 0 {
		if err := was.checkReplaceable(config, now); err != nil {
			return edgeDocument{}, err
		}
		d.Created = was.Created
	}
	return d, h.keepDocument(ctx, edgeKind, s, revision, d)
}

// checkReplaceable refuses while the agent has time left, and another device.
func (d edgeDocument) checkReplaceable(config edgeConfig, now time.Time) error {
	if d.status(now) == syncing {
		return millrace.Errorf(millrace.CodeInUse, "The edge configuration of the stream %s is being synchronized.", d.Stream)
	}
	if *config.HubDeviceARN != *d.Config.HubDeviceARN {
		return millrace.Errorf(millrace.CodeInvalidArgument,
			"The edge configuration of the stream %s belongs to another hub device. Delete it before it moves.", d.Stream)
	}
	return nil
}
