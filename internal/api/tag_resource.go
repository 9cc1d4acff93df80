package api

import (
	"context"
	"strings"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/auth"
)

type tagResourceInput struct {
	ResourceARN *string `json:"ResourceARN"`
	Tags        []tag   `json:"Tags"`
}

// tagResource sets tags of a resource that is given by its ARN.
func (h *Handler) tagResource(ctx context.Context, c *call) (any, error) {
	var in tagResourceInput
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	var found checks
	r := found.resourceARN(in.ResourceARN)
	tags := found.tagList(in.Tags)
	if err := found.err(); err != nil {
		return nil, err
	}
	s, err := h.findResource(ctx, c, r, "TagResource")
	if err != nil {
		return nil, err
	}
	return nil, h.setTags(ctx, s, tags)
}

// A resource is a stream or a signaling channel as a caller addressed it.
type resource struct {
	stream  target
	channel string // the ARN, if it is a channel's
}

// resourceARN checks the ARN of a stream or a channel.
func (c *checks) resourceARN(value *string) resource {
	const member = "resourceARN"
	if value == nil {
		c.missing(member)
		return resource{}
	}
	if arnPattern.MatchString(*value) && strings.Contains(*value, ":channel/") {
		c.text(member, *value, 1, 1024, arnPattern)
		return resource{channel: *value}
	}
	arn := c.streamARN(member, *value)
	return resource{stream: target{name: arn.Name, arn: arn}}
}

// findResource looks a resource up, after asking for permission. There are no
// channels here, so that a channel is never found.
func (h *Handler) findResource(ctx context.Context, c *call, r resource, action auth.Action) (millrace.Stream, error) {
	if r.channel == "" {
		return h.findActive(ctx, c, r.stream, action)
	}
	return millrace.Stream{}, h.channelNotFound(c, r.channel)
}
