package producer_test

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/millrace/millrace/producer"
	"github.com/millrace/millrace/producer/producertest"
)

// backlogged plays a scene in which a stream has a backlog of fragments when it
// gets to the server: of a process before, if there is a spool, or of an outage.
// It returns to do when calls may be made.
func backlogged(t *testing.T, c setting, fragments int, do func(s *scene)) {
	t.Helper()
	play(t, c, func(s *scene) {
		s.server.SetNetwork(producertest.Down)
		s.film(fragments * s.gop)
		if c.spool != "" {
			s.up.Abort()
			s.client = newClient(s.server)
			s.client.Spool = c.spool
			if c.client != nil {
				c.client(s)
			}
			c.stream.Buffer.Spool = true
			s.open(c.stream)
		}
		s.server.SetNetwork(producertest.Up)
		do(s)
	})
}

// behind is how long after its last frame a fragment was durable.
func (s *scene) behind(frame int) time.Duration {
	at := s.keptAt(frame)
	if at.IsZero() {
		return time.Hour
	}
	return at.Sub(s.footage.Time(frame + s.gop - 1))
}

// newestAt is when the newest fragment began that was durable at a time.
func (s *scene) newestAt(at time.Time) (newest time.Time) {
	for _, e := range s.server.Events() {
		if began := time.UnixMilli(int64(e.Timecode)); e.Kind == producertest.FragmentKept && !e.At.After(at) && began.After(newest) {
			newest = began
		}
	}
	return newest
}

// throttled has connections share bytes a second.
func throttled(rate int) func(s *scene) {
	return func(s *scene) {
		turn := make(chan struct{}, 1)
		s.client.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := s.server.Dial(ctx, network, address)
			return &narrow{conn, turn, rate}, err
		}
	}
}

// A narrow is a connection over a link that others use as well.
type narrow struct {
	net.Conn
	turn chan struct{}
	rate int
}

func (n *narrow) Write(b []byte) (done int, err error) {
	for err == nil && done < len(b) {
		piece := b[done:min(len(b), done+1<<10)]
		n.turn <- struct{}{}
		time.Sleep(time.Duration(len(piece)) * time.Second / time.Duration(n.rate))
		<-n.turn
		var k int
		k, err = n.Conn.Write(piece)
		done += k
	}
	return done, err
}

// The servers of these tests, and how long a fragment takes at most until it is
// durable, after its last frame: it ends when the next one begins, and where
// calls take turns it waits for the other's.
var splitServers = map[string]struct {
	config producertest.Config
	within time.Duration
	once   bool
}{
	"Millrace": {producertest.Millrace(), 3 * time.Second, true},
	"AWS":      {producertest.AWS(), 18 * time.Second, false},
}

func TestTheNewestIsDurableBeforeTheBacklogIs(t *testing.T) {
	const backlog = 200 // fragments, of 20 KiB on average
	for name, tc := range splitServers {
		for _, where := range []string{"spool", "memory"} {
			t.Run(name+", "+where, func(t *testing.T) {
				c := setting{server: tc.config, size: 20 << 10}
				c.stream.Buffer.Order = producer.LiveFirst
				c.client = func(s *scene) { // each connection has a rate of its own
					s.client.Dial = producertest.StartProxy(s.T, producertest.ProxyConfig{Pipes: true, Through: s.server.Dial, Rate: 40 << 10}).Dial
				}
				if where == "spool" {
					c.spool = t.TempDir()
				}
				backlogged(t, c, backlog, func(s *scene) {
					for s.server.Persisted("gate") == nil { // until the host is tried again
						s.film(1)
					}
					s.film(s.next%s.gop + 4)
					began := time.Now()
					from := s.next
					s.film(60)
					to := s.next
					s.film(20)
					if at := s.keptAt(2 * (backlog - 4)); !at.IsZero() && at.Before(began.Add(time.Minute)) {
						t.Errorf("the backlog was durable after %v", at.Sub(began))
					}
					for frame := from; frame < to && tc.once; frame += s.gop {
						if behind := s.behind(frame); behind > tc.within {
							t.Errorf("frame %d was durable %v after it", frame, behind)
						}
					}
					for at := began; at.Before(began.Add(time.Minute)); at = at.Add(time.Second) {
						if lag := at.Sub(s.newestAt(at)); lag > tc.within+time.Duration(2*s.gop)*time.Second {
							t.Errorf("after %v the newest that was durable had begun %v before", at.Sub(began), lag)
						}
					}
					s.close(10 * time.Minute)
					s.compare(tc.once)
					if stats := s.up.Stats(); stats.Pending+stats.Dropped+stats.Rejected > 0 {
						t.Errorf("stats %+v", stats)
					}
				})
			})
		}
	}
}

func TestTheOldestGoesFirstUnlessAskedOtherwise(t *testing.T) {
	for name, tc := range splitServers {
		for _, spool := range []string{"", t.TempDir()} {
			backlogged(t, setting{server: tc.config, spool: spool}, 100, func(s *scene) {
				s.film(60)
				s.close(time.Minute)
				if err := s.footage.Compare(s.server.Persisted("gate"), producertest.Comparison{Written: s.next, Once: true, Millis: true}); err != nil {
					t.Errorf("%s: %v", name, err)
				}
				if n := len(s.server.Calls()); n > 2 {
					t.Errorf("%s: %d calls", name, n)
				}
			})
		}
	}
}

func TestTheBacklogGivesWayToTheNewestOnASlowLink(t *testing.T) {
	const backlog = 60 // fragments, of 20 KiB on average; there is a frame of 10 a second
	c := setting{server: producertest.Millrace(), size: 20 << 10, client: throttled(15 << 10)}
	c.stream.Buffer.Order = producer.LiveFirst
	backlogged(t, c, backlog, func(s *scene) {
		s.film(60)
		from := s.next
		s.film(120)
		to := s.next
		s.film(10)
		for frame := from; frame < to; frame += s.gop {
			if behind := s.behind(frame); behind > 8*time.Second {
				t.Errorf("frame %d was durable %v after it", frame, behind)
			}
		}
		if s.keptAt(0).IsZero() {
			t.Error("nothing of the backlog is durable")
		}
		s.close(10 * time.Minute)
		s.compare(true)
	})
}

// With nothing new to send, what is older does not wait for anything.
func TestABacklogIsSentWithoutAnythingNewer(t *testing.T) {
	for name, tc := range splitServers {
		for kind, idle := range map[string]time.Duration{"": 0, ", calls are kept": -1} {
			t.Run(name+kind, func(t *testing.T) {
				tc.config.Idle = -1
				c := setting{server: tc.config, spool: t.TempDir()}
				c.stream.Buffer.Order, c.stream.Fragment.Idle = producer.LiveFirst, idle
				backlogged(t, c, 100, func(s *scene) {
					ctx, cancel := context.WithTimeout(s.Context(), 2*time.Minute)
					defer cancel()
					if err := s.up.Flush(ctx); err != nil {
						t.Errorf("%v: %+v", err, s.up.Stats())
					}
					s.close(time.Minute)
					s.compare(tc.once)
				})
			})
		}
	}
}

// What is older becomes durable to the last fragment, though there is always
// something newer.
func TestTheEndOfTheBacklogDoesNotWaitForTheEndOfTheStream(t *testing.T) {
	for name, tc := range splitServers {
		t.Run(name, func(t *testing.T) {
			c := setting{server: tc.config}
			c.stream.Buffer.Order = producer.LiveFirst
			backlogged(t, c, 100, func(s *scene) {
				s.film(120)
				for _, frame := range []int{0, 198, 200, 202} {
					if s.keptAt(frame).IsZero() {
						t.Errorf("frame %d is not durable after two minutes", frame)
					}
				}
				s.close(time.Minute)
				s.compare(tc.once)
			})
		})
	}
}

func TestCallsOfEitherSideMayBreak(t *testing.T) {
	cut := func(at producertest.Place, fragment int, do producertest.Action) producertest.Step {
		return producertest.Step{Faults: []producertest.Fault{{At: at, Fragment: fragment, Do: do}}}
	}
	for name, tc := range splitServers {
		t.Run(name, func(t *testing.T) {
			tc.config.Steps = []producertest.Step{
				cut(producertest.AtBlock, 2, producertest.Reset), cut(producertest.AtPersisted, 5, producertest.Reset),
				cut(producertest.AtFragmentEnd, 1, producertest.Close), cut(producertest.AtConnect, 0, producertest.Reset),
				cut(producertest.AtTimecode, 9, producertest.Stall), cut(producertest.AtPersisted, 3, producertest.Finish),
				cut(producertest.AtAcknowledged, 7, producertest.Reset), cut(producertest.AtBlock, 4, producertest.Stall),
			}
			c := setting{server: tc.config, spool: t.TempDir()}
			c.stream.Buffer.Order = producer.LiveFirst
			backlogged(t, c, 60, func(s *scene) {
				s.film(300)
				s.close(10 * time.Minute)
				s.compare(tc.once)
				if n := s.server.StepsLeft(); n > 0 {
					t.Errorf("%d steps are left", n)
				}
			})
		})
	}
}

func TestAStreamMayBeClosedWhileBothSidesAreUnderWay(t *testing.T) {
	for name, tc := range splitServers {
		c := setting{server: tc.config, size: 20 << 10, client: throttled(30 << 10)}
		c.stream.Buffer.Order = producer.LiveFirst
		t.Run(name+", to the end", func(t *testing.T) {
			backlogged(t, c, 60, func(s *scene) {
				s.film(20)
				s.close(10 * time.Minute)
				s.compare(tc.once)
			})
		})
		t.Run(name+", not to the end", func(t *testing.T) {
			backlogged(t, c, 60, func(s *scene) {
				s.film(20)
				ctx, cancel := context.WithTimeout(s.Context(), 3*time.Second)
				defer cancel()
				began := time.Now()
				if err := s.up.Close(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) > 3500*time.Millisecond {
					t.Errorf("close: %v after %v", err, time.Since(began))
				}
				if r := s.up.Receipt(); r.Unsent == 0 || r.Unsent+r.Persisted != s.next/s.gop {
					t.Errorf("receipt %+v", r)
				}
			})
		})
	}
}

func TestTheNewestFirstWithGateAndDelay(t *testing.T) {
	for name, tc := range splitServers {
		c := setting{server: tc.config}
		c.stream.Mode, c.stream.Delay, c.stream.Buffer.Order = producer.Delayed, 20*time.Second, producer.LiveFirst
		t.Run(name+", delayed", func(t *testing.T) {
			backlogged(t, c, 60, func(s *scene) {
				s.film(60)
				for _, f := range s.kept() {
					if at := s.keptAt(int(f.Time.Sub(s.footage.Began) / time.Second)); at.Sub(f.Time) < 20*time.Second {
						t.Errorf("a fragment of %v was durable %v after it began", f.Time, at.Sub(f.Time))
					}
				}
				s.close(time.Minute)
				s.compare(tc.once)
			})
		})
		t.Run(name+", behind a gate", func(t *testing.T) {
			backlogged(t, c, 60, func(s *scene) {
				s.up.Gate(false)
				s.film(100)
				held := s.next - 20 // and before the fragment that was open
				s.up.Gate(true)
				s.film(60)
				s.close(2 * time.Minute)
				missing := func(n int) bool { return n >= 120 && n < held }
				err := s.footage.Compare(s.kept(), producertest.Comparison{Written: s.next, Once: tc.once, Millis: true, Missing: missing})
				if err != nil {
					t.Error(err)
				}
				if s.up.Stats().Withheld == 0 {
					t.Error("nothing was withheld, which tests nothing")
				}
			})
		})
	}
}
