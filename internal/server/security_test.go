package server_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/certs"
	"github.com/millrace/millrace/internal/config"
	"github.com/millrace/millrace/internal/server"
)

// trust gives a rig's client an authority to trust.
func (r *rig) trust(pool *x509.CertPool) {
	r.client.Transport.(*http.Transport).TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
}

// startSecure starts a server with --tls-auto whose client trusts it.
func startSecure(t testing.TB, o server.Options, change func(*config.Server)) *rig {
	t.Helper()
	r := startWith(t, o, func(c *config.Server) {
		c.TLSAuto = true
		if change != nil {
			change(c)
		}
	})
	r.trust(r.s.Authority().Pool())
	return r
}

func (r *rig) show(path string) (int, string) {
	r.t.Helper()
	req, err := http.NewRequest(http.MethodGet, r.url+path, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	if path == "/metrics" {
		req.SetBasicAuth(keyID, secret)
	}
	resp, err := r.client.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

func TestAServerWithAnAuthorityOfItsOwn(t *testing.T) {
	r := startSecure(t, server.Options{}, func(c *config.Server) {
		c.Region, c.TLSRegions = "us-west-2", config.List{"eu-west-1"}
		c.TLSNames, c.PublicURL = config.List{"video.internal"}, "https://cams.example.net:8443"
	})
	if !strings.HasPrefix(r.url, "https://127.0.0.1:") {
		t.Errorf("its URL is %s", r.url)
	}
	r.create("gate", 1)
	if status, out := r.call("/getDataEndpoint", map[string]any{"StreamName": "gate", "APIName": "GET_MEDIA"}); status != 200 || out["DataEndpoint"] != "https://cams.example.net:8443" {
		t.Errorf("%d %v", status, out)
	}
	for _, name := range []string{
		"localhost", "127.0.0.1", "::1", "video.internal", "cams.example.net",
		"kinesisvideo.us-west-2.amazonaws.com", "s-1.kinesisvideo.us-west-2.amazonaws.com", "kinesisvideo.eu-west-1.api.aws",
		"abc.credentials.iot.us-west-2.amazonaws.com",
	} {
		conn, err := tls.Dial("tcp", r.address(), &tls.Config{ServerName: name, RootCAs: r.s.Authority().Pool()})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		conn.Close()
	}
	before := r.s.Authority().PEM()
	if status, body := r.show("/millrace/v1/ca.pem"); status != http.StatusOK || body != string(before) {
		t.Errorf("the authority is shown as %d %s", status, body)
	}
	if _, body := r.show("/metrics"); !strings.Contains(body, "millrace_tls_certificate_expiry_timestamp_seconds 1.") {
		t.Error("the metrics do not know when the certificate ends")
	}
	r.client.CloseIdleConnections()
	r.restart()
	if string(r.s.Authority().PEM()) != string(before) {
		t.Error("a restart made another authority")
	}
	if status, _ := r.show("/healthz"); status != http.StatusOK { // with the trust of before
		t.Errorf("after a restart: %d", status)
	}
}

func TestAPlainServerHasNoAuthority(t *testing.T) {
	r := start(t, nil, nil)
	if r.s.Authority() != nil {
		t.Error("it has one")
	}
	if status, _ := r.show("/millrace/v1/ca.pem"); status != http.StatusNotFound {
		t.Errorf("it shows one: %d", status)
	}
	if _, err := os.Stat(filepath.Join(r.cfg.Data, certs.KeyFile)); err == nil {
		t.Error("it made one")
	}
	r.s.Reload()
}

func TestMediaGoThroughTLS(t *testing.T) {
	r := startSecure(t, server.Options{}, nil)
	r.create("gate", 1)
	head := r.putHead("gate", nil)
	for range 2 { // one session after the other
		conn, err := tls.Dial("tcp", r.address(), &tls.Config{RootCAs: r.s.Authority().Pool(), ServerName: "localhost"})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if got := conn.ConnectionState().NegotiatedProtocol; got != "" {
			t.Errorf("protocol %q without ALPN", got)
		}
		if _, err := io.WriteString(conn, head); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("%v, %v", resp, err)
		}
	}
}

// TestACertificateIsReplacedUnderLoad: every call is answered, old connections
// go on, and new ones see the new certificate.
func TestACertificateIsReplacedUnderLoad(t *testing.T) {
	dir := t.TempDir()
	ca, err := certs.OpenCA(dir, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	first := writeCertificate(t, ca, cert, key)
	r := start(t, nil, func(c *config.Server) { c.TLSCert, c.TLSKey = cert, key })
	if r.s.Authority() != nil {
		t.Error("the certificate of a file is said to be our authority's")
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var calling sync.WaitGroup
	var calls atomic.Int64
	for i := range 4 {
		calling.Go(func() {
			client := &http.Client{Transport: &http.Transport{
				TLSClientConfig: &tls.Config{RootCAs: ca.Pool()}, DisableKeepAlives: i%2 == 0,
			}}
			defer client.CloseIdleConnections()
			for ctx.Err() == nil {
				resp, err := client.Get(r.url + "/healthz")
				if err != nil {
					t.Errorf("call: %v", err)
					return
				}
				resp.Body.Close()
				calls.Add(1)
			}
		})
	}
	last := first
	for range 20 {
		last = writeCertificate(t, ca, cert, key)
		r.s.Reload()
		for before := calls.Load(); calls.Load() < before+4 && !t.Failed(); {
			time.Sleep(time.Millisecond)
		}
	}
	if err := os.WriteFile(key, []byte("rubbish"), 0o600); err != nil {
		t.Fatal(err)
	}
	r.s.Reload()
	stop()
	calling.Wait()
	conn, err := tls.Dial("tcp", r.address(), &tls.Config{RootCAs: ca.Pool()})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if got := conn.ConnectionState().PeerCertificates[0].SerialNumber; got.Cmp(last) != 0 {
		t.Errorf("in use is %x, not the last good one", got)
	}
	r.trust(ca.Pool())
	if status, body := r.show("/metrics"); status != http.StatusOK || strings.Contains(body, "millrace_tls_certificate_failures_total 0\n") {
		t.Error("the failure is not counted")
	}
}

// writeCertificate writes a fresh one for this machine, and returns its serial number.
func writeCertificate(t *testing.T, ca *certs.CA, cert, key string) *big.Int {
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
	return c.Leaf.SerialNumber
}

func TestPlainHTTPToATLSListener(t *testing.T) {
	r := startSecure(t, server.Options{}, nil)
	resp, err := http.Get("http://" + r.address() + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	if want := "Client sent an HTTP request to an HTTPS server.\n"; resp.StatusCode != http.StatusBadRequest || string(b) != want {
		t.Error(fmt.Sprint(resp.StatusCode), string(b))
	}
}
