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

// TestNobodyWritesToOurTerminal: what others have written stays in its place.
func TestNobodyWritesToOurTerminal(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/describeStream":
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"__type":"InvalidArgumentException","message":"a\u001b[2Jb\u009bc"}`)
			return
		case "/millrace/v1/listKeys":
			_, _ = io.WriteString(w, `{"KeyList":[{"AccessKeyId":"A","Name":"a\u001b[2J","Status":"ENABLED"}]}`)
			return
		}
		_, _ = io.WriteString(w, `{"DeletionList":[{"DeletionId":1,"StreamName":"s","TimestampType":"SERVER_TIMESTAMP",
			"StartTimestamp":1,"EndTimestamp":2,"RequestTimestamp":3,"AccessKeyId":"A","Reason":"\u001b[2K\n2  2026-01-01  forged\u202e\u2028"}]}`)
	}))
	defer s.Close()
	environ := []string{"HOME=" + t.TempDir(), "AWS_ENDPOINT_URL=" + s.URL, "AWS_ACCESS_KEY_ID=a", "AWS_SECRET_ACCESS_KEY=b", "AWS_DEFAULT_REGION=us-west-2"}
	for _, args := range [][]string{{"stream", "deletions"}, {"stream", "describe", "s"}, {"key", "list"}} {
		out, said, done, stop := running(t, environ, args...)
		<-done
		stop()
		text := out.String() + said.String()
		if strings.Contains(text, "forged") == (args[1] != "deletions") {
			t.Errorf("%v: %q", args, text)
		}
		if strings.ContainsAny(text, "\x1b\u009b\u202e\u2028") || strings.Contains(text, "\n2  2026") {
			t.Errorf("%v: %q", args, text)
		}
	}
}
