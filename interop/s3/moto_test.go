//go:build interop

package s3

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// moto starts moto's server, makes a user there, and a bucket of his. After the
// calls that make the user, none goes through without a signature that is right.
func moto(t *testing.T) bucket {
	t.Helper()
	const unsigned = 3
	python := os.Getenv("MILLRACE_INTEROP_PYTHON")
	if python == "" {
		t.Skip("MILLRACE_INTEROP_PYTHON names no environment with moto")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	_ = l.Close()
	_, port, _ := net.SplitHostPort(address)
	var said bytes.Buffer // read when the server has ended
	server := exec.Command(filepath.Join(python, "bin", "moto_server"), "-H", "127.0.0.1", "-p", port)
	server.Env = append(os.Environ(), fmt.Sprintf("INITIAL_NO_AUTH_ACTION_COUNT=%d", unsigned))
	server.Stdout, server.Stderr = &said, &said
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Kill()
		_ = server.Wait()
		if t.Failed() {
			t.Logf("moto said %s", said.Bytes()[max(0, said.Len()-2000):])
		}
	})
	b := bucket{url: "http://" + address, region: "us-east-1"}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		_, err := iam(b.url, "CreateUser", "UserName", "archiver")
		if err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("moto does not start: %v", err)
		}
	}
	b.keys = keysOf(t, b.url)
	if err := b.Put(t.Context(), "footage", nil); err != nil { // makes the bucket
		t.Fatal(err)
	}
	b.url += "/footage"
	return b
}

// keysOf gives the user keys, and the right to use the store.
func keysOf(t *testing.T, endpoint string) aws.Credentials {
	t.Helper()
	answer, err := iam(endpoint, "CreateAccessKey", "UserName", "archiver")
	if err != nil {
		t.Fatal(err)
	}
	_, err = iam(endpoint, "PutUserPolicy", "UserName", "archiver", "PolicyName", "all",
		"PolicyDocument", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}`)
	if err != nil {
		t.Fatal(err)
	}
	return aws.Credentials{AccessKeyID: element(answer, "AccessKeyId"), SecretAccessKey: element(answer, "SecretAccessKey")}
}

// iam makes a call that needs no signature, but names what it would be for.
func iam(endpoint, action string, pairs ...string) (answer string, err error) {
	form := url.Values{"Action": {action}, "Version": {"2010-05-08"}}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	req, err := http.NewRequest(http.MethodPost, endpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=x/20261122/us-east-1/iam/aws4_request, SignedHeaders=host, Signature=0")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s %s", action, resp.Status, body)
	}
	return string(body), err
}

// element is the text of an element of XML.
func element(xml, name string) string {
	_, rest, _ := strings.Cut(xml, "<"+name+">")
	text, _, _ := strings.Cut(rest, "<")
	return text
}
