//go:build interop

package interop

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// certificate makes one that nobody has signed, for 127.0.0.1.
func certificate(t *testing.T, dir string) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "proxy"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	must(t, err)
	bytes, err := x509.MarshalECPrivateKey(private)
	must(t, err)
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	must(t, os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	must(t, os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: bytes}), 0o600))
	return cert, key
}

// startNginx runs nginx with the guide's configuration at an address, before a
// server, and returns its URL and its certificate.
func startNginx(t *testing.T, r *rig, address string) (url, cert string) {
	t.Helper()
	nginx, dir := need(t, "nginx"), t.TempDir()
	cert, key := certificate(t, dir)
	site := deployed(t, dir, "proxy/nginx.conf", "127.0.0.1:8080", r.address, "listen 8443 ssl", "listen "+address+" ssl",
		"/etc/millrace/cert.pem", cert, "/etc/millrace/key.pem", key, "proxy_pass http://", "proxy_pass "+strings.SplitAfter(r.url, "//")[0])
	main := filepath.Join(dir, "main.conf")
	must(t, os.WriteFile(main, []byte("daemon off;\nmaster_process off;\npid "+dir+"/pid;\nerror_log "+dir+"/error.log;\nevents {}\nhttp {\naccess_log off;\n"+
		"client_body_temp_path "+dir+"/body;\nproxy_temp_path "+dir+"/proxy;\nfastcgi_temp_path "+dir+"/f;\nuwsgi_temp_path "+dir+"/u;\nscgi_temp_path "+dir+"/s;\ninclude "+site+";\n}\n"), 0o600))
	r.output(t, nginx, "-t", "-q", "-p", dir, "-e", dir+"/error.log", "-c", main)
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, nginx, "-p", dir, "-e", dir+"/error.log", "-c", main)
	must(t, cmd.Start())
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait() // it was told to end
		if text, _ := os.ReadFile(dir + "/error.log"); t.Failed() {
			t.Log(tailOf(string(text), 3000))
		}
	})
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if conn, err := net.Dial("tcp", address); err == nil {
			conn.Close()
			return "https://" + address, cert
		}
		if time.Now().After(end) {
			t.Fatal("nginx does not listen")
		}
	}
}

// behindNginx starts a server that tells its clients of the proxy before it.
func behindNginx(t *testing.T) (r *rig, url, cert string) {
	t.Helper()
	address, err := freeAddress()
	must(t, err)
	r = ownRig(t, false)
	r.settings = []string{"--public-url", "https://" + address}
	must(t, r.start())
	url, cert = startNginx(t, r, address)
	return r, url, cert
}

// through is a command that knows the proxy alone.
func through(t *testing.T, r *rig, url, cert string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := r.command(t.Context(), args[0], args[1:]...)
	cmd.Env = append(cmd.Env, "AWS_ENDPOINT_URL="+url, "AWS_CA_BUNDLE="+cert)
	return cmd
}

// TestNginxCarriesEverything: with the configuration of the guide, control calls,
// PutMedia with all its acknowledgements, and GetMedia go through.
func TestNginxCarriesEverything(t *testing.T) {
	curl := need(t, "curl")
	r, url, cert := behindNginx(t)
	r.newStream(t, "proxied")
	if out, err := through(t, r, url, cert, r.binary, "stream", "list").CombinedOutput(); err != nil || !strings.Contains(string(out), "proxied") {
		t.Errorf("list: %v\n%s", err, out)
	}
	media, err := os.ReadFile(clip(t))
	must(t, err)
	r.newStream(t, "proxied-chunks")
	for stream, source := range map[string]string{"proxied": clip(t), "proxied-chunks": "-"} {
		args := r.putWithCurl(stream, source, "--cacert", cert)
		for i, arg := range args {
			args[i] = strings.Replace(arg, r.url, url, 1)
		}
		stdout, stderr, err := r.run(t, media, curl, args...)
		if err != nil {
			t.Fatalf("curl: %v\n%s\n%s", err, stdout, stderr)
		}
		checkAcks(t, stdout, clipSeconds)
	}
	path := filepath.Join(t.TempDir(), "out.mkv")
	if out, err := through(t, r, url, cert, r.binary, "pull", "proxied", "--from", "1h ago", "--container", "mkv", "--out", path).CombinedOutput(); err != nil {
		t.Fatalf("pull: %v\n%s", err, out)
	}
	sameFrames(t, framesOf(t, path, false))
}

// TestNginxHoldsNothingBack: a camera behind it is acknowledged while it sends,
// and a viewer sees what it sends at once.
func TestNginxHoldsNothingBack(t *testing.T) {
	r, url, cert := behindNginx(t)
	r.newStream(t, "live")
	viewer := through(t, r, url, cert, r.binary, "--json", "pull", "live", "--follow", "--container", "json")
	seen := &syncBuffer{}
	viewer.Stdout, viewer.Stderr = seen, seen
	must(t, viewer.Start())
	t.Cleanup(func() {
		_ = viewer.Process.Kill()
		_ = viewer.Wait() // it was killed
	})
	camera := through(t, r, url, cert, r.binary, "--json", "push", "live", clip(t), "--realtime")
	var out, errs strings.Builder
	camera.Stdout, camera.Stderr = &out, &errs
	must(t, camera.Start())
	time.Sleep(clipSeconds * time.Second / 2)
	if frames := strings.Count(seen.String(), "\n"); frames < 5 {
		t.Errorf("halfway the viewer has seen %q", seen.String())
	}
	if err := camera.Wait(); err != nil {
		t.Fatalf("push: %v\n%s", err, errs.String())
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	var report struct {
		Persisted, Connections int
		LatencyMillis          struct{ Max float64 }
	}
	must(t, json.Unmarshal([]byte(lines[len(lines)-1]), &report))
	if report.Persisted != clipSeconds || report.Connections != 1 || report.LatencyMillis.Max > clipSeconds*1000/2 { // a proxy that holds back does so to the end
		t.Errorf("the camera was told late, or not at all: %s", out.String())
	}
	if strings.Contains(r.log.String(), "operation=PutMedia status=4") {
		t.Errorf("log:\n%s", r.log.String())
	}
}

// TestNginxLetsNobodyInUnsigned: what the proxy adds is no credential.
func TestNginxLetsNobodyInUnsigned(t *testing.T) {
	_, url, cert := behindNginx(t)
	out := shared.output(t, need(t, "curl"), "--silent", "--cacert", cert, "--request", "POST", "--write-out", "%{http_code}", "--output", os.DevNull, url+"/listStreams")
	if out != "403" && out != "401" && out != "400" {
		t.Errorf("unsigned: %s, %d would be worse", out, http.StatusOK)
	}
}

// TestTheServiceUnitIsValid: systemd finds nothing to say about it, but that the
// binary is not where it will be.
func TestTheServiceUnitIsValid(t *testing.T) {
	verify, dir := need(t, "systemd-analyze"), t.TempDir()
	unit := deployed(t, dir, "systemd/millrace.service", "/usr/local/bin/millrace", shared.binary)
	if out, err := exec.Command(verify, "verify", "--man=no", unit).CombinedOutput(); err != nil || strings.Contains(string(out), "millrace.service:") {
		t.Errorf("%v\n%s", err, out)
	}
}
