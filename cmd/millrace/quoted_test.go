//go:build unix

package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestNoAnswerIsRunByTheShell: what is printed is evaluated by our users, and an
// answer over plain HTTP may be anybody's.
func TestNoAnswerIsRunByTheShell(t *testing.T) {
	const nasty = `x\ntouch taken\n$(touch taken)'; touch taken; '` + "`touch taken`"
	for name, tc := range map[string]struct {
		args   string
		answer string
		code   int
	}{
		"key create":  {"key create k --role camera --stream s", `{"AccessKeyId":"NASTY","SecretAccessKey":"NASTY"}`, exitOK},
		"key session": {"key session", `{"Credentials":{"AccessKeyId":"NASTY","SecretAccessKey":"NASTY","SessionToken":"NASTY","Expiration":1}}`, exitOK},
		"device create, endpoint": {
			"device create cam",
			`{"Device":{"DeviceName":"cam","RoleAlias":"camera"},"CertificatePem":"x","AuthorityPem":"x","CredentialsEndpoint":"NASTY"}`, exitFailure,
		},
		"device create, alias": {
			"device create cam",
			`{"Device":{"DeviceName":"cam","RoleAlias":"NASTY"},"CertificatePem":"x","AuthorityPem":"x","CredentialsEndpoint":"host:1"}`, exitFailure,
		},
		"device create, name": {
			"device create cam",
			`{"Device":{"DeviceName":"NASTY","RoleAlias":"camera"},"CertificatePem":"x","AuthorityPem":"x","CredentialsEndpoint":"host:1"}`, exitOK,
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				_, _ = io.WriteString(w, strings.ReplaceAll(tc.answer, "NASTY", nasty))
			}))
			defer s.Close()
			dir := t.TempDir()
			args := strings.Fields(tc.args)
			if args[0] == "device" {
				args = append(args, "--out", dir)
			}
			out, said, done, stop := running(t, []string{
				"HOME=" + dir, "AWS_ENDPOINT_URL=" + s.URL, "AWS_ACCESS_KEY_ID=a", "AWS_SECRET_ACCESS_KEY=b", "AWS_DEFAULT_REGION=us-west-2",
			}, args...)
			<-done
			if code := stop(); code != tc.code {
				t.Fatalf("exit code %d: %s", code, said)
			}
			shell := exec.CommandContext(t.Context(), "sh")
			shell.Dir, shell.Stdin = dir, strings.NewReader(out.String())
			if text, err := shell.CombinedOutput(); err != nil {
				t.Errorf("%v: %s", err, text)
			}
			if _, err := os.Stat(filepath.Join(dir, "taken")); err == nil {
				t.Errorf("the shell ran a part of\n%s", out)
			}
		})
	}
}
