package server

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net"
	"net/url"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/millrace/millrace/internal/certs"
	"github.com/millrace/millrace/internal/config"
)

// acmeFolder is where certificates of an ACME server are kept, in the data
// directory.
const acmeFolder = "acme"

// A certificate is what a listener shows, and what keeps it fresh.
type certificate interface {
	Certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error)
	Reload()
	Run(ctx context.Context)
	Leaf() *x509.Certificate // nil if there is none yet
}

// A security is how a server speaks TLS.
type security struct {
	logger      *slog.Logger
	authority   *certs.CA // of devices, and with --tls-auto of the server
	certificate certificate
	protocols   []string // beside HTTP
	close       func()
	failures    prometheus.Counter
}

// openSecurity opens what the settings name; nil if that is nothing. Every server
// that speaks TLS has an authority: devices have their certificates from it.
func openSecurity(cfg config.Server, l net.Listener, now func() time.Time, logger *slog.Logger) (*security, error) {
	if !cfg.Secure() {
		return nil, nil
	}
	s := &security{logger: logger, close: func() {}, failures: prometheus.NewCounter(prometheus.CounterOpts{
		Namespace: "millrace", Subsystem: "tls", Name: "certificate_failures_total",
		Help: "Times that a certificate could not be loaded or renewed.",
	})}
	var err error
	if s.authority, err = certs.OpenCA(cfg.Data, now()); err != nil {
		return nil, err
	}
	if warning := s.authority.Warning(); warning != "" {
		logger.Warn(warning)
	}
	o := certs.Options{Now: now, Events: s.events()}
	switch {
	case cfg.TLSAuto:
		s.certificate, err = certs.FromCA(s.authority, func() certs.Names { return serverNames(cfg) }, o)
	case cfg.TLSCert != "":
		s.certificate, err = certs.FromFiles(cfg.TLSCert, cfg.TLSKey, o)
	default:
		err = s.openACME(cfg, l, o)
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}

func (s *security) openACME(cfg config.Server, l net.Listener, o certs.Options) error {
	port := 0
	if a, ok := l.Addr().(*net.TCPAddr); ok {
		port = a.Port
	}
	acme, err := certs.NewACME(certs.ACMEOptions{
		Names: cfg.ACMENames, Email: cfg.ACMEEmail, Directory: cfg.ACMEDirectory, Roots: cfg.ACMERoot,
		Folder: filepath.Join(cfg.Data, acmeFolder), Port: port, Options: o,
	})
	if err != nil {
		return err
	}
	s.certificate, s.close, s.protocols = acme, acme.Close, []string{certs.ProtocolACME}
	return nil
}

// serverNames are all names that a server has for its clients: the machine's, its
// public URL's, those of the settings, and those under which clients look for AWS.
func serverNames(cfg config.Server) certs.Names {
	n := certs.Machine()
	if u, err := url.Parse(cfg.PublicURL); err == nil {
		n = n.With(u.Hostname())
	}
	if host, _, err := net.SplitHostPort(cfg.Listen); err == nil && !unspecified(host) {
		n = n.With(host)
	}
	n = n.With(cfg.TLSNames...)
	for _, region := range append([]string{cfg.Region}, cfg.TLSRegions...) {
		n = n.With(certs.AWS(region)...)
	}
	return n
}

// unspecified is true for a host that stands for every address.
func unspecified(host string) bool {
	ip := net.ParseIP(host)
	return ip != nil && ip.IsUnspecified()
}

// listener makes connections of l speak TLS.
func (s *security) listener(l net.Listener) net.Listener {
	if s == nil {
		return l
	}
	return tls.NewListener(l, certs.ServerConfig(s.certificate.Certificate, s.authority, s.protocols...))
}

func (s *security) events() certs.Events {
	return certs.Events{
		Loaded: func(c *x509.Certificate) {
			s.logger.Info("certificate is in use", "names", len(c.DNSNames)+len(c.IPAddresses), "until", c.NotAfter)
		},
		Failed: func(err error) {
			s.failures.Inc()
			s.logger.Error("certificate was not renewed", "err", err)
		},
		Ending: func(c *x509.Certificate) {
			s.logger.Warn("certificate ends soon and has not been renewed", "until", c.NotAfter)
		},
	}
}

// watch adds what can be seen of the certificate to the metrics.
func (s *security) watch(m *metrics) {
	if s == nil {
		return
	}
	m.registry.MustRegister(s.failures, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: "millrace", Subsystem: "tls", Name: "certificate_expiry_timestamp_seconds",
		Help: "When the certificate in use ends, in seconds since 1970; 0 while there is none.",
	}, func() float64 {
		leaf := s.certificate.Leaf()
		if leaf == nil {
			return 0
		}
		return float64(leaf.NotAfter.Unix())
	}))
}

// ownAuthority is the authority that clients have to trust; nil if the server's
// certificate is of another.
func (s *security) ownAuthority(cfg config.Server) *certs.CA {
	if s == nil || !cfg.TLSAuto {
		return nil
	}
	return s.authority
}

// trustPEM is what clients have to be told of, in PEM; nil if that is nothing.
func (s *security) trustPEM(cfg config.Server) []byte {
	if ca := s.ownAuthority(cfg); ca != nil {
		return ca.PEM()
	}
	return nil
}

// Authority is the authority of the server's own certificate, which clients have
// to be told of; nil if it has a certificate of another one, or none.
func (s *Server) Authority() *certs.CA { return s.security.ownAuthority(s.cfg) }

// Reload looks at once for a newer certificate, and opens the audit log anew. What
// cannot be used changes nothing.
func (s *Server) Reload() {
	if s.security != nil {
		s.security.certificate.Reload()
	}
	if err := s.observers.reopen(); err != nil {
		s.logger.Error("the audit log goes on where it was", "err", err)
	}
}
