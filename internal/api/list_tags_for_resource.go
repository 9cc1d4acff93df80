package api

import "context"

type listTagsForResourceInput struct {
	ResourceARN *string `json:"ResourceARN"`
	NextToken   string  `json:"NextToken"`
}

// listTagsForResource lists all tags of a resource that is given by its ARN,
// as a map.
func (h *Handler) listTagsForResource(ctx context.Context, c *call) (any, error) {
	var in listTagsForResourceInput
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	var found checks
	r := found.resourceARN(in.ResourceARN)
	found.noToken(in.NextToken)
	if err := found.err(); err != nil {
		return nil, err
	}
	s, err := h.findResource(ctx, c, r, "ListTagsForResource")
	if err != nil {
		return nil, err
	}
	return h.listTags(ctx, s)
}
