package config

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"
)

// hostPattern is a host name of at least one label; those that ACME is asked for
// have two.
var (
	hostPattern   = regexp.MustCompile(`^(\*\.)?[a-zA-Z0-9_]([a-zA-Z0-9_-]{0,62})(\.[a-zA-Z0-9_]([a-zA-Z0-9_-]{0,62}))*\.?$`)
	publicPattern = regexp.MustCompile(`^[a-zA-Z0-9]([a-zA-Z0-9-]{0,62})(\.[a-zA-Z0-9]([a-zA-Z0-9-]{0,62}))+$`)
	emailPattern  = regexp.MustCompile(`^[^@\s]+@[^@\s]+$`)
)

// Secure reports whether the server speaks https.
func (s Server) Secure() bool { return s.TLSCert != "" || s.TLSAuto || len(s.ACMENames) > 0 }

// checkTLS sees that there is one certificate at most, and that what belongs to
// one of its kinds comes with that.
func (s Server) checkTLS() error {
	var errs []error
	given := []struct {
		name string
		is   bool
	}{{"tls-cert", s.TLSCert != ""}, {"tls-auto", s.TLSAuto}, {"acme-names", len(s.ACMENames) > 0}}
	for i, a := range given {
		for _, b := range given[i+1:] {
			if a.is && b.is {
				errs = append(errs, fmt.Errorf("%s and %s exclude each other: the server has one certificate", a.name, b.name))
			}
		}
	}
	if (s.TLSCert == "") != (s.TLSKey == "") {
		errs = append(errs, errors.New("tls-cert and tls-key need each other"))
	}
	for _, part := range []struct {
		name, of string
		is, has  bool
	}{
		{"tls-names", "tls-auto", len(s.TLSNames) > 0, s.TLSAuto},
		{"tls-regions", "tls-auto", len(s.TLSRegions) > 0, s.TLSAuto},
		{"acme-email", "acme-names", s.ACMEEmail != "", len(s.ACMENames) > 0},
		{"acme-directory", "acme-names", s.ACMEDirectory != "", len(s.ACMENames) > 0},
		{"acme-root", "acme-names", s.ACMERoot != "", len(s.ACMENames) > 0},
	} {
		if part.is && !part.has {
			errs = append(errs, fmt.Errorf("%s is for %s, which is not set", part.name, part.of))
		}
	}
	return errors.Join(append(errs, s.checkNames(), checkURL("acme-directory", s.ACMEDirectory))...)
}

func (s Server) checkNames() error {
	var errs []error
	for _, n := range s.TLSNames {
		if _, err := netip.ParseAddr(n); err != nil && !hostPattern.MatchString(n) {
			errs = append(errs, fmt.Errorf("tls-names: %q is no host name and no address", n))
		}
	}
	for _, r := range s.TLSRegions {
		if !regionPattern.MatchString(r) {
			errs = append(errs, fmt.Errorf("tls-regions: %q is not like us-east-1", r))
		}
	}
	for _, n := range s.ACMENames {
		if !publicPattern.MatchString(n) {
			errs = append(errs, fmt.Errorf("acme-names: %q is no public host name, as in video.example.net", n))
		}
	}
	if s.ACMEEmail != "" && !emailPattern.MatchString(s.ACMEEmail) {
		errs = append(errs, fmt.Errorf("acme-email: %q is no address", s.ACMEEmail))
	}
	return errors.Join(errs...)
}
