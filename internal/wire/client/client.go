package client

import (
	"crypto/tls"
	"net/http"
	"time"

	"github.com/millrace/millrace"
)

// A Client calls one server. Make it with New.
type Client struct {
	endpoint    string
	region      string
	credentials millrace.CredentialsSource
	http        *http.Client
	tls         *tls.Config
	endpoints   endpointCache
}

// Times and tries of a call.
const (
	callTimeout = 20 * time.Second // for one attempt of a control operation
	callTries   = 4
	dialTimeout = 10 * time.Second
	headTimeout = 30 * time.Second // for the head of a media response
)

// New makes a Client from complete settings, as Resolve returns them.
func New(s Settings) *Client {
	if s.HTTP == nil {
		s.HTTP = &http.Client{Transport: newTransport(s.TLS)}
	}
	return &Client{
		endpoint:    s.Endpoint,
		region:      s.Region,
		credentials: s.Credentials,
		http:        s.HTTP,
		tls:         s.TLS,
	}
}

// Region is the region that requests are signed for.
func (c *Client) Region() string { return c.region }

// TLS returns the settings for connections that others make; nil is the default.
func (c *Client) TLS() *tls.Config { return c.tls.Clone() }

// newTransport speaks HTTP/1.1 alone, because a media response and the headers
// that the protocol signs belong to it, and never asks for compression.
func newTransport(conf *tls.Config) *http.Transport {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		TLSClientConfig:       conf.Clone(),
		Protocols:             protocols,
		DisableCompression:    true,
		MaxIdleConnsPerHost:   16,
		IdleConnTimeout:       60 * time.Second,
		TLSHandshakeTimeout:   dialTimeout,
		ResponseHeaderTimeout: headTimeout,
	}
}
