package api

import (
	"context"

	"github.com/millrace/millrace"
)

type updateStreamInput struct {
	streamRef
	CurrentVersion *string `json:"CurrentVersion"`
	DeviceName     string  `json:"DeviceName"`
	MediaType      string  `json:"MediaType"`
}

// updateStream changes the members that are present. The version is new even
// if nothing differs.
func (h *Handler) updateStream(ctx context.Context, c *call) (any, error) {
	var in updateStreamInput
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	var found checks
	t := in.target(&found)
	version := found.version(in.CurrentVersion, true)
	found.deviceName(in.DeviceName)
	found.mediaType(in.MediaType)
	if err := found.err(); err != nil {
		return nil, err
	}
	_, err := h.update(ctx, c, t, version, func(s *millrace.Stream) error {
		if in.DeviceName != "" {
			s.DeviceName = in.DeviceName
		}
		if in.MediaType != "" {
			s.MediaType = in.MediaType
		}
		return nil
	})
	return nil, err
}
