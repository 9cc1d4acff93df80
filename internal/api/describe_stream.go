package api

import "context"

type describeStreamOutput struct {
	StreamInfo streamInfo `json:"StreamInfo"`
}

// describeStream shows a stream in whatever status.
func (h *Handler) describeStream(ctx context.Context, c *call) (any, error) {
	var in streamRef
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	var found checks
	t := in.target(&found)
	if err := found.err(); err != nil {
		return nil, err
	}
	s, err := h.find(ctx, c, t, "DescribeStream")
	if err != nil {
		return nil, err
	}
	return describeStreamOutput{newStreamInfo(s)}, nil
}
