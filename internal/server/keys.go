package server

import (
	"context"

	"github.com/millrace/millrace/internal/auth"
)

// openKeys makes what knows who may call: the root key, the keys of the control
// state, and the sessions of both.
func (s *Server) openKeys(ctx context.Context) (err error) {
	if s.sessions, err = auth.NewSessions(ctx, s.state.streams); err != nil {
		return err
	}
	s.keys = auth.NewKeyRing(auth.KeyRingConfig{
		Documents: s.state.streams, Sessions: s.sessions, Root: s.key.RootKey, Account: s.cfg.Account, Now: s.now,
	})
	return nil
}

// authenticator tells who calls: by the server's own keys, unless there are
// others.
func (s *Server) authenticator() *auth.Authenticator {
	o := auth.Options{Keys: s.keys, Skew: s.cfg.ClockSkew}
	if s.options.Keys != nil {
		o.Keys = s.options.Keys
	}
	return auth.New(o)
}
