//go:build interop

package interop

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// startWith starts a server of the test's own with further flags; ready says
// when it is.
func startWith(t *testing.T, r *rig, ready func() error, flags ...string) {
	t.Helper()
	args := append([]string{"server", "--data", filepath.Join(r.work, "data"), "--listen", r.address}, flags...)
	r.server, r.exited = exec.Command(r.binary, args...), make(chan error, 1)
	r.server.Env = append(os.Environ(), "MILLRACE_ACCESS_KEY_ID="+accessKey, "MILLRACE_SECRET_ACCESS_KEY="+secretKey)
	r.server.Stdout, r.server.Stderr = r.log, r.log
	must(t, r.server.Start())
	server, exited := r.server, r.exited
	go func() { exited <- server.Wait() }()
	t.Cleanup(func() {
		if r.server == server {
			must(t, r.stop())
		}
		if t.Failed() {
			t.Logf("the server's log:\n%s", tailOf(r.log.String(), 8000))
		}
	})
	eventually(t, ready)
}

// eventually tries until something succeeds, for a while that is far too long.
func eventually(t *testing.T, try func() error) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for {
		err := try()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// startAuto starts a server with an authority of its own.
func startAuto(t *testing.T, flags ...string) *rig {
	t.Helper()
	address, err := freeAddress()
	must(t, err)
	work := t.TempDir()
	r := &rig{binary: shared.binary, url: "https://" + address, address: address, ca: filepath.Join(work, "data", "ca.pem"), work: work, log: &syncBuffer{}}
	startWith(t, r, func() error {
		if _, err := os.Stat(r.ca); err != nil {
			return err
		}
		return r.waitReady()
	}, append([]string{"--tls-auto"}, flags...)...)
	return r
}

// TestClientsTrustTheServersOwnAuthority: each is given the authority as its users
// would give it, and takes a certificate for this machine, and for AWS.
func TestClientsTrustTheServersOwnAuthority(t *testing.T) {
	r := startAuto(t)
	_, port, err := net.SplitHostPort(r.address)
	must(t, err)
	health := "https://localhost:" + port + "/healthz"
	ok := func(t *testing.T, name string, args ...string) {
		t.Helper()
		if out := r.output(t, name, args...); !strings.Contains(out, `"ok"`) {
			t.Errorf("%s: %s", name, tailOf(out, 2000))
		}
	}
	t.Run("curl", func(t *testing.T) {
		ok(t, need(t, "curl"), "--silent", "--show-error", "--cacert", r.ca, health)
	})
	t.Run("curl by AWS's names", func(t *testing.T) {
		curl := need(t, "curl")
		for _, host := range []string{"kinesisvideo.us-east-1.amazonaws.com", "s-0123abcd.kinesisvideo.us-east-1.amazonaws.com", "kinesisvideo.us-east-1.api.aws"} {
			ok(t, curl, "--silent", "--show-error", "--noproxy", "*", "--cacert", r.ca, "--connect-to", host+":443:"+r.address, "https://"+host+"/healthz")
			ok(t, curl, "--silent", "--show-error", "--noproxy", "*", "--cacert", r.ca, "--resolve", host+":"+port+":127.0.0.1", "https://"+host+":"+port+"/healthz")
		}
		stdout, _, err := r.run(t, nil, curl, "--silent", "--noproxy", "*", "--cacert", r.ca, "--connect-to", "s3.amazonaws.com:443:"+r.address, "https://s3.amazonaws.com/healthz")
		if err == nil {
			t.Errorf("a name that the certificate has not: %s", stdout)
		}
	})
	t.Run("curl with HTTP/2", func(t *testing.T) {
		out := r.output(t, need(t, "curl"), "--silent", "--http2", "--output", "/dev/null", "--write-out", "%{http_version}", "--cacert", r.ca, health)
		if out != "1.1" {
			t.Errorf("it speaks HTTP/%s", out)
		}
	})
	t.Run("openssl", func(t *testing.T) {
		openssl := need(t, "openssl")
		for _, version := range []string{"-tls1_2", "-tls1_3"} {
			out, errs, err := r.run(t, []byte("\n"), openssl, "s_client", "-connect", r.address, "-servername", "localhost", "-verify_hostname", "localhost",
				"-CAfile", r.ca, "-x509_strict", "-purpose", "sslserver", "-verify_return_error", version)
			if err != nil || !strings.Contains(out, "Verify return code: 0 (ok)") || !strings.Contains(out, "Millrace CA ") {
				t.Errorf("%s: %v\n%s\n%s", version, err, tailOf(out, 3000), tailOf(errs, 1000))
			}
		}
		if out, _, err := r.run(t, []byte("\n"), openssl, "s_client", "-connect", r.address, "-tls1_1", "-cipher", "DEFAULT:@SECLEVEL=0"); err == nil && strings.Contains(out, "Protocol  : TLSv1.1") {
			t.Errorf("TLS 1.1 is spoken:\n%s", tailOf(out, 2000))
		}
	})
	t.Run("Python", func(t *testing.T) {
		ok(t, need(t, "python3"), "-c", `
import ssl, sys, urllib.request
c = ssl.create_default_context(cafile=sys.argv[1])
c.verify_flags |= ssl.VERIFY_X509_STRICT
print(urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=c)).open(sys.argv[2]).read().decode())
`, r.ca, health)
	})
	t.Run("Node", func(t *testing.T) {
		ok(t, need(t, "node"), "-e", `
require("https").get(process.argv[1], r => r.on("data", d => process.stdout.write(d))).on("error", e => { console.error(e); process.exit(1) })
`, health)
	})
	t.Run("Java", func(t *testing.T) {
		keytool, java := need(t, "keytool"), need(t, "java")
		store, source := filepath.Join(t.TempDir(), "trust.p12"), filepath.Join(t.TempDir(), "Get.java")
		r.output(t, keytool, "-importcert", "-noprompt", "-alias", "millrace", "-file", r.ca, "-keystore", store, "-storetype", "PKCS12", "-storepass", "changeit")
		must(t, os.WriteFile(source, []byte(`
public class Get {
	public static void main(String[] a) throws Exception {
		System.out.write(new java.net.URI(a[0]).toURL().openConnection(java.net.Proxy.NO_PROXY).getInputStream().readAllBytes());
		System.out.flush();
	}
}
`), 0o600))
		ok(t, java, "-Djavax.net.ssl.trustStore="+store, "-Djavax.net.ssl.trustStorePassword=changeit", source, health)
	})
}

// TestCurlIsADevice: it gets credentials by its certificate, and calls with them.
func TestCurlIsADevice(t *testing.T) {
	curl := need(t, "curl")
	r := startAuto(t)
	dir := filepath.Join(r.work, "devices")
	var made struct{ Certificate, Key, Authority, CredentialsURL string }
	must(t, json.Unmarshal([]byte(r.output(t, r.binary, "device", "create", "porch", "--out", dir, "--json")), &made))
	ask := func(url string, more ...string) (string, error) {
		out, _, err := r.run(t, nil, curl, append([]string{"--silent", "--show-error", "--cacert", made.Authority, "--write-out", " %{http_code}", url}, more...)...)
		return out, err
	}
	device := []string{"--cert", made.Certificate, "--key", made.Key}
	out, err := ask(made.CredentialsURL, append(device, "--header", "x-amzn-iot-thingname: porch")...)
	must(t, err)
	var got struct {
		Credentials struct{ AccessKeyID, SecretAccessKey, SessionToken, Expiration string }
	}
	must(t, json.NewDecoder(strings.NewReader(out)).Decode(&got))
	if k := got.Credentials; len(k.Expiration) != 20 || len(k.SessionToken) == 0 {
		t.Fatalf("credentials until %q", k.Expiration)
	}
	// As C clients do that cannot change where credentials come from.
	host := "c0ffee.credentials.iot.us-east-1.amazonaws.com"
	if out, err := ask("https://"+host+"/role-aliases/camera/credentials", append(device, "--noproxy", "*", "--connect-to", host+":443:"+r.address)...); err != nil || !strings.HasSuffix(out, " 200") {
		t.Errorf("by AWS's name: %s, %v", out, err)
	}
	call := func(action, body string) string {
		return r.output(t, curl, "--silent", "--cacert", made.Authority, "--aws-sigv4", "aws:amz:"+region+":kinesisvideo",
			"--user", got.Credentials.AccessKeyID+":"+got.Credentials.SecretAccessKey, "--header", "x-amz-security-token: "+got.Credentials.SessionToken,
			"--header", "Content-Type: application/json", "--data", body, r.url+action)
	}
	if out := call("/createStream", `{"StreamName":"porch","DataRetentionInHours":1}`); !strings.Contains(out, "stream/porch/") {
		t.Errorf("its stream: %s", out)
	}
	if out := call("/createStream", `{"StreamName":"yard"}`); !strings.Contains(out, "not authorized to perform") {
		t.Errorf("another stream: %s", out)
	}
	r.output(t, r.binary, "device", "disable", "porch")
	if out, err := ask(made.CredentialsURL, device...); err != nil || out != `{"message":"Certificate is invalid on this endpoint"} 403` {
		t.Errorf("disabled: %s, %v", out, err)
	}
	if out := call("/describeStream", `{"StreamName":"porch"}`); !strings.Contains(out, "security token") {
		t.Errorf("with credentials that were out: %s", out)
	}
}

// command runs a program as long as the test.
func command(t *testing.T, env []string, name string, args ...string) *syncBuffer {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	cmd, log := exec.CommandContext(ctx, name, args...), &syncBuffer{}
	cmd.Env, cmd.Stdout, cmd.Stderr = append(os.Environ(), env...), log, log
	must(t, cmd.Start())
	t.Cleanup(func() {
		stop()
		_ = cmd.Wait() // it was killed
		if t.Failed() {
			t.Log(fmt.Sprintf("%s said:\n", filepath.Base(name)) + tailOf(log.String(), 6000))
		}
	})
	return log
}
