package api

import (
	"context"

	"github.com/millrace/millrace/internal/auth"
)

type updateKeyInput struct {
	scopeInput
	ID     *string `json:"AccessKeyId"`
	Status *string `json:"Status"`
}

// updateKey enables or disables a key, or gives it another scope. What is not
// given stays: of a scope its actions or its streams. From the answer on every
// request goes by it, and media calls under way within seconds. The root key is
// not known here.
func (h *Handler) updateKey(ctx context.Context, c *call) (any, error) {
	var in updateKeyInput
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	var found checks
	id := found.accessKeyID(in.ID)
	change := auth.KeyChange{}
	if in.Status != nil {
		found.oneOf("status", *in.Status, keyEnabled, keyDisabled)
		disabled := *in.Status == keyDisabled
		change.Disabled = &disabled
	}
	if s := h.scope(&found, in.scopeInput); in.given() {
		change.Actions, change.Streams = s.Actions, s.Streams
	}
	if err := found.err(); err != nil {
		return nil, err
	}
	c.subject = id
	if err := auth.Authorize(c.principal, auth.UpdateKey, "*"); err != nil {
		return nil, err
	}
	if err := h.admit(c, ""); err != nil {
		return nil, err
	}
	key, err := h.config.Keys.Update(ctx, c.principal, id, change)
	if err != nil {
		return nil, explainKey(err)
	}
	return newKeyInfo(key), nil
}

// accessKeyID checks a required id.
func (c *checks) accessKeyID(value *string) string {
	if value == nil {
		c.missing("accessKeyId")
		return ""
	}
	c.text("accessKeyId", *value, 1, 128, keyIDPattern)
	return *value
}
