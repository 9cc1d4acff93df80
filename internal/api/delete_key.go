package api

import (
	"context"

	"github.com/millrace/millrace/internal/auth"
)

type deleteKeyInput struct {
	ID *string `json:"AccessKeyId"`
}

// deleteKey forgets a key for good. From the answer on every request with it, or
// with a session of it, is refused; media calls under way end within seconds.
func (h *Handler) deleteKey(ctx context.Context, c *call) (any, error) {
	var in deleteKeyInput
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	var found checks
	id := found.accessKeyID(in.ID)
	if err := found.err(); err != nil {
		return nil, err
	}
	c.subject = id
	if err := auth.Authorize(c.principal, auth.DeleteKey, "*"); err != nil {
		return nil, err
	}
	if err := h.admit(c, ""); err != nil {
		return nil, err
	}
	return nil, explainKey(h.config.Keys.Delete(ctx, c.principal, id))
}
