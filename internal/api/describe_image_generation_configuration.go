package api

import "context"

type describeImageGenerationConfigurationOutput struct {
	Configuration *imageConfiguration `json:"ImageGenerationConfiguration,omitempty"`
}

// describeImageGenerationConfiguration shows the configuration as it was given,
// and an empty object if there is none.
func (h *Handler) describeImageGenerationConfiguration(ctx context.Context, c *call) (any, error) {
	var out describeImageGenerationConfigurationOutput
	_, _, err := h.describeConfiguration(ctx, c, imageKind, &out)
	return out, err
}
