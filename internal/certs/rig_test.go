package certs_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/certs"
)

func now() time.Time { return time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC) }

func openCA(t *testing.T) *certs.CA {
	t.Helper()
	ca, err := certs.OpenCA(t.TempDir(), now())
	if err != nil {
		t.Fatal(err)
	}
	return ca
}

// parse reads the first certificate of a PEM file.
func parse(t *testing.T, b []byte) *x509.Certificate {
	t.Helper()
	block, _ := pem.Decode(b)
	if block == nil {
		t.Fatalf("no PEM: %s", b)
	}
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// writePair writes a chain and its key, and returns the files' names.
func writePair(t *testing.T, dir string, c *tls.Certificate) (cert, key string) {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	write(t, cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate[0]}))
	write(t, key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	return cert, key
}

func write(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// server makes a certificate for names.
func server(t *testing.T, ca *certs.CA, at time.Time, names ...string) *tls.Certificate {
	t.Helper()
	c, err := ca.Server(certs.Names{}.With(names...), at)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// device makes a key and a certificate of a device.
func device(t *testing.T, ca *certs.CA, name string, life time.Duration) tls.Certificate {
	t.Helper()
	key, request, err := certs.NewRequest(name)
	if err != nil {
		t.Fatal(err)
	}
	d, err := ca.Device(name, request, life, now())
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.X509KeyPair(d.PEM, key)
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

// handshake makes one between a server and a client, and returns what each saw.
func handshake(t *testing.T, serverConf, clientConf *tls.Config) (atServer, atClient tls.ConnectionState, err error) {
	t.Helper()
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	s, c := tls.Server(a, serverConf), tls.Client(b, clientConf)
	done := make(chan error, 1)
	go func() {
		err := s.Handshake()
		if err != nil {
			_ = a.Close()
		}
		done <- err
	}()
	err = c.Handshake()
	if err != nil {
		_ = b.Close()
	}
	if serverErr := <-done; err == nil {
		err = serverErr
	}
	return s.ConnectionState(), c.ConnectionState(), err
}

// writeRoots writes the certificate of a test server, which signed itself.
func writeRoots(t *testing.T, path string, s *httptest.Server) {
	t.Helper()
	write(t, path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}))
}
