package certs_test

import (
	"crypto/tls"
	"crypto/x509"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/certs"
)

func TestWhatAServerCertificateIs(t *testing.T) {
	ca := openCA(t)
	c := server(t, ca, now(), "cam.example", "192.0.2.7", "::1").Leaf
	if c.NotAfter.Sub(c.NotBefore) > 397*24*time.Hour || !c.NotBefore.Before(now()) || !c.NotAfter.After(now()) {
		t.Errorf("from %v to %v", c.NotBefore, c.NotAfter)
	}
	if c.KeyUsage != x509.KeyUsageDigitalSignature || !slices.Equal(c.ExtKeyUsage, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}) || c.IsCA {
		t.Errorf("usage %v %v, authority %v", c.KeyUsage, c.ExtKeyUsage, c.IsCA)
	}
	if len(c.SubjectKeyId) == 0 || string(c.AuthorityKeyId) != string(parse(t, ca.PEM()).SubjectKeyId) {
		t.Errorf("key ids %x, %x", c.SubjectKeyId, c.AuthorityKeyId)
	}
	for _, name := range []string{"cam.example", "192.0.2.7", "::1"} {
		if _, err := c.Verify(x509.VerifyOptions{Roots: ca.Pool(), CurrentTime: now(), DNSName: name}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := c.VerifyHostname("other.example"); err == nil {
		t.Error("another name is covered")
	}
	late := parse(t, ca.PEM()).NotAfter.Add(-time.Hour)
	if c := server(t, ca, late, "x").Leaf; c.NotAfter.After(late.Add(time.Hour)) {
		t.Errorf("it outlives its authority: %v", c.NotAfter)
	}
}

// TestTheNamesOfAWS: each is what some client goes to, unless it is told otherwise.
func TestTheNamesOfAWS(t *testing.T) {
	for region, hosts := range map[string][]string{
		"us-west-2": {
			"kinesisvideo.us-west-2.amazonaws.com", "s-1a2b3c4d.kinesisvideo.us-west-2.amazonaws.com",
			"kinesisvideo-fips.us-west-2.amazonaws.com", "b-1.kinesisvideo-fips.us-west-2.amazonaws.com",
			"kinesisvideo.us-west-2.api.aws", "s-1a2b3c4d.kinesisvideo.us-west-2.api.aws",
			"kinesisvideo-fips.us-west-2.api.aws", "c1o2.credentials.iot.us-west-2.amazonaws.com",
		},
		"cn-north-1": {
			"kinesisvideo.cn-north-1.amazonaws.com.cn", "s-1.kinesisvideo.cn-north-1.amazonaws.com.cn",
			"kinesisvideo.cn-north-1.api.amazonwebservices.com.cn", "x.credentials.iot.cn-north-1.amazonaws.com.cn",
		},
	} {
		c := server(t, openCA(t), now(), certs.AWS(region)...).Leaf
		for _, host := range hosts {
			if err := c.VerifyHostname(host); err != nil {
				t.Errorf("%s: %v", region, err)
			}
		}
		for _, host := range []string{"amazonaws.com", "s3." + region + ".amazonaws.com", "kinesisvideo.eu-south-1.amazonaws.com", "iot." + region + ".amazonaws.com"} {
			if c.VerifyHostname(host) == nil {
				t.Errorf("%s is covered", host)
			}
		}
	}
}

func TestNames(t *testing.T) {
	for name, want := range map[string]bool{
		"localhost": true, "a.b-c.example": true, "*.example.net": true, "under_score.local": true, "xn--bcher-kva.example": true,
		"": false, "*": false, "*.net": false, "a..b": false, "-a.example": false, "a b": false, "a.*.example": false, "bücher.example": false,
		strings.Repeat("a", 64): false, strings.Repeat("a.", 127) + "aa": false,
	} {
		if certs.ValidName(name) != want {
			t.Errorf("%.80q: %v", name, !want)
		}
	}
	n := certs.Names{}.With("A.Example.", "a.example", "192.0.2.1", "::ffff:192.0.2.1", "fe80::1%eth0", "no name")
	if !slices.Equal(n.DNS, []string{"a.example"}) || len(n.IP) != 2 {
		t.Errorf("%v", n)
	}
	if m := certs.Machine(); !m.Covers(certs.Names{}.With("localhost", "127.0.0.1", "::1")) {
		t.Errorf("the machine is %v", m)
	}
}

// TestHandshakes: with the least and the newest version, HTTP/1.1 alone, and for
// names that the certificate has.
func TestHandshakes(t *testing.T) {
	ca := openCA(t)
	source, err := certs.FromCA(ca, func() certs.Names { return certs.Names{}.With("cam.example") }, certs.Options{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	conf := certs.ServerConfig(source.Certificate, ca)
	for name, tc := range map[string]struct {
		change func(*tls.Config)
		fails  string
	}{
		"TLS 1.3":           {change: func(c *tls.Config) { c.MinVersion = tls.VersionTLS13 }},
		"TLS 1.2":           {change: func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }},
		"TLS 1.1":           {change: func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 }, fails: "protocol version"},
		"h2 and http/1.1":   {change: func(c *tls.Config) { c.NextProtos = []string{"h2", "http/1.1"} }},
		"h2 alone":          {change: func(c *tls.Config) { c.NextProtos = []string{"h2"} }, fails: "no application protocol"},
		"no ALPN":           {change: func(c *tls.Config) { c.NextProtos = nil }},
		"another name":      {change: func(c *tls.Config) { c.ServerName = "other.example" }, fails: "other.example"},
		"another authority": {change: func(c *tls.Config) { c.RootCAs = openCA(t).Pool() }, fails: "unknown authority"},
	} {
		client := &tls.Config{ServerName: "cam.example", RootCAs: ca.Pool(), Time: now, NextProtos: []string{"http/1.1"}}
		tc.change(client)
		_, state, err := handshake(t, conf, client)
		if tc.fails == "" && err != nil || tc.fails != "" && (err == nil || !strings.Contains(err.Error(), tc.fails)) {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil && len(client.NextProtos) > 0 && state.NegotiatedProtocol != "http/1.1" {
			t.Errorf("%s: protocol %q", name, state.NegotiatedProtocol)
		}
	}
}
