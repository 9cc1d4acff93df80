package api

import "context"

type updateMediaStorageConfigurationInput struct {
	ChannelARN    *string                    `json:"ChannelARN"`
	Configuration *mediaStorageConfiguration `json:"MediaStorageConfiguration"`
}

type mediaStorageConfiguration struct {
	StreamARN *string `json:"StreamARN"`
	Status    *string `json:"Status"`
}

// updateMediaStorageConfiguration finds no channel, for there are none.
func (h *Handler) updateMediaStorageConfiguration(_ context.Context, c *call) (any, error) {
	var in updateMediaStorageConfigurationInput
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	var found checks
	if in.ChannelARN == nil {
		found.missing("channelARN")
	} else {
		found.channelARN("channelARN", *in.ChannelARN)
	}
	if in.Configuration == nil {
		found.missing("mediaStorageConfiguration")
	} else {
		in.Configuration.check(&found)
	}
	if err := found.err(); err != nil {
		return nil, err
	}
	return nil, h.channelNotFound(c, *in.ChannelARN)
}

// check checks the members: storage that is enabled needs its stream.
func (m *mediaStorageConfiguration) check(c *checks) {
	const at = "mediaStorageConfiguration."
	c.choice(at+"status", m.Status, enabled, disabled)
	switch {
	case m.StreamARN != nil:
		c.streamARN(at+"streamARN", *m.StreamARN)
	case m.Status != nil && *m.Status == enabled:
		c.missing(at + "streamARN")
	}
}
