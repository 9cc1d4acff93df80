package certs_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace/internal/certs"
)

// heard keeps what a source tells.
type heard struct {
	mu     sync.Mutex // guards what follows
	loaded []*x509.Certificate
	failed []error
	ending int
}

func (h *heard) events() certs.Events {
	return certs.Events{
		Loaded: func(c *x509.Certificate) { h.mu.Lock(); defer h.mu.Unlock(); h.loaded = append(h.loaded, c) },
		Failed: func(err error) { h.mu.Lock(); defer h.mu.Unlock(); h.failed = append(h.failed, err) },
		Ending: func(*x509.Certificate) { h.mu.Lock(); defer h.mu.Unlock(); h.ending++ },
	}
}

func (h *heard) counts() [3]int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return [3]int{len(h.loaded), len(h.failed), h.ending}
}

// hand is a clock that is moved by hand.
type hand struct{ at atomic.Int64 }

func newHand() *hand {
	h := &hand{}
	h.at.Store(now().UnixNano())
	return h
}
func (h *hand) now() time.Time           { return time.Unix(0, h.at.Load()).UTC() }
func (h *hand) advance(by time.Duration) { h.at.Add(int64(by)) }
func serial(t *testing.T, s *certs.Source) string {
	t.Helper()
	c, err := s.Certificate(nil)
	if err != nil {
		t.Fatal(err)
	}
	return c.Leaf.SerialNumber.Text(16)
}

func TestFilesAreReadAgainWhenTheyChange(t *testing.T) {
	ca, clock, dir := openCA(t), newHand(), t.TempDir()
	var told heard
	first, second, third := server(t, ca, now(), "a"), server(t, ca, now(), "b"), server(t, ca, now(), "c")
	cert, key := writePair(t, dir, first)
	s, err := certs.FromFiles(cert, key, certs.Options{Now: clock.now, Events: told.events()})
	if err != nil {
		t.Fatal(err)
	}
	is := func(step string, want *tls.Certificate, loaded, failed int) {
		t.Helper()
		if serial(t, s) != want.Leaf.SerialNumber.Text(16) {
			t.Errorf("%s: another certificate is in use", step)
		}
		if got := told.counts(); got != [3]int{loaded, failed, 0} {
			t.Errorf("%s: loaded, failed and ending %v", step, got)
		}
	}
	is("at first", first, 1, 0)

	writePair(t, dir, second)
	is("at once", first, 1, 0)
	clock.advance(4 * time.Second)
	is("some seconds later", second, 2, 0)
	clock.advance(4 * time.Second)
	is("unchanged", second, 2, 0)

	write(t, key, []byte("rubbish"))
	clock.advance(4 * time.Second)
	is("a key that is none", second, 2, 1)
	clock.advance(4 * time.Second)
	is("and stays so", second, 2, 1)
	s.Reload()
	is("and is asked for", second, 2, 2)
	if err := os.Remove(cert); err != nil {
		t.Fatal(err)
	}
	clock.advance(4 * time.Second)
	is("a certificate that is gone", second, 2, 3)

	writePair(t, dir, third)
	s.Reload()
	is("a pair again, and a signal", third, 3, 3)
}

// TestAReloadReadsFilesThatLookUnchanged: with the size and the time of those
// before, as a file system with coarse times may show them.
func TestAReloadReadsFilesThatLookUnchanged(t *testing.T) {
	ca, dir := openCA(t), t.TempDir()
	cert, key := writePair(t, dir, server(t, ca, now(), "a"))
	alike := func() {
		for _, name := range []string{cert, key} {
			b, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			write(t, name, append(b, make([]byte, 4096-len(b))...))
			if err := os.Chtimes(name, now(), now()); err != nil {
				t.Fatal(err)
			}
		}
	}
	alike()
	clock := newHand()
	s, err := certs.FromFiles(cert, key, certs.Options{Now: clock.now})
	if err != nil {
		t.Fatal(err)
	}
	second := server(t, ca, now(), "b")
	writePair(t, dir, second)
	alike()
	s.Reload()
	if serial(t, s) != second.Leaf.SerialNumber.Text(16) {
		t.Error("the pair before is in use")
	}
}

func TestFilesOfTwoPairsAreRefused(t *testing.T) {
	ca, dir := openCA(t), t.TempDir()
	cert, _ := writePair(t, dir, server(t, ca, now(), "a"))
	_, key := writePair(t, t.TempDir(), server(t, ca, now(), "a"))
	for _, files := range [][2]string{{cert, key}, {cert, dir + "/none"}, {dir + "/none", key}} {
		if _, err := certs.FromFiles(files[0], files[1], certs.Options{}); err == nil {
			t.Errorf("%v are taken", files)
		}
	}
}

// TestACertificateIsRenewed: when a third of its life is left, and when the
// machine has another name.
func TestACertificateIsRenewed(t *testing.T) {
	ca, clock := openCA(t), newHand()
	names := certs.Names{}.With("a")
	s, err := certs.FromCA(ca, func() certs.Names { return names }, certs.Options{Now: clock.now})
	if err != nil {
		t.Fatal(err)
	}
	last := serial(t, s)
	for _, step := range []struct {
		name    string
		do      func()
		renewed bool
	}{
		{"a minute later", func() { clock.advance(time.Minute) }, false},
		{"59 days later", func() { clock.advance(59 * day) }, false},
		{"two more", func() { clock.advance(2 * day) }, true},
		{"a new name", func() { names = names.With("b"); clock.advance(time.Minute) }, true},
		{"a name less", func() { names = certs.Names{}.With("b"); clock.advance(time.Minute) }, false},
		{"a clock that was wrong", func() { clock.advance(-70 * day) }, true},
		{"a signal", s.Reload, true},
	} {
		step.do()
		is := serial(t, s)
		if (is != last) != step.renewed {
			t.Errorf("%s: renewed is %v", step.name, is != last)
		}
		last = is
	}
	if err := s.Leaf().VerifyHostname("b"); err != nil {
		t.Error(err)
	}
}

// TestAReloadDropsNoHandshake: while the files change under them.
func TestAReloadDropsNoHandshake(t *testing.T) {
	ca, dir := openCA(t), t.TempDir()
	pairs := []*tls.Certificate{server(t, ca, now(), "localhost"), server(t, ca, now(), "localhost")}
	cert, key := writePair(t, dir, pairs[0])
	clock := newHand()
	s, err := certs.FromFiles(cert, key, certs.Options{Now: clock.now})
	if err != nil {
		t.Fatal(err)
	}
	conf := certs.ServerConfig(s.Certificate, ca)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var shaking sync.WaitGroup
	var done atomic.Int64
	for range 4 {
		shaking.Go(func() {
			for ctx.Err() == nil {
				clock.advance(time.Second)
				client := &tls.Config{ServerName: "localhost", RootCAs: ca.Pool(), Time: now}
				if _, _, err := handshake(t, conf, client); err != nil {
					t.Errorf("handshake: %v", err)
					return
				}
				done.Add(1)
			}
		})
	}
	for i := range 60 {
		writePair(t, dir, pairs[i%2]) // not both at once: for a moment they do not fit
		if i%7 == 0 {
			s.Reload()
		}
		for before := done.Load(); done.Load() < before+4 && !t.Failed(); {
			time.Sleep(time.Millisecond)
		}
	}
	stop()
	shaking.Wait()
}

func TestAnEndThatIsNearIsSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told heard
		dir := t.TempDir()
		ca, err := certs.OpenCA(dir, time.Now().Add(-90*day))
		if err != nil {
			t.Fatal(err)
		}
		soon, err := ca.Server(certs.Names{}.With("a"), time.Now().Add(-80*day)) // of 90
		if err != nil {
			t.Fatal(err)
		}
		cert, key := writePair(t, dir, soon)
		s, err := certs.FromFiles(cert, key, certs.Options{Events: told.events()})
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { s.Run(ctx) })
		time.Sleep(time.Hour)
		if got := told.counts(); got[2] != 1 {
			t.Errorf("said %d times within an hour", got[2])
		}
		time.Sleep(day + time.Second) // and so not where it looks
		if got := told.counts(); got[2] != 2 {
			t.Errorf("said %d times within a day", got[2])
		}
		fresh, err := ca.Server(certs.Names{}.With("a"), time.Now())
		if err != nil {
			t.Fatal(err)
		}
		writePair(t, dir, fresh)
		time.Sleep(2 * day)
		if got := told.counts(); got != [3]int{2, 0, 2} {
			t.Errorf("after a renewal that nobody's handshake noticed: %v", got)
		}
		stop()
		running.Wait()
	})
}

func TestEndings(t *testing.T) {
	for name, tc := range map[string]struct {
		life, left time.Duration
		soon       bool
	}{
		"a year, a month left":    {365 * day, 30 * day, false},
		"a year, 13 days left":    {365 * day, 13 * day, true},
		"six days, two left":      {6 * day, 2 * day, false},
		"six days, one left":      {6 * day, day, true},
		"a year, which is over":   {365 * day, -day, true},
		"six days, which is over": {6 * day, -day, true},
	} {
		end := now().Add(tc.left)
		if certs.EndsSoon(&x509.Certificate{NotBefore: end.Add(-tc.life), NotAfter: end}, now()) != tc.soon {
			t.Errorf("%s: %v", name, !tc.soon)
		}
	}
}

func TestAFailureIsTold(t *testing.T) {
	_, err := certs.FromFiles("none.pem", "none.key", certs.Options{})
	if err == nil || !strings.Contains(err.Error(), "none.pem") || !strings.Contains(err.Error(), "none.key") {
		t.Errorf("err = %v", err)
	}
}
