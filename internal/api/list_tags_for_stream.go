package api

import (
	"context"

	"github.com/millrace/millrace"
)

type listTagsForStreamInput struct {
	streamRef
	NextToken string `json:"NextToken"`
}

type listTagsOutput struct {
	Tags map[string]string `json:"Tags"`
}

// listTagsForStream lists all tags: there are so few that one page holds them.
func (h *Handler) listTagsForStream(ctx context.Context, c *call) (any, error) {
	var in listTagsForStreamInput
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	var found checks
	found.noToken(in.NextToken)
	t, err := in.tagTarget(&found)
	if err != nil {
		return nil, err
	}
	s, err := h.findActive(ctx, c, t, "ListTagsForStream")
	if err != nil {
		return nil, err
	}
	return h.listTags(ctx, s)
}

// noToken refuses every token, for a list that never gives one out.
func (c *checks) noToken(token string) {
	c.nextToken(token)
	if token != "" && len(c.found) == 0 {
		c.fail("nextToken", token, "Member must be a token of this list")
	}
}

func (h *Handler) listTags(ctx context.Context, s millrace.Stream) (any, error) {
	tags, err := h.config.Control.Tags(ctx, s.Key)
	if err != nil {
		return nil, err
	}
	return listTagsOutput{tags}, nil
}
