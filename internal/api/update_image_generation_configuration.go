package api

import "context"

type updateImageGenerationConfigurationInput struct {
	streamRef
	Configuration *imageConfiguration `json:"ImageGenerationConfiguration"`
}

// updateImageGenerationConfiguration replaces the configuration; none removes
// it.
func (h *Handler) updateImageGenerationConfiguration(ctx context.Context, c *call) (any, error) {
	var in updateImageGenerationConfigurationInput
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	var found checks
	t := in.target(&found)
	if in.Configuration != nil {
		in.Configuration.check(&found)
	}
	if err := found.err(); err != nil {
		return nil, err
	}
	if in.Configuration == nil {
		return nil, h.unconfigure(ctx, c, t, imageKind)
	}
	return nil, h.configure(ctx, c, t, imageKind, describeImageGenerationConfigurationOutput{in.Configuration},
		in.Configuration.Destination.suits)
}
