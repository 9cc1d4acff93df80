package api

import "context"

type describeMappedResourceConfigurationInput struct {
	streamRef
	MaxResults *int32 `json:"MaxResults"`
	NextToken  string `json:"NextToken"`
}

type describeMappedResourceConfigurationOutput struct {
	List []mappedResource `json:"MappedResourceConfigurationList"` // empty, never null
}

type mappedResource struct {
	Type string `json:"Type"`
	ARN  string `json:"ARN"`
}

// describeMappedResourceConfiguration lists the signaling channels whose media
// the stream stores: none, for there are no channels.
func (h *Handler) describeMappedResourceConfiguration(ctx context.Context, c *call) (any, error) {
	var in describeMappedResourceConfigurationInput
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	var found checks
	t := in.target(&found)
	found.integer("maxResults", in.MaxResults, 1, 1)
	found.noToken(in.NextToken)
	if err := found.err(); err != nil {
		return nil, err
	}
	if _, err := h.findActive(ctx, c, t, "DescribeMappedResourceConfiguration"); err != nil {
		return nil, err
	}
	return describeMappedResourceConfigurationOutput{List: []mappedResource{}}, nil
}
