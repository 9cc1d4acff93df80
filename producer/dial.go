package producer

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/url"
	"time"
)

// A dialFunc connects to the host of a URL.
type dialFunc func(ctx context.Context, endpoint *url.URL) (net.Conn, error)

const dialTimeout = 10 * time.Second

// dialWith makes a dialFunc that speaks TLS to https endpoints.
func dialWith(dial func(ctx context.Context, network, address string) (net.Conn, error), conf *tls.Config) dialFunc {
	if dial == nil {
		dial = (&net.Dialer{Timeout: dialTimeout}).DialContext
	}
	if conf == nil {
		conf = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	conf.NextProtos = []string{"http/1.1"}
	return func(ctx context.Context, endpoint *url.URL) (net.Conn, error) {
		port := endpoint.Port()
		if port == "" {
			port = map[string]string{"http": "80", "https": "443"}[endpoint.Scheme]
		}
		conn, err := dial(ctx, "tcp", net.JoinHostPort(endpoint.Hostname(), port))
		if err != nil || endpoint.Scheme != "https" {
			return conn, err
		}
		named := conf.Clone()
		if named.ServerName == "" {
			named.ServerName = endpoint.Hostname()
		}
		secure := tls.Client(conn, named)
		if err := secure.HandshakeContext(ctx); err != nil {
			_ = conn.Close() // the handshake's error is the one that counts
			return nil, fmt.Errorf("tls handshake with %s: %w", endpoint.Host, err)
		}
		return secure, nil
	}
}
