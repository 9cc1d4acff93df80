package api

import "context"

type untagStreamInput struct {
	streamRef
	TagKeyList []string `json:"TagKeyList"`
}

// untagStream removes tags; those that the stream does not carry are passed
// over.
func (h *Handler) untagStream(ctx context.Context, c *call) (any, error) {
	var in untagStreamInput
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	var found checks
	found.tagKeys(in.TagKeyList)
	t, err := in.tagTarget(&found)
	if err != nil {
		return nil, err
	}
	s, err := h.findActive(ctx, c, t, "UntagStream")
	if err != nil {
		return nil, err
	}
	return nil, h.config.Control.DeleteTags(ctx, s.Key, in.TagKeyList)
}
