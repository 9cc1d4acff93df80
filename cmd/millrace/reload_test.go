//go:build unix

package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/certs"
)

// TestASignalMakesTheServerLookAtItsCertificate: at once, and it goes on serving.
func TestASignalMakesTheServerLookAtItsCertificate(t *testing.T) {
	dir := t.TempDir()
	ca, err := certs.OpenCA(dir, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	writeCertificate(t, ca, cert, key)
	_, said, done, stop := running(
		t, nil, "server", "--data", filepath.Join(dir, "data"), "--listen", "127.0.0.1:0", "--tls-cert", cert, "--tls-key", key)
	if !said.await(done, "Serving https://127.0.0.1:") {
		t.Fatalf("the server said\n%s", said)
	}
	_, rest, _ := strings.Cut(said.String(), "Serving https://")
	address, _, _ := strings.Cut(rest, ". ")
	second := writeCertificate(t, ca, cert, key)
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	if !said.await(done, "looking for a newer certificate") {
		t.Errorf("the server said\n%s", said)
	}
	shown := func() string {
		conn, err := tls.Dial("tcp", address, &tls.Config{RootCAs: ca.Pool()})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		return conn.ConnectionState().PeerCertificates[0].SerialNumber.String()
	}
	for deadline := time.Now().Add(10 * time.Second); shown() != second; {
		if time.Now().After(deadline) {
			t.Fatal("the new certificate is not shown")
		}
	}
	if code := stop(); code != exitOK {
		t.Errorf("exit code %d\n%s", code, said)
	}
}

// writeCertificate writes a fresh one for this machine, and returns its serial
// number.
func writeCertificate(t *testing.T, ca *certs.CA, cert, key string) string {
	t.Helper()
	c, err := ca.Server(certs.Machine(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{
		cert: {Type: "CERTIFICATE", Bytes: c.Certificate[0]}, key: {Type: "PRIVATE KEY", Bytes: der},
	} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return c.Leaf.SerialNumber.String()
}

// TestADemoThatSpeaksTLS: its camera trusts it, and so does who is told how.
func TestADemoThatSpeaksTLS(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	_, said, done, stop := running(t, nil, "demo", "--listen", "127.0.0.1:0", "--tls-auto")
	if !said.await(done, shown) {
		t.Fatalf("the demo said\n%s", said)
	}
	environ := exports(t, said.String())
	if text := strings.Join(environ, " "); !strings.Contains(text, "AWS_ENDPOINT_URL=https://127.0.0.1:") || !strings.Contains(text, "AWS_CA_BUNDLE=/") {
		t.Errorf("told are %s", text)
	}
	out, talk, listed, end := running(t, environ, "stream", "list")
	<-listed
	if code := end(); code != exitOK || !strings.Contains(out.String(), "demo") {
		t.Errorf("exit code %d\n%s%s", code, out, talk)
	}
	if code := stop(); code != exitOK {
		t.Errorf("exit code %d\n%s", code, said)
	}
}
