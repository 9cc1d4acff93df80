package api

import "context"

type describeStreamStorageConfigurationOutput struct {
	StreamName string                    `json:"StreamName"`
	StreamARN  string                    `json:"StreamARN"`
	Storage    storageConfigurationShown `json:"StreamStorageConfiguration"`
}

type storageConfigurationShown struct {
	DefaultStorageTier string `json:"DefaultStorageTier"`
}

// describeStreamStorageConfiguration shows the tier that newly arriving media
// is meant for.
func (h *Handler) describeStreamStorageConfiguration(ctx context.Context, c *call) (any, error) {
	s, err := h.described(ctx, c)
	if err != nil {
		return nil, err
	}
	return describeStreamStorageConfigurationOutput{
		StreamName: s.Name.String(),
		StreamARN:  s.ARN.String(),
		Storage:    storageConfigurationShown{s.Tier.String()},
	}, nil
}
