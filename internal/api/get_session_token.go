package api

import (
	"context"
	"time"

	"github.com/millrace/millrace/internal/auth"
	"github.com/millrace/millrace/internal/wire"
)

type getSessionTokenInput struct {
	scopeInput
	Name    string `json:"Name"`
	Seconds *int64 `json:"DurationSeconds"`
}

type getSessionTokenOutput struct {
	Credentials sessionInfo `json:"Credentials"`
}

// A sessionInfo is how a session is given to who asked for it.
type sessionInfo struct {
	ID      string         `json:"AccessKeyId"`
	Secret  string         `json:"SecretAccessKey"`
	Token   string         `json:"SessionToken"`
	Expires wire.Timestamp `json:"Expiration"`
}

// getSessionToken gives its caller a key that ends by itself, with no more than
// the caller has.
func (h *Handler) getSessionToken(_ context.Context, c *call) (any, error) {
	var in getSessionTokenInput
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	var found checks
	s := h.scope(&found, in.scopeInput)
	want := auth.SessionRequest{Name: in.Name, Lifetime: auth.MaxSession, Actions: s.Actions, Streams: s.Streams}
	if in.Seconds != nil {
		found.seconds("durationSeconds", *in.Seconds, int64(auth.MinSession/time.Second), int64(auth.MaxSession/time.Second))
		want.Lifetime = time.Duration(*in.Seconds) * time.Second
	}
	if in.Name != "" {
		found.text("name", in.Name, 2, 64, keyNamePattern)
	}
	if err := found.err(); err != nil {
		return nil, err
	}
	if err := auth.Authorize(c.principal, auth.GetSessionToken, c.principal.ARN); err != nil {
		return nil, err
	}
	if err := h.admit(c, ""); err != nil {
		return nil, err
	}
	session, err := h.config.Keys.StartSession(c.principal, want)
	c.subject = session.ID
	if err != nil {
		return nil, explainKey(err)
	}
	return getSessionTokenOutput{sessionInfo{
		ID: session.ID, Secret: session.Secret, Token: session.Token, Expires: wire.Timestamp{Time: session.Expires},
	}}, nil
}
