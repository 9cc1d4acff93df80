package certs

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"sync/atomic"
	"time"
)

const (
	// lookInterval is how often a source looks, at most, whether there is a
	// newer certificate.
	lookInterval = 3 * time.Second

	// endingSoon is how long before its end a certificate is complained about,
	// at most; one of a short life not before its last quarter.
	endingSoon = 14 * 24 * time.Hour

	// complainInterval is how often that is said again.
	complainInterval = 24 * time.Hour
)

// Events tell what happens to a server's certificate. Each may be nil; they are
// called one after the other by each source, and must not block.
type Events struct {
	Loaded func(leaf *x509.Certificate) // a certificate is in use from now on
	Failed func(err error)              // it was not renewed or loaded; the one before stays in use
	Ending func(leaf *x509.Certificate) // it ends soon and nothing has renewed it; said once a day
}

// Options are what a source needs beside its certificate.
type Options struct {
	Now    func() time.Time // wall clock; nil means time.Now
	Events Events
}

func (o Options) withDefaults() Options {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Events.Loaded == nil {
		o.Events.Loaded = func(*x509.Certificate) {}
	}
	if o.Events.Failed == nil {
		o.Events.Failed = func(error) {}
	}
	if o.Events.Ending == nil {
		o.Events.Ending = func(*x509.Certificate) {}
	}
	return o
}

// A Source has the certificate of a listener and keeps it fresh. Any number of
// goroutines may use it.
type Source struct {
	options Options
	look    func(current *tls.Certificate, force bool) (*tls.Certificate, error) // nil, nil: there is nothing new
	current atomic.Pointer[tls.Certificate]
	due     atomic.Int64  // when to look again, in nanoseconds of the clock
	turn    chan struct{} // holds a token while somebody looks; guards failed
	failed  string        // what went wrong the last time
}

func newSource(o Options, look func(*tls.Certificate, bool) (*tls.Certificate, error)) (*Source, error) {
	s := &Source{options: o.withDefaults(), look: look, turn: make(chan struct{}, 1)}
	first, err := look(nil, true)
	if err != nil {
		return nil, err
	}
	s.use(first)
	s.due.Store(s.options.Now().Add(lookInterval).UnixNano())
	return s, nil
}

func (s *Source) use(c *tls.Certificate) {
	s.current.Store(c)
	s.options.Events.Loaded(c.Leaf)
}

// Certificate is for tls.Config.GetCertificate. Every few seconds a handshake
// looks for a newer certificate; those beside it do not wait.
func (s *Source) Certificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	if wait := time.Duration(s.due.Load() - s.options.Now().UnixNano()); wait <= 0 || wait > lookInterval { // more: the clock went back
		select {
		case s.turn <- struct{}{}:
			s.refresh(false)
			<-s.turn
		default:
		}
	}
	return s.current.Load(), nil
}

// Reload looks at once, and says again what is wrong. Of a certificate that the
// authority makes it has another made.
func (s *Source) Reload() {
	s.turn <- struct{}{}
	s.refresh(true)
	<-s.turn
}

// refresh looks for a newer certificate. The token is held.
func (s *Source) refresh(force bool) {
	next, err := s.look(s.current.Load(), force)
	switch {
	case err != nil && (force || err.Error() != s.failed):
		s.failed = err.Error()
		s.options.Events.Failed(err)
	case err == nil:
		s.failed = ""
	}
	if next != nil {
		s.use(next)
	}
	s.due.Store(s.options.Now().Add(lookInterval).UnixNano())
}

// Run looks where no handshake does, and complains of a certificate that ends
// soon, until ctx ends.
func (s *Source) Run(ctx context.Context) {
	watchEnd(ctx, s.options, func() *x509.Certificate {
		c, _ := s.Certificate(nil) // never fails
		return c.Leaf
	})
}

// Leaf is the certificate in use.
func (s *Source) Leaf() *x509.Certificate { return s.current.Load().Leaf }

// watchEnd complains of certificates that end soon, until ctx ends.
func watchEnd(ctx context.Context, o Options, leaf func() *x509.Certificate) {
	tick := time.NewTicker(lookInterval)
	defer tick.Stop()
	var said time.Time
	for {
		c, now := leaf(), o.Now()
		if c != nil && EndsSoon(c, now) && (said.IsZero() || now.Sub(said) >= complainInterval) {
			said = now
			o.Events.Ending(c)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// EndsSoon reports whether a certificate should have been renewed by now.
func EndsSoon(c *x509.Certificate, now time.Time) bool {
	return c.NotAfter.Sub(now) < min(endingSoon, c.NotAfter.Sub(c.NotBefore)/4)
}
