package producer

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"
)

// A dialFunc connects to the host of a URL.
type dialFunc func(ctx context.Context, endpoint *url.URL) (net.Conn, error)

// Times of connections. A peer that is gone without a word is noticed, by a
// connection over which nothing moves, after half a minute.
const (
	dialTimeout    = 10 * time.Second // to connect, with all that a proxy has to do for that
	probeIdle      = 15 * time.Second // without anything, until the system asks whether the peer is there
	probeInterval  = 5 * time.Second
	probesTillGone = 3
)

// maxUnsent is how many bytes the system takes of a connection beyond those that
// are on their way, where it can be told. What it has taken cannot be given up
// or overtaken any more, so this is how old media get before anybody can decide
// about them: half a second at 2 Mbit/s, where the system's own bound is
// megabytes. Fast links are not held up, because writers are woken when half of
// it is gone.
const maxUnsent = 128 << 10

// A dialer makes the connections that media go over.
type dialer struct {
	dial  func(ctx context.Context, network, address string) (net.Conn, error)
	proxy func(*http.Request) (*url.URL, error) // says which goes before an endpoint; nil: none does
	tls   *tls.Config
}

// dialWith makes a dialFunc that speaks TLS to https endpoints. If dial is nil,
// connections are made as they are best for media, and through the proxy that
// the environment names, if it does; a dial of the user's own is left to itself.
func dialWith(dial func(ctx context.Context, network, address string) (net.Conn, error), conf *tls.Config) dialFunc {
	return newDialer(dial, conf).connect
}

func newDialer(dial func(ctx context.Context, network, address string) (net.Conn, error), conf *tls.Config) *dialer {
	d := &dialer{dial: dial, tls: conf}
	if dial == nil {
		own := &net.Dialer{
			Timeout:         dialTimeout,
			KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: probeIdle, Interval: probeInterval, Count: probesTillGone},
			Control:         limitUnsent,
		}
		d.dial, d.proxy = own.DialContext, http.ProxyFromEnvironment
	}
	if d.tls == nil {
		d.tls = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	d.tls.NextProtos = []string{"http/1.1"}
	return d
}

// connect makes a connection over which the endpoint can be spoken to.
func (d *dialer) connect(ctx context.Context, endpoint *url.URL) (net.Conn, error) {
	conn, err := d.reach(ctx, endpoint)
	if err != nil || endpoint.Scheme != "https" {
		return conn, err
	}
	conf := d.tls.Clone()
	if conf.ServerName == "" {
		conf.ServerName = endpoint.Hostname()
	}
	return handshake(ctx, conn, conf)
}

// reach makes a connection to the endpoint's host, itself or through a proxy.
func (d *dialer) reach(ctx context.Context, endpoint *url.URL) (net.Conn, error) {
	if d.proxy != nil {
		proxy, err := d.proxy(&http.Request{URL: endpoint})
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrProxy, err)
		}
		if proxy != nil {
			return d.reachThrough(ctx, proxy, addressOf(endpoint))
		}
	}
	return d.dial(ctx, "tcp", addressOf(endpoint))
}

// handshake puts TLS over a connection, or closes it.
func handshake(ctx context.Context, conn net.Conn, conf *tls.Config) (net.Conn, error) {
	secure := tls.Client(conn, conf)
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = conn.Close() // the handshake's error is the one that counts
		return nil, fmt.Errorf("tls handshake with %s: %w", conf.ServerName, err)
	}
	return secure, nil
}

// addressOf is the host and port of a URL.
func addressOf(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return net.JoinHostPort(u.Hostname(), port)
}
