package certs_test

import (
	"crypto/x509"
	"encoding/pem"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/certs"
)

func TestTheAuthorityIsMadeOnce(t *testing.T) {
	dir := t.TempDir()
	first, err := certs.OpenCA(dir, now())
	if err != nil {
		t.Fatal(err)
	}
	key := filepath.Join(dir, certs.KeyFile)
	before, err := os.ReadFile(key)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(key)
	if err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if !first.Created() || first.Path() != filepath.Join(dir, certs.File) {
		t.Errorf("created %v at %s", first.Created(), first.Path())
	}
	again, err := certs.OpenCA(dir, now().Add(time.Hour))
	if err != nil || again.Created() || string(again.PEM()) != string(first.PEM()) {
		t.Errorf("opened again: %v, created %v", err, again.Created())
	}
	if after, _ := os.ReadFile(key); string(after) != string(before) {
		t.Error("the key was written again")
	}
	other := openCA(t)
	if string(other.PEM()) == string(first.PEM()) || parse(t, other.PEM()).Subject.String() == parse(t, first.PEM()).Subject.String() {
		t.Error("two authorities have one name")
	}
}

func TestWhatTheAuthorityIs(t *testing.T) {
	c := parse(t, openCA(t).PEM())
	if !c.IsCA || !c.MaxPathLenZero || c.KeyUsage != x509.KeyUsageCertSign|x509.KeyUsageCRLSign {
		t.Errorf("constraints %v %v, usage %v", c.IsCA, c.MaxPathLenZero, c.KeyUsage)
	}
	if c.NotAfter.Sub(now()) < 10*365*24*time.Hour || !c.NotBefore.Before(now()) || c.NotAfter.Year() > 2049 {
		t.Errorf("from %v to %v", c.NotBefore, c.NotAfter)
	}
	if len(c.SubjectKeyId) == 0 || string(c.SubjectKeyId) != string(c.AuthorityKeyId) {
		t.Errorf("key ids %x, %x", c.SubjectKeyId, c.AuthorityKeyId)
	}
}

func TestTheCopyForEverybodyIsMadeAgain(t *testing.T) {
	dir := t.TempDir()
	first, err := certs.OpenCA(dir, now())
	if err != nil {
		t.Fatal(err)
	}
	for _, content := range []string{"", "something else"} {
		if content == "" {
			if err := os.Remove(first.Path()); err != nil {
				t.Fatal(err)
			}
		} else {
			write(t, first.Path(), []byte(content))
		}
		if _, err := certs.OpenCA(dir, now()); err != nil {
			t.Fatal(err)
		}
		if b, err := os.ReadFile(first.Path()); err != nil || string(b) != string(first.PEM()) || strings.Contains(string(b), "PRIVATE") {
			t.Errorf("the copy is %q, %v", b, err)
		}
	}
}

func TestAnAuthorityThatIsWrong(t *testing.T) {
	dir := t.TempDir()
	if _, err := certs.OpenCA(dir, now()); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, certs.KeyFile)
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	key, rest := pem.Decode(good)
	foreign := openCA(t).PEM()
	for name, content := range map[string][]byte{
		"empty":               nil,
		"cut off":             good[:len(good)/2],
		"without certificate": pem.EncodeToMemory(key),
		"without key":         rest,
		"with another's":      append(pem.EncodeToMemory(key), foreign...),
	} {
		write(t, path, content)
		if _, err := certs.OpenCA(dir, now()); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: err = %v", name, err)
		}
		if kept, _ := os.ReadFile(path); string(kept) != string(content) {
			t.Errorf("%s: the file was changed", name)
		}
	}
	write(t, path, good)
	if _, err := certs.OpenCA(dir, now().Add(21*365*24*time.Hour)); err == nil || !strings.Contains(err.Error(), "ended") {
		t.Errorf("after its end: err = %v", err)
	}
}

func TestAnAuthorityThatIsTooOpen(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Log("no such permissions")
		return
	}
	dir := t.TempDir()
	if _, err := certs.OpenCA(dir, now()); err != nil {
		t.Fatal(err)
	}
	for mode, want := range map[fs.FileMode]struct{ warning, err bool }{
		0o600: {}, 0o400: {}, 0o640: {warning: true}, 0o644: {warning: true}, 0o660: {err: true}, 0o602: {err: true},
	} {
		if err := os.Chmod(filepath.Join(dir, certs.KeyFile), mode); err != nil {
			t.Fatal(err)
		}
		ca, err := certs.OpenCA(dir, now())
		if (err != nil) != want.err || err == nil && (ca.Warning() != "") != want.warning {
			t.Errorf("mode %04o: %v", mode, err)
		}
	}
}
