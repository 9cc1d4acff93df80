package api

import (
	"context"

	"github.com/millrace/millrace"
)

type updateStreamStorageConfigurationInput struct {
	streamRef
	CurrentVersion *string               `json:"CurrentVersion"`
	Storage        *storageConfiguration `json:"StreamStorageConfiguration"`
}

// updateStreamStorageConfiguration sets the tier of media that is yet to
// arrive. It is done when it is answered, and the version is new even if
// nothing differs.
func (h *Handler) updateStreamStorageConfiguration(ctx context.Context, c *call) (any, error) {
	var in updateStreamStorageConfigurationInput
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	var found checks
	t := in.target(&found)
	version := found.version(in.CurrentVersion, true)
	var tier millrace.StorageTier
	if in.Storage == nil {
		found.missing("streamStorageConfiguration")
	} else {
		tier = found.storageTier(in.Storage.DefaultStorageTier)
	}
	if err := found.err(); err != nil {
		return nil, err
	}
	_, err := h.update(ctx, c, t, version, func(s *millrace.Stream) error {
		s.Tier = tier
		return nil
	})
	return nil, err
}
