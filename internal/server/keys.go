package server

import (
	"context"
	"net/url"
	"strings"

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
	o := auth.Options{Keys: s.keys, Skew: s.cfg.ClockSkew, Hosts: publicHosts(s.cfg.PublicURL)}
	if s.options.Keys != nil {
		o.Keys = s.options.Keys
	}
	return auth.New(o)
}

// publicHosts are the values of Host that clients sign who know the server by
// its public address, with and without the usual port. A proxy may put another
// one in their place.
func publicHosts(address string) []string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return nil
	}
	usual := map[string]string{"http": "80", "https": "443"}[u.Scheme]
	if u.Port() == "" {
		return []string{u.Host, u.Host + ":" + usual}
	}
	if u.Port() == usual {
		return []string{u.Host, strings.TrimSuffix(u.Host, ":"+usual)}
	}
	return []string{u.Host}
}
