package credentials

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/wire"
)

// Bounds of a call for a device's credentials.
const (
	iotDial    = 5 * time.Second
	iotTimeout = 10 * time.Second
	iotAnswer  = 64 << 10    // bytes
	iotDate    = time.Second // to which servers say when it is
)

// An IoT is a device with a certificate, for which a server gives credentials
// that end: one of Millrace, or the credentials provider of AWS IoT. The files
// are read at each call, so that a renewed certificate is used from then on.
type IoT struct {
	Endpoint    string // host, with a port if it is not 443; an https URL will do
	RoleAlias   string // such as camera
	ThingName   string // the device's name; may be empty with Millrace
	Certificate string // PEM file
	Key         string // PEM file
	CA          string // PEM file of the authorities to trust in place of the system's

	// TLS takes the place of the three files.
	TLS *tls.Config
	// Dial makes the connection; nil is a net.Dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// Source returns a source that asks the server, for ten seconds at most: five to
// connect, and five to agree on TLS, are part of them. What the server refuses is a *millrace.Error.
// Credentials end as far in the future as they do by the server's clock, so that
// a device whose own clock is wrong renews them in time.
func (d IoT) Source() millrace.CredentialsSource {
	return func(ctx context.Context) (millrace.Credentials, error) {
		c, err := d.ask(ctx)
		if err != nil {
			return millrace.Credentials{}, fmt.Errorf("get credentials of role alias %s: %w", d.RoleAlias, err)
		}
		return c, nil
	}
}

// ask makes the call within its bounds. The error of one that was cut short is
// why it was.
func (d IoT) ask(ctx context.Context) (millrace.Credentials, error) {
	ctx, cancel := context.WithTimeout(ctx, iotTimeout)
	defer cancel()
	c, err := d.call(ctx)
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return c, err
}

func (d IoT) call(ctx context.Context) (c millrace.Credentials, err error) {
	req, err := d.request(ctx)
	if err != nil {
		return c, err
	}
	conf, err := d.tls()
	if err != nil {
		return c, err
	}
	transport := &http.Transport{ // one call an hour: nothing is kept for the next
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         d.dialWithin(ctx),
		TLSClientConfig:     conf,
		TLSHandshakeTimeout: iotDial,
		DisableKeepAlives:   true,
	}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return c, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return c, wire.DecodeError(resp)
	}
	return readIoT(resp, time.Now())
}

// dialWithin makes connections that end with ctx. The transport alone would finish
// them for later calls, and there are none.
func (d IoT) dialWithin(ctx context.Context) func(context.Context, string, string) (net.Conn, error) {
	dial := d.Dial
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	return func(_ context.Context, network, address string) (net.Conn, error) {
		soon, cancel := context.WithTimeout(ctx, iotDial)
		defer cancel()
		conn, err := dial(soon, network, address)
		if err == nil {
			context.AfterFunc(ctx, func() { _ = conn.Close() })
		}
		return conn, err
	}
}

func (d IoT) request(ctx context.Context) (*http.Request, error) {
	host := strings.TrimSuffix(strings.TrimPrefix(d.Endpoint, "https://"), "/")
	if host == "" || d.RoleAlias == "" || strings.Contains(host, "://") {
		return nil, fmt.Errorf("%w: an https endpoint and a role alias are needed", millrace.ErrInvalid)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+host+"/role-aliases/"+url.PathEscape(d.RoleAlias)+"/credentials", nil)
	if err != nil {
		return nil, err
	}
	if d.ThingName != "" {
		req.Header.Set("X-Amzn-Iot-Thingname", d.ThingName)
	}
	return req, nil
}

// tls shows the certificate whichever authorities the server names, as the
// clients of AWS IoT do.
func (d IoT) tls() (*tls.Config, error) {
	if d.TLS != nil {
		return d.TLS.Clone(), nil
	}
	pair, err := tls.LoadX509KeyPair(d.Certificate, d.Key)
	if err != nil {
		return nil, fmt.Errorf("read the device's certificate, %s with the key %s: %w", d.Certificate, d.Key, err)
	}
	conf := &tls.Config{
		MinVersion:           tls.VersionTLS12,
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil },
	}
	if d.CA == "" {
		return conf, nil
	}
	pem, err := os.ReadFile(d.CA)
	if err != nil {
		return nil, fmt.Errorf("read authorities: %w", err)
	}
	conf.RootCAs = x509.NewCertPool()
	if !conf.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("read authorities: %s holds no PEM certificate", d.CA)
	}
	return conf, nil
}

// readIoT reads an answer that came at now.
func readIoT(resp *http.Response, now time.Time) (millrace.Credentials, error) {
	var in struct {
		Credentials struct {
			AccessKeyID     string `json:"accessKeyId"`
			SecretAccessKey string `json:"secretAccessKey"`
			SessionToken    string `json:"sessionToken"`
			Expiration      time.Time
		}
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, iotAnswer+1))
	if err != nil {
		return millrace.Credentials{}, fmt.Errorf("read answer: %w", err)
	}
	if len(body) > iotAnswer {
		return millrace.Credentials{}, fmt.Errorf("%w: the answer is larger than %d bytes", millrace.ErrInvalid, iotAnswer)
	}
	err = json.Unmarshal(body, &in)
	k := in.Credentials
	if err != nil || k.AccessKeyID == "" || k.SecretAccessKey == "" || k.Expiration.IsZero() {
		return millrace.Credentials{}, fmt.Errorf("%w: the answer holds no credentials", millrace.ErrInvalid) // what it holds may be secret
	}
	c := millrace.Credentials{AccessKeyID: k.AccessKeyID, SecretAccessKey: k.SecretAccessKey, SessionToken: k.SessionToken, Expires: k.Expiration}
	if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		c.Expires = now.Add(k.Expiration.Sub(date) - iotDate) // date may be that much behind
	}
	return c, nil
}
