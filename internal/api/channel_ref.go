package api

import (
	"strings"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/auth"
)

// noChannel is the text that the service answers with.
const noChannel = "The requested channel is not found or not active."

// channelARN checks the ARN of a signaling channel.
func (c *checks) channelARN(member, value string) {
	before := len(c.found)
	c.text(member, value, 1, 1024, arnPattern)
	if len(c.found) == before && !strings.Contains(value, ":channel/") {
		c.fail(member, value, "Member must be the ARN of a channel")
	}
}

// channelNotFound answers for a channel, after asking for permission and
// counting the call: there are no channels here.
func (h *Handler) channelNotFound(c *call, channel string) error {
	if err := auth.Authorize(c.principal, auth.Action(c.operation.name), channel); err != nil {
		return err
	}
	if err := h.admit(c, channel); err != nil {
		return err
	}
	return millrace.Errorf(millrace.CodeNotFound, noChannel)
}
