package server_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/credentials"
	"github.com/millrace/millrace/internal/config"
	"github.com/millrace/millrace/internal/server"
	"github.com/millrace/millrace/media"
	"github.com/millrace/millrace/producer"
	"github.com/millrace/millrace/producer/producertest"
)

// A yard is a server with an authority of its own and a producer that has its
// credentials from it, all in a bubble: hours of streaming take moments.
type yard struct {
	*rig
	t        *testing.T
	listener *producertest.Listener
	pinned   bool // the producer knows where its media go

	mu      sync.Mutex
	found   []string // ids of the keys that the producer was given
	misses  []error  // why it was given none
	broken  []error  // why its calls broke or were refused
	calls   int      // that were accepted
	dropped []producer.Dropped
}

// inYard runs a test there. Credentials of devices are good for a minute.
func inYard(t *testing.T, change func(*config.Server), test func(*yard)) {
	t.Helper()
	t.Setenv("HOME", t.TempDir())
	data := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		y := &yard{t: t, listener: producertest.NewListener("127.0.0.1:8443")}
		o := server.Options{Now: time.Now, Boot: bootClock()}
		server.ListenOn(&o, y.listener)
		y.rig = startWith(t, o, func(c *config.Server) {
			c.Data, c.TLSAuto, c.ReaderIdleTimeout = data, true, time.Second
			c.RoleAliases = config.RoleAliases{{Name: "camera", Lifetime: time.Minute}}
			if change != nil {
				change(c)
			}
		})
		y.client = y.httpClient()
		test(y)
	})
}

func (y *yard) trust() *tls.Config { return &tls.Config{RootCAs: y.s.Authority().Pool()} }

// httpClient makes a connection for each call.
func (y *yard) httpClient() *http.Client {
	return &http.Client{Transport: &http.Transport{DialContext: y.listener.Dial, DisableKeepAlives: true, TLSClientConfig: y.trust()}}
}

// device makes one, and returns where it has its credentials from.
func (y *yard) device(name string) millrace.CredentialsSource {
	c := y.camera(name, nil)
	trust := y.trust()
	trust.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &c.pair, nil }
	return credentials.IoT{Endpoint: y.address(), RoleAlias: "camera", ThingName: name, TLS: trust, Dial: y.listener.Dial}.Source()
}

// noted is a source that writes down what another one finds.
func (y *yard) noted(source millrace.CredentialsSource) millrace.CredentialsSource {
	return func(ctx context.Context) (millrace.Credentials, error) {
		c, err := source(ctx)
		y.mu.Lock()
		defer y.mu.Unlock()
		if err != nil {
			y.misses = append(y.misses, err)
			return c, err
		}
		y.found = append(y.found, c.AccessKeyID)
		return c, nil
	}
}

// footage is a frame every second, and a fragment about every four.
func (y *yard) footage() producertest.Footage {
	return producertest.Footage{Seed: 1, Began: time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC), Every: time.Second}
}

// film writes so many frames with keys of a source, and calls at before the frames
// of these numbers. It waits until all of them are durable, which is within
// patience of the last one, and fails the test unless each was kept once.
func (y *yard) film(source millrace.CredentialsSource, frames int, patience time.Duration, at map[int]func()) {
	y.t.Helper()
	client := &producer.Client{
		Endpoint: y.url, Region: "us-west-2", Credentials: y.noted(source),
		TLS: y.trust(), HTTPClient: y.httpClient(), Dial: y.listener.Dial,
	}
	if y.pinned {
		client.DataEndpoint = y.url
	}
	up, err := client.Open(y.t.Context(), "gate", producer.StreamConfig{
		Create: &producer.Spec{Retention: 24 * time.Hour},
		Tracks: []media.Track{pictures()},
		Events: producer.Events{
			Connected:    func(string, int) { y.note(func() { y.calls++ }) },
			Disconnected: func(err error, _ time.Duration) { y.note(func() { y.broken = append(y.broken, err) }) },
			Dropped:      func(d producer.Dropped) { y.note(func() { y.dropped = append(y.dropped, d) }) },
		},
	})
	if err != nil {
		y.t.Fatal(err)
	}
	f := y.footage()
	for n := range frames {
		if do := at[n]; do != nil {
			do()
		}
		frame := media.Frame{Track: 1, PTS: time.Duration(f.Time(n).UnixNano()), Key: f.Key(n), Data: f.Data(n)}
		if err := up.Write(y.t.Context(), frame); err != nil {
			y.t.Fatalf("write frame %d: %v", n, err)
		}
		time.Sleep(f.Every)
	}
	ctx, cancel := context.WithTimeout(y.t.Context(), patience)
	defer cancel()
	if err := up.Close(ctx); err != nil {
		y.t.Fatalf("close: %v; broken were %v", err, y.broken)
	}
	if err := client.Close(ctx); err != nil { // nothing is looked for any more
		y.t.Errorf("close client: %v", err)
	}
	kept, err := y.archive("gate")
	if err == nil {
		err = f.Compare(kept, producertest.Comparison{Written: frames, Once: true, Millis: true})
	}
	if err != nil || len(y.dropped) > 0 {
		y.t.Errorf("kept: %v; dropped: %+v", err, y.dropped)
	}
}

func (y *yard) note(do func()) {
	y.mu.Lock()
	defer y.mu.Unlock()
	do()
}

// refusals are the answers of the server for which keys are the reason.
func (y *yard) refusals() (list []error) {
	for _, err := range y.broken {
		switch millrace.CodeOf(err) {
		case millrace.CodeExpiredToken, millrace.CodeUnknownKey, millrace.CodeAccessDenied, millrace.CodeNotAuthorized, millrace.CodeInvalidSignature:
			list = append(list, err)
		}
	}
	return list
}

// Calls end after a minute and a half, and keys after one: ten minutes take
// a dozen keys, and no call is made with one that has ended.
func TestAStreamGoesOnWhileTheKeysOfItsDeviceAreRenewed(t *testing.T) {
	inYard(t, func(c *config.Server) { c.MaxConnectionAge = 90 * time.Second }, func(y *yard) {
		y.film(y.device("gate"), 600, time.Minute, nil)
		if len(y.found) < 11 || len(y.found) > 17 || len(y.misses) > 0 {
			y.t.Errorf("%d keys in ten minutes, and %v", len(y.found), y.misses)
		}
		if y.calls < 6 || len(y.refusals()) > 0 {
			y.t.Errorf("%d calls; refused were %v", y.calls, y.refusals())
		}
	})
}

// A key that is deleted long before it should end is replaced at the first
// refusal, once: of media or, where the endpoint is asked for again, of that.
func TestKeysThatAreRefusedAreReplacedAtOnce(t *testing.T) {
	for name, pinned := range map[string]bool{"media are refused": true, "any call is refused": false} {
		t.Run(name, func(t *testing.T) { replaceKeys(t, pinned) })
	}
}

func replaceKeys(t *testing.T, pinned bool) {
	inYard(t, nil, func(y *yard) {
		y.pinned = pinned
		y.create("gate", 24)
		var keys []millrace.Credentials
		for i := range 2 {
			status, out := y.call("/millrace/v1/createKey", map[string]any{"Name": fmt.Sprint("key", i), "Actions": []string{"*"}, "Streams": []string{"*"}})
			if status != http.StatusOK {
				y.t.Fatalf("create key: %d %v", status, out)
			}
			keys = append(keys, millrace.Credentials{AccessKeyID: out["AccessKeyId"].(string), SecretAccessKey: out["SecretAccessKey"].(string)})
		}
		var current atomic.Int32
		source := func(context.Context) (millrace.Credentials, error) {
			c := keys[current.Load()]
			c.Expires = time.Now().Add(12 * time.Hour)
			return c, nil
		}
		var gone time.Time
		y.film(source, 60, time.Minute, map[int]func(){30: func() {
			current.Store(1) // whoever makes keys has made another
			if status, out := y.call("/millrace/v1/deleteKey", map[string]any{"AccessKeyId": keys[0].AccessKeyID}); status != http.StatusOK {
				y.t.Fatalf("delete key: %d %v", status, out)
			}
			gone = time.Now()
		}})
		if len(y.found) != 2 || y.found[1] != keys[1].AccessKeyID {
			y.t.Errorf("keys were %q", y.found)
		}
		if took := time.Since(gone); took > 45*time.Second {
			y.t.Errorf("all was durable %v after the key was gone", took)
		}
	})
}

// A device that is locked out for five minutes keeps what it films, and sends it
// when it may.
func TestKeysThatGoAwayAndComeBackCostNoFrame(t *testing.T) {
	inYard(t, nil, func(y *yard) {
		status := func(s string) func() {
			return func() {
				if code, out := y.call("/millrace/v1/updateDevice", map[string]any{"DeviceName": "gate", "Status": s}); code != http.StatusOK {
					y.t.Fatalf("update device: %d %v", code, out)
				}
			}
		}
		y.film(y.device("gate"), 480, 2*time.Minute, map[int]func(){60: status("DISABLED"), 360: status("ENABLED")})
		if len(y.misses) < 5 || len(y.misses) > 60 {
			y.t.Errorf("asked %d times in vain in five minutes", len(y.misses))
		}
		for _, err := range y.misses {
			if millrace.CodeOf(err) != millrace.CodeAccessDenied {
				y.t.Errorf("a miss: %v", err)
			}
		}
		if ended := errors.Join(y.broken...); !errors.Is(ended, credentials.ErrExpired) && len(y.refusals()) == 0 {
			y.t.Errorf("the producer was told %v", ended)
		}
	})
}
