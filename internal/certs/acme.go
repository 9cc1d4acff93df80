package certs

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"github.com/caddyserver/certmagic"
	"go.uber.org/zap"
)

// ProtocolACME is by which an ACME server asks for proof of a name on the
// listener itself (TLS-ALPN-01).
const ProtocolACME = "acme-tls/1"

// How long to wait before a certificate that could not be had is asked for
// again: the first time, and at most. An ACME server bounds failures by the hour.
const (
	acmeWait    = time.Minute
	acmeMaxWait = time.Hour
)

// ACMEOptions are what is asked of an ACME server, and of which one.
type ACMEOptions struct {
	Names     []string // public host names, at least one
	Email     string   // for the server to write to; may be empty
	Directory string   // URL; empty is Let's Encrypt
	Roots     string   // PEM file of authorities to trust when talking to it; empty means the system's
	Folder    string   // where certificates and the account are kept
	Port      int      // of the listener that has ProtocolACME

	Options
}

// ACME has certificates for public names from an ACME server, and renews them.
// Any number of goroutines may use it. It must be closed.
type ACME struct {
	options ACMEOptions
	cache   *certmagic.Cache
	config  *certmagic.Config
	asked   chan struct{} // holds a token when somebody wants it to try at once
	shown   atomic.Pointer[x509.Certificate]
}

// noEmail is what certmagic is told where there is no address. It cuts the blank
// off; without anything it would ask for an address on standard input and wait.
const noEmail = " "

// errNoACMENames is what an ACME without names is refused with.
var errNoACMENames = errors.New("no names to get certificates for")

// NewACME prepares an ACME; what it has in its folder can be used at once, the
// rest is asked for by Run. Keys and certificates are files that their owner
// alone can read.
func NewACME(o ACMEOptions) (*ACME, error) {
	if len(o.Names) == 0 {
		return nil, errNoACMENames
	}
	o.Options = o.withDefaults()
	roots, err := readRoots(o.Roots)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(o.Folder, 0o700); err != nil {
		return nil, fmt.Errorf("make folder of certificates: %w", err)
	}
	a := &ACME{options: o, asked: make(chan struct{}, 1)}
	silent := zap.NewNop() // Events tell
	a.cache = certmagic.NewCache(certmagic.CacheOptions{
		GetConfigForCert: func(certmagic.Certificate) (*certmagic.Config, error) { return a.config, nil },
		Logger:           silent,
	})
	a.config = certmagic.New(a.cache, certmagic.Config{
		Storage: &certmagic.FileStorage{Path: o.Folder}, Logger: silent, OnEvent: a.event,
		DefaultServerName: o.Names[0], FallbackServerName: o.Names[0],
	})
	a.config.Issuers = []certmagic.Issuer{certmagic.NewACMEIssuer(a.config, certmagic.ACMEIssuer{
		CA: o.Directory, Email: cmp.Or(o.Email, noEmail), Agreed: true, TrustedRoots: roots, Logger: silent,
		DisableHTTPChallenge: true, AltTLSALPNPort: o.Port,
	})}
	return a, nil
}

func readRoots(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read authorities of the ACME server: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(b) {
		return nil, fmt.Errorf("read authorities of the ACME server: %s holds no PEM certificate", file)
	}
	return pool, nil
}

// event hears of renewals that failed, which nobody here has asked for.
func (a *ACME) event(_ context.Context, event string, data map[string]any) error {
	if err, ok := data["error"].(error); ok && event == "cert_failed" && data["renewal"] == true {
		a.options.Events.Failed(fmt.Errorf("renew certificate of %v: %w", data["identifier"], err))
	}
	return nil
}

// Certificate is for tls.Config.GetCertificate. A client that names no name, or
// another one, gets the certificate of the first.
func (a *ACME) Certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	return a.config.GetCertificate(hello)
}

// Reload asks at once for what could not be had.
func (a *ACME) Reload() {
	select {
	case a.asked <- struct{}{}:
	default:
	}
}

// Run asks for certificates that there are not, until ctx ends, and complains of
// those that end soon.
func (a *ACME) Run(ctx context.Context) {
	asking, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		a.ask(asking)
	}()
	watchEnd(ctx, a.options.Options, a.look)
	stop()
	<-done
}

// ask asks for the certificate of each name until it is there; from then on it
// is renewed by itself.
func (a *ACME) ask(ctx context.Context) {
	for wait := acmeWait; ; wait = min(2*wait, acmeMaxWait) {
		if a.askAll(ctx) {
			wait = acmeMaxWait // somebody may take one away
		}
		retry := time.NewTimer(wait)
		select {
		case <-retry.C:
		case <-a.asked:
			retry.Stop()
			wait = acmeWait
		case <-ctx.Done():
			retry.Stop()
			return
		}
	}
}

// askAll asks once for every name, and reports whether all have a certificate.
func (a *ACME) askAll(ctx context.Context) bool {
	all := true
	for _, name := range a.options.Names {
		err := a.config.ManageSync(ctx, []string{name})
		if err != nil && ctx.Err() == nil {
			a.options.Events.Failed(fmt.Errorf("get certificate: %w", err))
		}
		all = all && err == nil
	}
	return all
}

// look returns the certificate that ends first, and tells of a new one.
func (a *ACME) look() *x509.Certificate {
	leaf := a.Leaf()
	if before := a.shown.Load(); leaf != nil && (before == nil || !before.Equal(leaf)) {
		a.shown.Store(leaf)
		a.options.Events.Loaded(leaf)
	}
	return leaf
}

// Leaf is the certificate that ends first of those in use; nil if there is none
// yet.
func (a *ACME) Leaf() (first *x509.Certificate) {
	for _, name := range a.options.Names {
		for _, c := range a.cache.AllMatchingCertificates(name) {
			if c.Leaf != nil && (first == nil || c.Leaf.NotAfter.Before(first.NotAfter)) {
				first = c.Leaf
			}
		}
	}
	return first
}

// Close ends what renews.
func (a *ACME) Close() { a.cache.Stop() }
