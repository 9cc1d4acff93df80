package api

import (
	"context"
	"errors"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/auth"
	"github.com/millrace/millrace/internal/playback"
)

// seal makes a token for a stream, which passes on the caller's right for a while,
// to the second. body is what the kind of token needs besides.
func (h *Handler) seal(c *call, s millrace.Stream, kind playback.Kind, body []byte, lifetime time.Duration) (text string, expires time.Time, err error) {
	now, by := h.config.Now(), c.principal.Bearer()
	expires = now.Add(lifetime).Truncate(time.Second)
	text, err = h.config.Playback.Tokens.Seal(playback.Token{
		Kind: kind, Stream: s.Key, Name: s.Name, Created: now.Truncate(time.Millisecond), Expires: expires,
		Holder: playback.Holder{Key: by.Key, Device: by.Device, Print: by.Print}, Body: body,
	})
	return text, expires, err
}

// bearer returns by whom a token was made, as he is now.
func (h *Handler) bearer(ctx context.Context, by playback.Holder) (auth.Principal, error) {
	if h.config.Playback.Bearer == nil {
		return auth.Principal{}, errSessionOver(millrace.ErrNotFound)
	}
	p, err := h.config.Playback.Bearer(ctx, auth.Parent{Key: by.Key, Device: by.Device, Print: by.Print})
	if errors.Is(err, millrace.ErrNotFound) {
		return p, errSessionOver(err)
	}
	return p, err
}

// errSessionOver is what the service says of every token that opens nothing.
func errSessionOver(cause error) error {
	return &millrace.Error{Code: millrace.CodeNotAuthorized, Message: "Streaming session token is expired", Err: cause}
}
