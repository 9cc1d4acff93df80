package certs_test

import (
	"context"
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/certs"
)

// TestAnACMEServerThatRefuses: the failure is told, a handshake fails and does
// not wait, it is asked again when somebody wants it, and the end ends all.
func TestAnACMEServerThatRefuses(t *testing.T) {
	asksNobody(t)
	asked := make(chan struct{}, 100)
	refusing := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked <- struct{}{}
		http.Error(w, "no", http.StatusForbidden)
	}))
	defer refusing.Close()
	dir := t.TempDir()
	roots := filepath.Join(dir, "roots.pem")
	writeRoots(t, roots, refusing)
	failed := make(chan error, 100)
	a, err := certs.NewACME(certs.ACMEOptions{
		Names: []string{"video.example.test"}, Directory: refusing.URL, Roots: roots, Folder: filepath.Join(dir, "acme"),
		Options: certs.Options{Events: certs.Events{Failed: func(err error) { failed <- err }}},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { a.Run(ctx) })
	wait := func() {
		t.Helper()
		for _, c := range []func() bool{
			func() bool {
				select {
				case <-asked:
					return true
				case <-time.After(30 * time.Second):
					return false
				}
			},
			func() bool {
				select {
				case err := <-failed:
					return err != nil
				case <-time.After(30 * time.Second):
					return false
				}
			},
		} {
			if !c() {
				t.Fatal("nothing is asked, or no failure told")
			}
		}
	}
	wait()
	client := &tls.Config{ServerName: "video.example.test", RootCAs: openCA(t).Pool()}
	if _, _, err := handshake(t, certs.ServerConfig(a.Certificate, openCA(t), certs.ProtocolACME), client); err == nil || a.Leaf() != nil {
		t.Errorf("a handshake without a certificate: %v", err)
	}
	a.Reload()
	wait()
	stop()
	running.Wait()
	if info, err := os.Stat(filepath.Join(dir, "acme")); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder: %v, %v", info, err)
	}
}

func TestACMEOptionsThatAreWrong(t *testing.T) {
	dir := t.TempDir()
	empty := filepath.Join(dir, "empty.pem")
	write(t, empty, nil)
	for name, o := range map[string]certs.ACMEOptions{
		"no names":              {Folder: dir},
		"no such authorities":   {Names: []string{"a.example"}, Folder: dir, Roots: filepath.Join(dir, "none")},
		"authorities of nobody": {Names: []string{"a.example"}, Folder: dir, Roots: empty},
	} {
		if a, err := certs.NewACME(o); err == nil {
			a.Close()
			t.Errorf("%s are taken", name)
		}
	}
}

// asksNobody sees that until the test's end nothing is printed and standard input
// is not read: a server has nobody to ask who gets its mail.
func asksNobody(t *testing.T) {
	t.Helper()
	printed, err := os.Create(filepath.Join(t.TempDir(), "printed"))
	if err != nil {
		t.Fatal(err)
	}
	before := os.Stdout
	os.Stdout = printed
	t.Cleanup(func() {
		os.Stdout = before
		if err := printed.Close(); err != nil {
			t.Error(err)
		}
		if text, err := os.ReadFile(printed.Name()); err != nil || len(text) > 0 {
			t.Errorf("%q was printed, %v", text, err)
		}
	})
}
