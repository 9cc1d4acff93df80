//go:build interop

package interop

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
)

// TestACME: a server gets its certificates from Pebble, an ACME server, which
// looks up its names in a DNS of the test's and asks it for proof over TLS.
func TestACME(t *testing.T) {
	work := t.TempDir()
	must(t, makeCertificate(work)) // of the ACME server itself
	build := exec.Command("go", "build", "-o", work, "github.com/letsencrypt/pebble/v2/cmd/pebble", "github.com/letsencrypt/pebble/v2/cmd/pebble-challtestsrv")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build Pebble: %v\n%s", err, out)
	}
	r := &rig{binary: shared.binary, address: free(t), work: work, log: &syncBuffer{}}
	directory, roots := startPebble(t, work, r.address)
	names := []string{"video.example.test", "cameras.example.test"}
	flags := []string{
		"--acme-names", names[0] + "," + names[1], "--acme-email", "operator@example.test",
		"--acme-directory", directory, "--acme-root", filepath.Join(work, "ca.pem"),
	}
	var pool *x509.CertPool
	shown := func(name string) (*x509.Certificate, error) {
		conn, err := tls.Dial("tcp", r.address, &tls.Config{ServerName: name, RootCAs: pool})
		if err != nil {
			return nil, err
		}
		defer conn.Close()
		return conn.ConnectionState().PeerCertificates[0], nil
	}
	serials := map[string]string{}
	ready := func() error {
		var err error
		if pool == nil {
			if pool, err = roots(); err != nil {
				return err
			}
		}
		for _, name := range names {
			c, err := shown(name)
			if err != nil {
				return err
			}
			serials[name] = c.SerialNumber.String()
		}
		return nil
	}
	startWith(t, r, ready, flags...)
	if _, err := shown("other.example.test"); err == nil {
		t.Error("a name that was not asked for is covered")
	}
	if proto := protocolOf(t, r.address, pool, names[0], "h2", "http/1.1"); proto != "http/1.1" {
		t.Errorf("protocol %q", proto)
	}
	keys, err := filepath.Glob(filepath.Join(work, "data", "acme", "certificates", "*", names[0], "*.key"))
	if err != nil || len(keys) != 1 {
		t.Fatalf("kept are %v, %v", keys, err)
	}
	if info, err := os.Stat(keys[0]); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode of the key %v, %v", info.Mode(), err)
	}

	// Another start takes what was kept.
	before := map[string]string{names[0]: serials[names[0]], names[1]: serials[names[1]]}
	must(t, r.stop())
	startWith(t, r, ready, flags...)
	for name, serial := range serials {
		if serial != before[name] {
			t.Errorf("%s has another certificate after a restart", name)
		}
	}
}

func protocolOf(t *testing.T, address string, pool *x509.CertPool, name string, offers ...string) string {
	t.Helper()
	conn, err := tls.Dial("tcp", address, &tls.Config{ServerName: name, RootCAs: pool, NextProtos: offers})
	must(t, err)
	defer conn.Close()
	return conn.ConnectionState().NegotiatedProtocol
}

func free(t *testing.T) string {
	t.Helper()
	address, err := freeAddress()
	must(t, err)
	return address
}

// startPebble starts an ACME server, and a DNS in which every name is this
// machine's, for proofs on the port of an address. It returns the URL of its
// directory, and what reads the authority of what it signs.
func startPebble(t *testing.T, work, prove string) (directory string, roots func() (*x509.CertPool, error)) {
	t.Helper()
	listen, manage, dns, dnsManage := free(t), free(t), free(t), free(t)
	_, port, err := net.SplitHostPort(prove)
	must(t, err)
	number, err := strconv.Atoi(port)
	must(t, err)
	config, err := json.Marshal(map[string]any{"pebble": map[string]any{
		"listenAddress": listen, "managementListenAddress": manage, "httpPort": 1, "tlsPort": number,
		"certificate": filepath.Join(work, "cert.pem"), "privateKey": filepath.Join(work, "key.pem"),
		"retryAfter": map[string]int{"authz": 1, "order": 1},
	}})
	must(t, err)
	path := filepath.Join(work, "pebble.json")
	must(t, os.WriteFile(path, config, 0o600))
	command(t, nil, filepath.Join(work, "pebble-challtestsrv"), "-http01", "", "-https01", "", "-doh", "", "-tlsalpn01", "",
		"-dns01", dns, "-management", dnsManage, "-defaultIPv4", "127.0.0.1", "-defaultIPv6", "")
	command(t, []string{"PEBBLE_VA_NOSLEEP=1"}, filepath.Join(work, "pebble"), "-config", path, "-dnsserver", dns, "-strict")
	secure := &rig{ca: filepath.Join(work, "ca.pem")}
	client, err := secure.httpClient()
	must(t, err)
	read := func(url string) ([]byte, error) {
		resp, err := client.Get(url)
		if err != nil {
			return nil, err
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return nil, errors.New(resp.Status)
		}
		return io.ReadAll(resp.Body)
	}
	t.Cleanup(client.CloseIdleConnections)
	directory = "https://" + listen + "/dir"
	eventually(t, func() error { _, err := read(directory); return err })
	return directory, func() (*x509.CertPool, error) {
		b, err := read("https://" + manage + "/roots/0")
		pool := x509.NewCertPool()
		if err == nil && !pool.AppendCertsFromPEM(b) {
			err = errors.New("no authority")
		}
		return pool, err
	}
}
