package server

import (
	"context"
	"net/url"
	"strings"
	"time"

	"github.com/millrace/millrace/internal/auth"
	"github.com/millrace/millrace/internal/device"
)

// openKeys makes what knows who may call: the root key, the keys of the control
// state, and the sessions of both.
func (s *Server) openKeys(ctx context.Context) (err error) {
	if s.sessions, err = auth.NewSessions(ctx, s.state.streams); err != nil {
		return err
	}
	c := auth.KeyRingConfig{
		Documents: s.state.streams, Sessions: s.sessions, Root: s.key.RootKey, Account: s.cfg.Account, Now: s.now,
	}
	if s.security != nil {
		s.devices = s.newDevices()
		c.Device = s.devices.Allowed
	}
	s.keys = auth.NewKeyRing(c)
	return nil
}

// newDevices makes what knows devices.
func (s *Server) newDevices() *device.Registry {
	aliases := map[string]time.Duration{}
	for _, a := range s.cfg.RoleAliases {
		aliases[a.Name] = a.Lifetime
	}
	return device.NewRegistry(device.Config{
		Documents: s.state.streams, Authority: s.security.authority, Sessions: s.sessions, Aliases: aliases, Now: s.now,
	})
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
