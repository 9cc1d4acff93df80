package credentials_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/millrace/millrace"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// What no error may show. The id of a key is no secret.
const (
	keyID  = "AKIDEXAMPLE"
	hidden = "hidden+secret/key=#1"
	token  = "hidden-token"
)

// secrets are the keys of these tests, with a token if that is not empty.
func secrets(token string) millrace.Credentials {
	return millrace.Credentials{AccessKeyID: keyID, SecretAccessKey: hidden, SessionToken: token}
}

// quiet fails the test if an error, or one that it wraps, shows a secret in any
// form.
func quiet(t *testing.T, err error) {
	t.Helper()
	for _, form := range [...]string{"%v", "%+v", "%#v", "%q"} {
		for _, secret := range [...]string{hidden, token} {
			if text := fmt.Sprintf(form, err); strings.Contains(text, secret) {
				t.Errorf("the error shows a secret: %s", text)
			}
		}
	}
	if wrapped := errors.Unwrap(err); wrapped != nil {
		quiet(t, wrapped)
	}
}

// refused fails the test unless err is kind, where that is not nil, and says all
// of what, and no secret.
func refused(t *testing.T, err, kind error, what ...string) {
	t.Helper()
	if err == nil {
		t.Error("there is no error")
		return
	}
	quiet(t, err)
	if kind != nil && !errors.Is(err, kind) {
		t.Errorf("%v is not: %v", err, kind)
	}
	for _, word := range what {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("the error does not say %q: %v", word, err)
		}
	}
}

// write makes a file whole, as programs should that replace one.
func write(t *testing.T, path, text string) {
	t.Helper()
	fresh := path + ".new"
	if err := os.WriteFile(fresh, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(fresh, path); err != nil {
		t.Fatal(err)
	}
}

// fileOf makes a file with a text.
func fileOf(t *testing.T, text string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "file")
	write(t, path, text)
	return path
}
