package api

import "context"

type untagResourceInput struct {
	ResourceARN *string  `json:"ResourceARN"`
	TagKeyList  []string `json:"TagKeyList"`
}

// untagResource removes tags of a resource that is given by its ARN.
func (h *Handler) untagResource(ctx context.Context, c *call) (any, error) {
	var in untagResourceInput
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	var found checks
	r := found.resourceARN(in.ResourceARN)
	found.tagKeys(in.TagKeyList)
	if err := found.err(); err != nil {
		return nil, err
	}
	s, err := h.findResource(ctx, c, r, "UntagResource")
	if err != nil {
		return nil, err
	}
	return nil, h.config.Control.DeleteTags(ctx, s.Key, in.TagKeyList)
}
