package certs_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/certs"
)

const day = 24 * time.Hour

func TestADeviceIsWhoItsCertificateSays(t *testing.T) {
	ca := openCA(t)
	camera := device(t, ca, "gate", 30*day)
	serverCert := server(t, ca, now(), "localhost")
	foreign := device(t, openCA(t), "gate", 30*day)
	for name, tc := range map[string]struct {
		shown []*x509.Certificate
		at    time.Time
		ok    bool
	}{
		"a device":                      {[]*x509.Certificate{camera.Leaf}, now(), true},
		"on its last day":               {[]*x509.Certificate{camera.Leaf}, now().Add(30*day - time.Second), true},
		"with its authority":            {[]*x509.Certificate{camera.Leaf, parse(t, ca.PEM())}, now(), true},
		"after its end":                 {[]*x509.Certificate{camera.Leaf}, now().Add(30*day + time.Second), false},
		"before its beginning":          {[]*x509.Certificate{camera.Leaf}, now().Add(-2 * time.Hour), false},
		"of another authority":          {[]*x509.Certificate{foreign.Leaf}, now(), false},
		"of another, and ours after it": {[]*x509.Certificate{foreign.Leaf, camera.Leaf}, now(), false},
		"the server itself":             {[]*x509.Certificate{serverCert.Leaf}, now(), false},
		"the authority itself":          {[]*x509.Certificate{parse(t, ca.PEM())}, now(), false},
		"nobody":                        {nil, now(), false},
	} {
		who, print, err := ca.Identify(tc.shown, tc.at)
		if tc.ok && (err != nil || who != "gate" || len(print) != 64) || !tc.ok && (!errors.Is(err, certs.ErrStranger) || who != "") {
			t.Errorf("%s: %q, %q, %v", name, who, print, err)
		}
	}
}

func TestWhatADeviceCertificateIs(t *testing.T) {
	ca := openCA(t)
	c := device(t, ca, "gate", 30*day).Leaf
	if len(c.ExtKeyUsage) != 1 || c.ExtKeyUsage[0] != x509.ExtKeyUsageClientAuth || c.KeyUsage != x509.KeyUsageDigitalSignature || c.IsCA {
		t.Errorf("usage %v %v, authority %v", c.ExtKeyUsage, c.KeyUsage, c.IsCA)
	}
	if len(c.DNSNames)+len(c.IPAddresses) > 0 {
		t.Errorf("it is a server's: %v %v", c.DNSNames, c.IPAddresses)
	}
}

// requestOf makes a request of a key, and changes it.
func requestOf(t *testing.T, key any, change func([]byte) []byte) []byte {
	t.Helper()
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key)
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		der = change(der)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der})
}

func TestRequests(t *testing.T) {
	ca := openCA(t)
	p256, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	p224, err2 := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	rsa2048, err3 := rsa.GenerateKey(rand.Reader, 2048)
	_, ed, err4 := ed25519.GenerateKey(rand.Reader)
	if err := errors.Join(err, err2, err3, err4); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		request []byte
		ok      bool
	}{
		"P-256":    {requestOf(t, p256, nil), true},
		"RSA 2048": {requestOf(t, rsa2048, nil), true},
		"Ed25519":  {requestOf(t, ed, nil), true},
		"P-224":    {requestOf(t, p224, nil), false},
		"a signature that is another's": {requestOf(t, p256, func(der []byte) []byte {
			der[len(der)-1] ^= 1
			return der
		}), false},
		"a certificate": {ca.PEM(), false},
		"nothing":       {nil, false},
		"a long one":    {bytes.Repeat([]byte("x"), 1<<20), false},
	} {
		d, err := ca.Device("gate", tc.request, day, now())
		if tc.ok && (err != nil || parse(t, d.PEM).Subject.CommonName != "gate" || d.Serial == "" || !d.NotAfter.Equal(now().Add(day))) ||
			!tc.ok && !errors.Is(err, certs.ErrRequest) {
			t.Errorf("%s: %v, %v", name, d, err)
		}
	}
	for name, ok := range map[string]bool{
		"gate": true, "A_b.c-9": true, strings.Repeat("x", 64): true,
		"": false, "..": false, "a/b": false, "a b": false, strings.Repeat("x", 65): false, "a\x00": false, "käfer": false,
	} {
		if _, err := ca.Device(name, requestOf(t, p256, nil), day, now()); (err == nil) != ok {
			t.Errorf("name %.70q: %v", name, err)
		}
	}
	if d, err := ca.Device("gate", requestOf(t, p256, nil), 100*365*day, now()); err != nil || d.NotAfter.After(parse(t, ca.PEM()).NotAfter) {
		t.Errorf("it outlives its authority: %v, %v", d.NotAfter, err)
	}
}

// TestTheListenerAsksAndTakesAll: who is a stranger is told so by what needs to
// know, and not by the handshake.
func TestTheListenerAsksAndTakesAll(t *testing.T) {
	ca := openCA(t)
	conf := certs.ServerConfig(func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return server(t, ca, now(), "localhost"), nil }, ca)
	for name, tc := range map[string]struct {
		certificate *tls.Certificate
		known       bool
	}{
		"a device":   {ptr(device(t, ca, "gate", day)), true},
		"a stranger": {ptr(device(t, openCA(t), "gate", day)), false},
		"nobody":     {nil, false},
	} {
		var asked [][]byte
		client := &tls.Config{ServerName: "localhost", RootCAs: ca.Pool(), Time: now}
		client.GetClientCertificate = func(r *tls.CertificateRequestInfo) (*tls.Certificate, error) {
			asked = r.AcceptableCAs
			if tc.certificate == nil {
				return &tls.Certificate{}, nil
			}
			return tc.certificate, nil
		}
		state, _, err := handshake(t, conf, client)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if len(asked) != 1 || !bytes.Equal(asked[0], parse(t, ca.PEM()).RawSubject) {
			t.Errorf("%s was asked for %q", name, asked)
		}
		if _, _, err := ca.Identify(state.PeerCertificates, now()); (err == nil) != tc.known {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func ptr[T any](v T) *T { return &v }
