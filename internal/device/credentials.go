package device

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/auth"
	"github.com/millrace/millrace/internal/certs"
)

// Why a device gets no credentials, beside certs.ErrStranger and ErrNoAlias.
var (
	ErrThing  = errors.New("the device goes by another name")
	ErrDenied = errors.New("the role alias is not the device's")
)

// Credentials gives the device whose certificate was shown credentials under a
// role alias. thing is the name by which it goes, if it says one. Who is not an
// enabled device of this server, with its newest certificate and within its time,
// is certs.ErrStranger. The device is returned as far as it is known, for the log.
func (r *Registry) Credentials(ctx context.Context, shown []*x509.Certificate, alias, thing string) (auth.Session, Device, error) {
	d, err := r.identify(ctx, shown)
	if err != nil {
		return auth.Session{}, Device{}, err
	}
	if thing != "" && thing != d.Name {
		return auth.Session{}, d, ErrThing
	}
	if _, ok := r.config.Aliases[alias]; !ok {
		return auth.Session{}, d, fmt.Errorf("%w: %.80q", ErrNoAlias, alias)
	}
	if alias != d.RoleAlias {
		return auth.Session{}, d, ErrDenied
	}
	s, err := r.issue(d)
	return s, d, err
}

func (r *Registry) identify(ctx context.Context, shown []*x509.Certificate) (Device, error) {
	name, print, err := r.config.Authority.Identify(shown, r.config.Now())
	if err != nil {
		return Device{}, err
	}
	d, err := r.Device(ctx, name)
	switch {
	case errors.Is(err, millrace.ErrNotFound):
		return Device{}, fmt.Errorf("%w: %s is not there", certs.ErrStranger, name)
	case err != nil:
		return Device{}, err
	case d.Fingerprint != print:
		return Device{}, fmt.Errorf("%w: %s has another certificate", certs.ErrStranger, name)
	case d.Disabled:
		return Device{}, fmt.Errorf("%w: %s is disabled", certs.ErrStranger, name)
	}
	return d, nil
}

// issue makes credentials. They end with the certificate, if that is sooner.
func (r *Registry) issue(d Device) (auth.Session, error) {
	end := r.config.Now().Add(r.config.Aliases[d.RoleAlias]).UTC().Truncate(time.Second)
	if d.NotAfter.Before(end) {
		end = d.NotAfter
	}
	scope := Scope(d.Streams)
	s, err := r.config.Sessions.Issue(auth.Grant{
		Parent: auth.Parent{Device: d.session()}, Role: d.RoleAlias, Name: d.Name, Scope: &scope, Expires: end,
	})
	if err != nil {
		return auth.Session{}, fmt.Errorf("make credentials: %w", err)
	}
	return s, nil
}
