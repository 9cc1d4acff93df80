package producer_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/producer"
)

// answers has the stream send two fragments to a server whose calls are those,
// and others that are good, and returns what is durable and how long that took.
func answers(t *testing.T, write2 func(*testing.T, *producer.Stream), calls ...func(*call)) (kept []string, stats producer.Stats, took time.Duration) {
	t.Helper()
	t.Setenv("HOME", t.TempDir())
	s := newServer(t, calls...)
	synctest.Test(t, func(t *testing.T) {
		c, stop := s.start()
		defer stop()
		start := time.Now()
		up, err := c.Open(t.Context(), "gate", producer.StreamConfig{Tracks: tracks()})
		if err != nil {
			t.Fatal(err)
		}
		write2(t, up)
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if err := up.Close(ctx); err != nil {
			t.Error(err)
		}
		stats, took = up.Stats(), time.Since(start)
		time.Sleep(time.Minute) // the other end's functions see that it has gone
	})
	return s.persisted, stats, took
}

func TestAFragmentThatGoesOnIsNotDurableWhateverAServerSays(t *testing.T) {
	kept, stats, _ := answers(t, func(t *testing.T, up *producer.Stream) {
		write(t, up, 0, "Ab")
		time.Sleep(time.Second)
		write(t, up, 2, "cD")
	}, func(c *call) {
		k := c.begin()
		c.frame()
		for _, as := range []millrace.AckType{millrace.AckBuffering, millrace.AckReceived, millrace.AckPersisted} {
			c.send(millrace.Ack{Type: as, HasTimecode: true, Timecode: k.timecode})
		}
		for c.frame() {
		}
		c.ack(persisted, k)
		persist(c)
	})
	if want := []string{at(0, "Abc"), at(3, "D")}; !slices.Equal(kept, want) || stats.Dropped > 0 {
		t.Errorf("durable are %q, want %q, of %+v", kept, want, stats)
	}
}

func TestAnErrorAboutWhatACallDoesNotCarryCostsNothing(t *testing.T) {
	lie := func(c *call) {
		if k := c.begin(); k != nil {
			c.send(millrace.Ack{Type: millrace.AckError, HasTimecode: true, Timecode: k.timecode - 1, Code: millrace.CodeFragmentDuration})
		}
	}
	kept, stats, _ := answers(t, func(t *testing.T, up *producer.Stream) { write(t, up, 0, "AbC") }, slices.Repeat([]func(*call){lie}, 20)...)
	if want := []string{at(0, "Ab"), at(2, "C")}; !slices.Equal(kept, want) || stats.Rejected > 0 {
		t.Errorf("durable are %q, want %q, of %+v", kept, want, stats)
	}
}

func TestAFragmentThatAServerForgetsIsSentAgainSoon(t *testing.T) {
	kept, _, took := answers(t, func(t *testing.T, up *producer.Stream) {
		for i := range 100 { // there is something new all the time
			write(t, up, 2*i, "Ab")
			time.Sleep(2 * time.Second)
		}
	}, func(c *call) {
		c.fragment() // and no more of it
		persist(c)
	})
	if !slices.Contains(kept[:20], at(0, "Ab")) || took > 5*time.Minute {
		t.Errorf("it took %v; durable are %q", took, kept[:20])
	}
}

func TestABrokenServersNewsOfOthersDoesNotKeepACallAlive(t *testing.T) {
	for _, as := range []millrace.AckType{millrace.AckBuffering, millrace.AckPersisted, millrace.AckError} {
		kept, _, took := answers(t, func(t *testing.T, up *producer.Stream) { write(t, up, 0, "AbC") }, func(c *call) {
			c.begin()
			for i := range 1000 {
				fmt.Fprintf(c.w, `{"EventType":%q,"FragmentTimecode":%d,"ErrorId":4006}`+"\n", as, i)
				if c.rc.Flush() != nil {
					return
				}
				time.Sleep(time.Second)
			}
		})
		if len(kept) != 2 || took > 40*time.Second {
			t.Errorf("%v: %d fragments are durable after %v", as, len(kept), took)
		}
	}
}

func TestWhatAStreamKeepsIsAskedAgainWhenItIsMadeAnew(t *testing.T) {
	s := newServer(t)
	s.retention = 0
	s.calls = []func(*call){func(c *call) {
		k := c.begin()
		s.mu.Lock()
		s.retention = 24
		s.mu.Unlock()
		c.send(millrace.Ack{Type: millrace.AckError, HasTimecode: true, Timecode: k.timecode, Code: millrace.CodeStreamDeleted})
	}, func(c *call) {
		c.fragment()
		c.hangUp()
	}}
	if _, err := s.upload(t, producer.StreamConfig{}, "AbCd"); err != nil {
		t.Error(err)
	}
	if want := []string{at(0, "Ab"), at(2, "Cd")}; !slices.Equal(s.persisted, want) {
		t.Errorf("durable are %q, want %q", s.persisted, want)
	}
}

func TestInterimAnswersArePassedOver(t *testing.T) {
	s := newServer(t)
	handle := s.http.Handler
	s.http.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/putMedia" {
			w.WriteHeader(http.StatusEarlyHints)
		}
		handle.ServeHTTP(w, r)
	})
	stats, err := s.upload(t, producer.StreamConfig{}, "AbC")
	if err != nil || stats.Failures > 0 || len(s.persisted) != 2 {
		t.Errorf("%v, durable are %q, of %+v", err, s.persisted, stats)
	}
}

func TestAnEndpointThatIsNoneIsAskedForAgain(t *testing.T) {
	for _, bad := range []string{"", "/elsewhere", "file:///etc/passwd", "http://", "http://%zz", "media.test:80", "ftp://media.test:80"} {
		s := newServer(t)
		asked := 0
		handle := s.http.Handler
		s.http.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/getDataEndpoint" {
				if asked++; asked <= 5 {
					fmt.Fprintf(w, `{"DataEndpoint":%q}`, bad)
					return
				}
			}
			handle.ServeHTTP(w, r)
		})
		stats, err := s.upload(t, producer.StreamConfig{}, "AbC")
		if err != nil || len(s.persisted) != 2 || stats.Failures > 10 {
			t.Errorf("%q: %v, durable are %q, of %+v", bad, err, s.persisted, stats)
		}
	}
}

func TestEventsMayCloseTheirStream(t *testing.T) {
	for name, end := range map[string]func(*producer.Stream){
		"close": func(up *producer.Stream) { _ = up.Close(context.Background()) },
		"abort": (*producer.Stream).Abort,
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("HOME", t.TempDir())
			s := newServer(t)
			synctest.Test(t, func(t *testing.T) {
				c, stop := s.start()
				defer stop()
				opened := make(chan *producer.Stream, 1)
				over := make(chan struct{})
				up, err := c.Open(t.Context(), "gate", producer.StreamConfig{Tracks: tracks(), Events: producer.Events{
					Ack: func(a producer.Ack) {
						if a.Type == persisted {
							end(<-opened)
							close(over)
						}
					},
				}})
				if err != nil {
					t.Fatal(err)
				}
				opened <- up
				write(t, up, 0, "Ab")
				if err := up.EndFragment(t.Context()); err != nil {
					t.Fatal(err)
				}
				<-over
				if got := up.Stats(); got.State != producer.Over || got.Persisted != 1 {
					t.Errorf("stats %+v", got)
				}
			})
		})
	}
}

func TestAnEventThatNeverReturnsHoldsNobodyUp(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	s := newServer(t)
	synctest.Test(t, func(t *testing.T) {
		c, stop := s.start()
		defer stop()
		hang := make(chan struct{})
		defer close(hang)
		up, err := c.Open(t.Context(), "gate", producer.StreamConfig{Tracks: tracks(), Events: producer.Events{
			State: func(producer.State, error) { <-hang },
		}})
		if err != nil {
			t.Fatal(err)
		}
		write(t, up, 0, "AbCd")
		start := time.Now()
		if err := up.Close(t.Context()); err != nil || time.Since(start) > 10*time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		if err := c.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
