package certs

import (
	"crypto/tls"
	"crypto/x509"
	"time"
)

// renewAt is how much of its life a certificate has left when the authority
// makes another, one in so many.
const renewAt = 3

// FromCA is a Source of certificates that an authority makes, for the names that
// there are: another one when a third of its life is left, and when a name is
// new.
func FromCA(ca *CA, names func() Names, o Options) (*Source, error) {
	o = o.withDefaults()
	a := &issued{ca: ca, names: names, now: o.Now}
	return newSource(o, a.look)
}

// issued is certificates that an authority makes.
type issued struct {
	ca    *CA
	names func() Names
	now   func() time.Time
	have  Names
}

func (i *issued) look(current *tls.Certificate, force bool) (*tls.Certificate, error) {
	names, now := i.names(), i.now()
	if current != nil && !force && i.have.Covers(names) && !due(current.Leaf, now) {
		return nil, nil
	}
	c, err := i.ca.Server(names, now)
	if err == nil {
		i.have = names
	}
	return c, err
}

// due reports whether it is time for another certificate.
func due(c *x509.Certificate, now time.Time) bool {
	return now.Before(c.NotBefore) || c.NotAfter.Sub(now) < c.NotAfter.Sub(c.NotBefore)/renewAt
}
