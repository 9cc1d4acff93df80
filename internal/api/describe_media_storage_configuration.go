package api

import (
	"context"
	"strings"
)

type describeMediaStorageConfigurationInput struct {
	ChannelName *string `json:"ChannelName"`
	ChannelARN  *string `json:"ChannelARN"`
}

// describeMediaStorageConfiguration finds no channel, for there are none.
func (h *Handler) describeMediaStorageConfiguration(_ context.Context, c *call) (any, error) {
	var in describeMediaStorageConfigurationInput
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	var found checks
	channel := in.channel(&found, h)
	if err := found.err(); err != nil {
		return nil, err
	}
	return nil, h.channelNotFound(c, channel)
}

// channel checks the members that address the channel: either suffices, and
// both must agree. It returns an ARN, for a bare name would be taken for a
// stream's when permission is asked for.
func (in describeMediaStorageConfigurationInput) channel(c *checks, h *Handler) string {
	if in.ChannelName == nil && in.ChannelARN == nil {
		c.found = append(c.found, "Either ChannelName or ChannelARN must be given")
		return ""
	}
	if in.ChannelName != nil {
		c.text("channelName", *in.ChannelName, 1, 256, namePattern)
	}
	if in.ChannelARN == nil {
		return strings.Join([]string{"arn", h.config.Partition, "kinesisvideo", h.config.Region, h.config.Account, "channel/" + *in.ChannelName + "/0"}, ":")
	}
	before := len(c.found)
	c.channelARN("channelARN", *in.ChannelARN)
	if in.ChannelName != nil && len(c.found) == before && !strings.Contains(*in.ChannelARN, ":channel/"+*in.ChannelName+"/") {
		c.fail("channelName", *in.ChannelName, "Member must be the name in ChannelARN")
	}
	return *in.ChannelARN
}
