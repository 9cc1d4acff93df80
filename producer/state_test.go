package producer_test

import (
	"context"
	"errors"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/credentials"
	"github.com/millrace/millrace/media"
	"github.com/millrace/millrace/producer"
	"github.com/millrace/millrace/producer/producertest"
)

// waits checks that the stream has said that it waits, and for what.
func (s *scene) waits(why error) {
	s.Helper()
	states, reasons := s.told.story()
	last := len(states) - 1
	if last < 0 || states[last] != producer.Waiting || !errors.Is(reasons[last], why) || s.up.Stats().State != producer.Waiting {
		s.Errorf("told of %v, %v; is %v", states, reasons, s.up.Stats().State)
	}
}

func TestWhoIsRefusedIsToldAndGoesOn(t *testing.T) {
	refuse := func(status int, exception string) producertest.Step {
		return producertest.Step{Refuse: producertest.Refusal{Status: status, Exception: exception}}
	}
	broken := producertest.Step{Faults: []producertest.Fault{{At: producertest.AtBlock, Fragment: 3, Do: producertest.Reset}}}
	var missing atomic.Bool
	for name, tc := range map[string]struct {
		change func(*setting)
		early  bool // it is known from the beginning, so Ready says it
		mend   func(*scene)
		why    error
	}{
		"a key that nobody knows": {
			func(c *setting) {
				c.server.Keys = []producertest.Key{{Credentials: millrace.Credentials{AccessKeyID: "OTHER", SecretAccessKey: "secret"}}}
			},
			true,
			func(s *scene) {
				s.server.AllowKey(producertest.Key{Credentials: millrace.Credentials{AccessKeyID: "AKIDTEST", SecretAccessKey: "secret"}})
			},
			producer.ErrNotAuthorized,
		},
		"no credentials": {
			func(c *setting) {
				missing.Store(true)
				c.client = func(s *scene) {
					s.client.Credentials = func(context.Context) (millrace.Credentials, error) {
						if missing.Load() {
							return millrace.Credentials{}, credentials.ErrMissing
						}
						return millrace.Credentials{AccessKeyID: "AKIDTEST", SecretAccessKey: "secret"}, nil
					}
				}
			},
			true,
			func(*scene) { missing.Store(false) },
			producer.ErrNotAuthorized,
		},
		"401 in the midst": {
			func(c *setting) {
				c.server.Steps, c.server.After = []producertest.Step{broken}, refuse(401, "NotAuthorizedException")
			},
			false,
			func(s *scene) { s.server.SetAfter(producertest.Step{}) },
			producer.ErrNotAuthorized,
		},
		"403 in the midst": {
			func(c *setting) {
				c.server.Steps, c.server.After = []producertest.Step{broken}, refuse(403, "AccessDeniedException")
			},
			false,
			func(s *scene) { s.server.SetAfter(producertest.Step{}) },
			producer.ErrNotAuthorized,
		},
		"no stream": {
			func(c *setting) { c.server.Streams = []producertest.Stream{{Name: "yard"}} },
			true, somebodyCreates, producer.ErrStreamNotFound,
		},
		"no stream any more": {
			func(c *setting) {
				c.server.Streams = []producertest.Stream{{Name: "yard"}, {Name: "gate", Retention: 24 * time.Hour}}
			},
			false, somebodyCreates, producer.ErrStreamNotFound,
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := setting{server: producertest.Millrace()}
			tc.change(&c)
			play(t, c, func(s *scene) {
				s.film(20)
				if len(c.server.Streams) == 2 {
					s.server.DeleteStream("gate")
				}
				s.film(100)
				s.waits(tc.why)
				if err := s.up.Ready(s.Context()); tc.early && !errors.Is(err, tc.why) {
					t.Errorf("ready: %v", err)
				}
				if n := s.told.count(); n > 60 {
					t.Errorf("told of %d things in two minutes", n)
				}
				tc.mend(s)
				s.film(60)
				if stats := s.up.Stats(); stats.State != producer.Sending || stats.Pending > 2 {
					t.Errorf("a minute later: %+v", stats)
				}
				if err := s.up.Ready(s.Context()); err != nil {
					t.Errorf("ready: %v", err)
				}
				s.close(time.Minute)
				s.compare(true)
			})
		})
	}
}

// somebodyCreates makes the stream, as another program does.
func somebodyCreates(s *scene) {
	c := newClient(s.server)
	other, err := c.Open(s.Context(), "gate", producer.StreamConfig{Tracks: tracks(), Create: &producer.Spec{Retention: 24 * time.Hour}})
	if err != nil {
		s.Fatal(err)
	}
	if err := other.Ready(s.Context()); err != nil {
		s.Error(err)
	}
	other.Abort()
}

func TestAStreamThatIsDeletedIsMadeAgain(t *testing.T) {
	var made atomic.Int64
	c := setting{server: producertest.Millrace()}
	c.server.Streams = []producertest.Stream{{Name: "yard"}}
	c.stream.Create = &producer.Spec{Retention: 24 * time.Hour}
	c.stream.Events.Created = func(millrace.Stream) { made.Add(1) }
	play(t, c, func(s *scene) {
		s.film(21)
		s.server.DeleteStream("gate")
		gone := time.Now()
		s.film(60)
		s.close(time.Minute)
		s.compare(true)
		if n := made.Load(); n != 2 {
			t.Errorf("made %d times", n)
		}
		if calls := s.server.Calls(); len(calls) != 2 || calls[1].Began.Sub(gone) > 15*time.Second {
			t.Errorf("%d calls", len(calls))
		}
	})
}

func TestTheStatesOfAStream(t *testing.T) {
	c := setting{server: producertest.Millrace()}
	c.server.Idle = -1
	play(t, c, func(s *scene) {
		if err := s.up.Ready(s.Context()); err != nil {
			t.Fatal(err)
		}
		s.film(20)
		time.Sleep(time.Minute)
		s.next += 60
		s.film(20)
		s.server.SetNetwork(producertest.Down)
		s.film(600)
		s.server.SetNetwork(producertest.Up)
		s.film(60)
		s.close(time.Minute)
		states, reasons := s.told.story()
		// The break is another reason to wait than the refused connections are.
		want := []producer.State{
			producer.Idle, producer.Sending, producer.Idle, producer.Sending,
			producer.Waiting, producer.Waiting, producer.Sending, producer.Over,
		}
		if !slices.Equal(states, want) {
			t.Errorf("told of %v", states)
		}
		for i, state := range states {
			if (reasons[i] != nil) != (state == producer.Waiting) {
				t.Errorf("%v because of %v", state, reasons[i])
			}
		}
	})
}

func TestALongOutageIsToldInFewWords(t *testing.T) {
	for _, weather := range []producertest.Weather{producertest.Refusing, producertest.BlackHole, producertest.Resetting} {
		t.Run(weather.String(), func(t *testing.T) {
			var proxy *producertest.Proxy
			c := setting{server: producertest.Millrace(), every: 10 * time.Second, gop: 1, size: 50 << 10}
			c.stream.Fragment.Idle = 25 * time.Second
			c.client = func(s *scene) {
				proxy = producertest.StartProxy(s.T, producertest.ProxyConfig{Pipes: true, Through: s.server.Dial})
				s.client.Dial = proxy.Dial
			}
			play(t, c, func(s *scene) {
				s.film(12)
				proxy.SetWeather(weather)
				s.film(2 * 360)
				if n := s.told.count(); n > 3000 {
					t.Errorf("told of %d things", n)
				}
				if states, _ := s.told.story(); weather != producertest.Resetting && len(states) > 12 {
					t.Errorf("told of %d states: %v", len(states), states)
				}
				if stats := s.up.Stats(); stats.EventsLost > 0 || weather != producertest.Resetting && stats.State != producer.Waiting {
					t.Errorf("stats %+v", stats)
				}
				proxy.SetWeather(producertest.Fair)
				s.film(12)
				s.close(time.Minute)
				s.compare(true)
			})
		})
	}
}

// predicaments are what a stream may be in when it is closed.
func predicaments() map[string]setting {
	step := func(f producertest.Fault) producertest.Config {
		c := producertest.Millrace()
		c.After = producertest.Step{Faults: []producertest.Fault{f}}
		return c
	}
	answer := func(op producertest.Operation) producertest.Config {
		c := producertest.Millrace()
		c.Answers = map[producertest.Operation][]producertest.Answer{op: slices.Repeat([]producertest.Answer{{Do: producertest.Stall}}, 10)}
		return c
	}
	refusing := producertest.Millrace()
	refusing.After.Refuse = producertest.Refusal{Status: 403, Exception: "AccessDeniedException"}
	silent := producertest.Millrace()
	silent.After.Acks.Never = true
	full := setting{server: step(producertest.Fault{At: producertest.AtBlock, Do: producertest.Stall}), size: 200 << 10}
	undialled := setting{server: producertest.Millrace(), client: func(s *scene) {
		s.client.Dial = func(ctx context.Context, _, _ string) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}
	}}
	secure := step(producertest.Fault{At: producertest.AtConnect, Do: producertest.Stall})
	secure.TLS = true
	return map[string]setting{
		"before describeStream answers":      {server: answer(producertest.DescribeStream)},
		"before getDataEndpoint answers":     {server: answer(producertest.GetDataEndpoint)},
		"during the dial":                    undialled,
		"during the TLS handshake":           {server: secure},
		"before the request is read":         {server: step(producertest.Fault{At: producertest.AtRequestHead, Do: producertest.Stall})},
		"in the midst of the answer":         {server: step(producertest.Fault{At: producertest.AtResponseHead, Do: producertest.Stall})},
		"in the midst of a fragment":         {server: step(producertest.Fault{At: producertest.AtBlock, Block: 1, Do: producertest.Stall})},
		"while the connection takes nothing": full,
		"while nothing is acknowledged":      {server: silent},
		"during the pause behind a refusal":  {server: refusing},
		"while the host is waited for":       {server: producertest.Millrace(), client: func(s *scene) { s.server.SetNetwork(producertest.Down) }},
		"while the network swallows all":     {server: producertest.Millrace(), client: func(s *scene) { s.server.SetNetwork(producertest.Silent) }},
		"while its end is not acknowledged":  {server: step(producertest.Fault{At: producertest.AtTerminalChunk, Do: producertest.Stall})},
	}
}

// running are the goroutines that package producer has started.
func running() (found []string) {
	buf := make([]byte, 1<<20)
	for _, stack := range strings.Split(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
		if strings.Contains(stack, "millrace/producer.(*") {
			found = append(found, stack)
		}
	}
	return found
}

func TestCloseNeverTakesLongerThanItsContext(t *testing.T) {
	for name, c := range predicaments() {
		for kind, after := range map[string]time.Duration{"": 4 * time.Second, ", long after": 3 * time.Minute, ", at once": 0} {
			t.Run(name+kind, func(t *testing.T) {
				play(t, c, func(s *scene) {
					s.burst(5)
					time.Sleep(after)
					ctx, cancel := context.WithTimeout(s.Context(), 1500*time.Millisecond)
					defer cancel()
					began := time.Now()
					err := s.up.Close(ctx)
					if took := time.Since(began); took > 1500*time.Millisecond {
						t.Errorf("it took %v: %v", took, err)
					}
					if err != nil && !errors.Is(err, context.DeadlineExceeded) || err == nil && s.up.Stats().Pending > 0 {
						t.Errorf("close: %v, %+v", err, s.up.Stats())
					}
					synctest.Wait() // for those that are about to return
					if left := running(); len(left) > 0 {
						t.Errorf("%d goroutines are left:\n%s", len(left), left[0])
					}
				})
			})
		}
	}
}

// With nothing to send there is nothing to wait for.
func TestAStreamWithNothingToSendIsClosedAtOnce(t *testing.T) {
	for name, c := range predicaments() {
		t.Run(name, func(t *testing.T) {
			play(t, c, func(s *scene) {
				time.Sleep(time.Minute)
				began := time.Now()
				s.close(time.Hour)
				if took := time.Since(began); took > 3*time.Second {
					t.Errorf("it took %v", took)
				}
			})
		})
	}
}

// A writer that waits for room does not hold Close up, and learns of it.
func TestCloseEndsAWriterThatWaits(t *testing.T) {
	c := setting{server: producertest.Millrace(), client: func(s *scene) { s.server.SetNetwork(producertest.Down) }}
	c.stream.Buffer = producer.BufferRules{MaxBytes: 1000, OnFull: producer.FullWait}
	play(t, c, func(s *scene) {
		wrote := make(chan error)
		go func() {
			var err error
			for n := 0; err == nil; n += 2 {
				f := media.Frame{Track: 1, PTS: time.Duration(s.footage.Time(n).UnixNano()), Key: true, Data: make([]byte, 300)}
				err = s.up.Write(s.Context(), f)
			}
			wrote <- err
		}()
		time.Sleep(time.Minute)
		ctx, cancel := context.WithTimeout(s.Context(), 2*time.Second)
		defer cancel()
		began := time.Now()
		if err := s.up.Close(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) > 2*time.Second {
			t.Errorf("close: %v after %v", err, time.Since(began))
		}
		if err := <-wrote; !errors.Is(err, producer.ErrClosed) {
			t.Errorf("write: %v", err)
		}
	})
}

// Somebody who does not return from an event cannot keep Close from returning.
func TestCloseDoesNotWaitForEventsBeyondItsContext(t *testing.T) {
	stuck := make(chan chan struct{}, 1)
	c := setting{server: producertest.Millrace()}
	c.stream.Events.Ack = func(producer.Ack) {
		if release, ok := <-stuck; ok {
			<-release
		}
	}
	play(t, c, func(s *scene) {
		release := make(chan struct{})
		stuck <- release
		close(stuck)
		s.film(20)
		ctx, cancel := context.WithTimeout(s.Context(), 5*time.Second)
		defer cancel()
		returned := make(chan struct{})
		go func() {
			defer close(returned)
			if err := s.up.Close(ctx); err != nil {
				t.Errorf("close: %v", err)
			}
		}()
		select {
		case <-returned:
		case <-time.After(7 * time.Second):
			t.Error("close has not returned")
		}
		close(release)
		<-returned
		s.compare(true)
	})
}
