package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/credentials"
	"github.com/millrace/millrace/internal/wire/client"
)

// A vault gives out keys that end, each under another name.
type vault struct {
	life  time.Duration // 0: they do not end
	slow  time.Duration
	fault atomic.Pointer[error]
	asked atomic.Int64
	busy  atomic.Int64
	most  atomic.Int64 // calls at the same time
}

func (v *vault) source(ctx context.Context) (c millrace.Credentials, err error) {
	n := v.asked.Add(1)
	v.most.Store(max(v.most.Load(), v.busy.Add(1)))
	defer v.busy.Add(-1)
	if v.slow > 0 {
		select {
		case <-time.After(v.slow):
		case <-ctx.Done():
			return c, ctx.Err()
		}
	}
	if fault := v.fault.Load(); fault != nil {
		return c, *fault
	}
	c = millrace.Credentials{AccessKeyID: fmt.Sprintf("ASIA%d", n), SecretAccessKey: "secret", SessionToken: "token"}
	if v.life > 0 {
		c.Expires = time.Now().Add(v.life)
	}
	return c, nil
}

func (v *vault) breakBy(err error) { v.fault.Store(&err) }

// A gatekeeper is a server that looks at keys alone.
type gatekeeper struct {
	mu      sync.Mutex
	calls   []string // the keys of all calls
	refused map[string]bool
}

func (g *gatekeeper) RoundTrip(r *http.Request) (*http.Response, error) {
	_, key, _ := strings.Cut(r.Header.Get("Authorization"), "Credential=")
	key, _, _ = strings.Cut(key, "/")
	g.mu.Lock()
	g.calls = append(g.calls, key)
	refused := g.refused[key]
	g.mu.Unlock()
	return transport(func(*http.Request, map[string]any) (int, string) {
		if refused {
			return 403, `{"__type":"ExpiredTokenException","message":"The security token included in the request is expired"}`
		}
		return 200, `{"StreamInfo":` + info + `}`
	}).RoundTrip(r)
}

func (g *gatekeeper) last() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.calls[len(g.calls)-1]
}

func guarded(v *vault, g *gatekeeper, report func(client.Trouble)) *client.Client {
	return client.New(client.Settings{
		Endpoint: "http://control", Region: "eu-west-1", Credentials: v.source, HTTP: &http.Client{Transport: g}, Report: report, Tries: 1,
	})
}

func describe(t *testing.T, c *client.Client) error {
	_, err := c.DescribeStream(t.Context(), gate)
	return err
}

func TestKeysAreRenewedInTheBackgroundBeforeTheyEnd(t *testing.T) {
	for range 20 { // the moment is by chance
		synctest.Test(t, func(t *testing.T) {
			v, g := &vault{life: time.Hour}, &gatekeeper{}
			c := guarded(v, g, nil)
			defer c.Close()
			if err := describe(t, c); err != nil {
				t.Fatal(err)
			}
			time.Sleep(41 * time.Minute)
			synctest.Wait()
			if n := v.asked.Load(); n != 1 {
				t.Errorf("asked %d times after 41 minutes", n)
			}
			time.Sleep(14 * time.Minute)
			synctest.Wait()
			if n := v.asked.Load(); n != 2 {
				t.Errorf("asked %d times after 55 minutes", n)
			}
			v.slow = time.Minute // nobody waits for what is there
			if err := describe(t, c); err != nil || g.last() != "ASIA2" {
				t.Errorf("signed with %s, %v", g.last(), err)
			}
		})
	}
}

func TestKeysThatNobodyUsesAreNotRenewed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, g := &vault{life: time.Hour}, &gatekeeper{}
		c := guarded(v, g, nil)
		if err := describe(t, c); err != nil {
			t.Fatal(err)
		}
		time.Sleep(48 * time.Hour)
		synctest.Wait()
		if n := v.asked.Load(); n > 4 {
			t.Errorf("asked %d times in two days", n)
		}
		if err := describe(t, c); err != nil || g.last() == "ASIA1" {
			t.Errorf("signed with %s, %v", g.last(), err)
		}
	})
}

func TestOneSearchServesAllWhoAsk(t *testing.T) {
	v, g := &vault{life: time.Hour, slow: 20 * time.Millisecond}, &gatekeeper{refused: map[string]bool{"ASIA1": true}}
	c := guarded(v, g, nil)
	defer c.Close()
	var all sync.WaitGroup
	for range 200 {
		all.Go(func() {
			if err := describe(t, c); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if v.most.Load() != 1 || v.asked.Load() != 2 || g.last() != "ASIA2" {
		t.Errorf("asked %d times, %d at once, and signed with %s", v.asked.Load(), v.most.Load(), g.last())
	}
}

func TestOldKeysAreUsedToTheirEndAndNotBeyond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, g := &vault{life: time.Hour}, &gatekeeper{}
		var told []client.Trouble
		c := guarded(v, g, func(x client.Trouble) { told = append(told, x) })
		defer c.Close()
		if err := describe(t, c); err != nil {
			t.Fatal(err)
		}
		v.breakBy(errNetwork)
		time.Sleep(59*time.Minute + 50*time.Second)
		synctest.Wait()
		if err := describe(t, c); err != nil || g.last() != "ASIA1" {
			t.Errorf("before the end: %s, %v", g.last(), err)
		}
		if n := v.asked.Load(); n < 10 || n > 80 {
			t.Errorf("asked %d times for others in 6 to 18 minutes", n)
		}
		if len(told) != 1 || !errors.Is(told[0].Err, errNetwork) || time.Until(told[0].Until) > time.Hour || time.Until(told[0].Until) <= 0 {
			t.Errorf("told %+v", told)
		}
		time.Sleep(11 * time.Second)
		calls := len(g.calls)
		err := describe(t, c)
		if !errors.Is(err, credentials.ErrExpired) || !errors.Is(err, errNetwork) || !client.Passing(err) || len(g.calls) != calls {
			t.Errorf("after the end: %v, %d more calls", err, len(g.calls)-calls)
		}
		if len(told) != 1 {
			t.Errorf("told again: %+v", told)
		}
		v.fault.Store(nil)
		time.Sleep(31 * time.Second)
		synctest.Wait()
		if err := describe(t, c); err != nil || len(told) != 2 || told[1].Err != nil {
			t.Errorf("when it is over: %v, told %+v", err, told)
		}
	})
}

func TestFailedSearchesArePacedHoweverManyAsk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, g := &vault{}, &gatekeeper{}
		v.breakBy(errNetwork)
		c := guarded(v, g, nil)
		defer c.Close()
		for range 600 { // a minute
			if err := describe(t, c); !errors.Is(err, errNetwork) {
				t.Fatal(err)
			}
			if _, err := c.DataEndpoint(t.Context(), gate, client.PutMedia); client.RetryAfter(err) < 0 {
				t.Fatal(err)
			}
			time.Sleep(100 * time.Millisecond)
		}
		if n := v.asked.Load(); n > 120 {
			t.Errorf("asked %d times", n)
		}
		if len(g.calls) != 0 {
			t.Errorf("%d calls without keys", len(g.calls))
		}
	})
}

func TestRefusedKeysAreRenewedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, g := &vault{life: time.Hour}, &gatekeeper{refused: map[string]bool{"ASIA1": true, "ASIA2": true, "ASIA3": true, "ASIA4": true}}
		c := guarded(v, g, nil)
		defer c.Close()
		if err := describe(t, c); millrace.CodeOf(err) != millrace.CodeExpiredToken || len(g.calls) != 2 || v.asked.Load() != 2 {
			t.Errorf("%v after %d calls with %d keys", err, len(g.calls), v.asked.Load())
		}
		for range 50 {
			if err := describe(t, c); err == nil {
				t.Fatal("accepted")
			}
			time.Sleep(time.Second)
		}
		if v.asked.Load() != 2 {
			t.Errorf("%d keys within a minute", v.asked.Load())
		}
		time.Sleep(time.Minute)
		g.refused = nil
		g.refused = map[string]bool{"ASIA2": true}
		if err := describe(t, c); err != nil || g.last() != "ASIA3" {
			t.Errorf("after a minute: %s, %v", g.last(), err)
		}
	})
}

func TestRefusedKeysThatStayTheSameAreNotTriedAgain(t *testing.T) {
	g := &gatekeeper{refused: map[string]bool{"AKIDTEST": true}}
	c := client.New(client.Settings{
		Endpoint: "http://control", Region: "r", HTTP: &http.Client{Transport: g},
		Credentials: millrace.StaticCredentials(millrace.Credentials{AccessKeyID: "AKIDTEST", SecretAccessKey: "s"}),
	})
	defer c.Close()
	if err := describe(t, c); err == nil || len(g.calls) != 1 {
		t.Errorf("%v after %d calls", err, len(g.calls))
	}
}

func TestKeysWithoutAnEndAreAskedForAtEachCall(t *testing.T) {
	v, g := &vault{}, &gatekeeper{}
	c := guarded(v, g, nil)
	defer c.Close()
	for i := range 3 {
		if err := describe(t, c); err != nil || g.last() != fmt.Sprintf("ASIA%d", i+1) {
			t.Errorf("call %d signed with %s, %v", i, g.last(), err)
		}
	}
}

func TestKeysThatHaveEndedAreNotUsed(t *testing.T) {
	ended := func(context.Context) (millrace.Credentials, error) {
		return millrace.Credentials{AccessKeyID: "ASIA", SecretAccessKey: "s", Expires: time.Now().Add(-time.Second)}, nil
	}
	g := &gatekeeper{}
	c := client.New(client.Settings{Endpoint: "http://control", Region: "r", HTTP: &http.Client{Transport: g}, Credentials: ended, Tries: 1})
	defer c.Close()
	if err := describe(t, c); !errors.Is(err, credentials.ErrExpired) || len(g.calls) != 0 {
		t.Errorf("%v after %d calls", err, len(g.calls))
	}
}

func TestWaitingForKeysEndsWithTheCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, g := &vault{life: time.Hour, slow: 10 * time.Second}, &gatekeeper{}
		c := guarded(v, g, nil)
		defer c.Close()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		if _, err := c.DescribeStream(ctx, gate); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		time.Sleep(10 * time.Second)
		if err := describe(t, c); err != nil || v.asked.Load() != 1 { // the search went on
			t.Errorf("%v, asked %d times", err, v.asked.Load())
		}
	})
}

func TestCloseEndsTheSearch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, g := &vault{life: time.Hour, slow: time.Hour}, &gatekeeper{}
		c := guarded(v, g, nil)
		done := make(chan error)
		go func() { done <- describe(t, c) }()
		synctest.Wait()
		began := time.Now()
		c.Close()
		if err := <-done; err == nil || time.Since(began) > time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		if err := describe(t, c); !errors.Is(err, millrace.ErrClosed) {
			t.Errorf("after close: %v", err)
		}
	})
}

// What a source is told is not there is no news of a stream.
func TestARoleThatIsNotThereIsNotTakenForAStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, g := &vault{}, &gatekeeper{}
		gone := millrace.Errorf(millrace.CodeNotFound, "Role alias does not exist")
		v.breakBy(gone)
		c := guarded(v, g, nil)
		defer c.Close()
		err := describe(t, c)
		if millrace.CodeOf(err) != millrace.CodeAccessDenied || !errors.Is(err, gone) || client.RetryAfter(err) <= 0 {
			t.Errorf("%v, to be tried again after %v", err, client.RetryAfter(err))
		}
	})
}

func TestASourceThatHeedsNothingDoesNotHoldCloseUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang := make(chan struct{})
		defer close(hang)
		c := client.New(client.Settings{Endpoint: "http://control", Credentials: func(context.Context) (c millrace.Credentials, _ error) {
			<-hang
			return c, nil
		}})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := c.DescribeStream(ctx, gate); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		start := time.Now()
		c.Close()
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}
