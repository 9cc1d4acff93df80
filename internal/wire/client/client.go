package client

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/millrace/millrace"
)

// A Client calls one server. Make it with New, and close it.
type Client struct {
	endpoint  string
	pinned    string // endpoint of media; empty: the server is asked
	region    string
	tries     int
	http      *http.Client
	ours      bool // http was made here
	tls       *tls.Config
	report    func(Trouble)
	enter     Enter
	start     time.Time
	clock     func() moment
	keys      *keeper[millrace.Credentials]
	time      signingTime
	endpoints endpoints
}

// Times and tries of a call.
const (
	callTimeout = 20 * time.Second // for one attempt of a control operation
	callTries   = 4
	maxRefusals = 2 // of one attempt: one for the time, one for the credentials
	dialTimeout = 10 * time.Second
	headTimeout = 30 * time.Second // for the head of a media response
)

// New makes a Client from complete settings, as Resolve returns them.
func New(s Settings) *Client {
	ours := s.HTTP == nil
	if ours {
		s.HTTP = &http.Client{Transport: newTransport(s.TLS)}
	}
	if s.Tries <= 0 {
		s.Tries = callTries
	}
	if s.Report == nil {
		s.Report = func(Trouble) {}
	}
	if s.Enter == nil {
		s.Enter = func(context.Context, string) (func(error), error) { return func(error) {}, nil }
	}
	start := time.Now()
	return &Client{
		endpoint: s.Endpoint,
		pinned:   strings.TrimRight(s.DataEndpoint, "/"),
		region:   s.Region,
		tries:    s.Tries,
		http:     s.HTTP,
		ours:     ours,
		tls:      s.TLS,
		report:   s.Report,
		enter:    s.Enter,
		start:    start,
		clock:    func() moment { now := time.Now(); return moment{now, now.Sub(start)} },
		keys:     newKeys(s.Credentials, s.Report),
	}
}

// Close ends what the client does in the background and waits for it, and lets
// idle connections go, unless others made the HTTP client. Calls fail afterwards. A client that is not closed stops by itself two hours after
// its last call.
func (c *Client) Close() {
	for _, k := range c.endpoints.takeAll() {
		k.close()
	}
	c.keys.close()
	if c.ours {
		c.http.CloseIdleConnections()
	}
}

// Region is the region that requests are signed for.
func (c *Client) Region() string { return c.region }

// Host is the host and port of the control operations.
func (c *Client) Host() string { return HostOf(c.endpoint) }

// HostOf is the host and port of an endpoint, so that two that name the same one
// are equal.
func HostOf(endpoint string) string {
	u, err := url.Parse(endpoint)
	if err != nil {
		return endpoint
	}
	port := u.Port()
	switch {
	case port != "":
	case u.Scheme == "https":
		port = "443"
	default:
		port = "80"
	}
	return net.JoinHostPort(strings.ToLower(u.Hostname()), port)
}

// TLS returns the settings for connections that others make; nil is the default.
func (c *Client) TLS() *tls.Config { return c.tls.Clone() }

// newTransport speaks HTTP/1.1 alone, because a media response and the headers
// that the protocol signs belong to it, and never asks for compression.
func newTransport(conf *tls.Config) *http.Transport {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: dialTimeout}).DialContext, // else it goes on when nobody waits for it
		TLSClientConfig:       conf.Clone(),
		Protocols:             protocols,
		DisableCompression:    true,
		MaxIdleConnsPerHost:   16,
		IdleConnTimeout:       60 * time.Second,
		TLSHandshakeTimeout:   dialTimeout,
		ResponseHeaderTimeout: headTimeout,
	}
}
