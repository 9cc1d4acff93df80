package producer_test

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/millrace/millrace/producer"
	"github.com/millrace/millrace/producer/producertest"
)

// Bounds of the age at which a call is followed by another one, with a fragment
// of some seconds before that can happen.
const (
	youngest = 38 * time.Minute
	oldest   = 42*time.Minute + 20*time.Second
)

// followed checks that each call began before the one before it ended, at the
// age at which that is due.
func (s *scene) followed(calls int) {
	s.Helper()
	all := s.server.Calls()
	if len(all) != calls {
		s.Errorf("%d calls, want %d", len(all), calls)
	}
	for i := 1; i < len(all); i++ {
		last, next := all[i-1], all[i]
		if age := next.Began.Sub(last.Began); age < youngest || age > oldest {
			s.Errorf("call %d was made when the one before was %v old", next.Number, age)
		}
		if !last.Terminated || last.Ended.Before(next.Began) {
			s.Errorf("call %d began at %v, and the one before ended at %v, in good order: %v", next.Number, next.Began, last.Ended, last.Terminated)
		}
	}
}

func TestACallIsFollowedByAnotherBeforeItGrowsTooOld(t *testing.T) {
	for name, config := range map[string]producertest.Config{
		"Millrace":                               producertest.Millrace(),
		"a server that does not know it":         {},
		"a server that ends calls at 45 minutes": {MaxAge: 45 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, setting{server: config, every: 5 * time.Second}, func(s *scene) {
				s.film(100 * 12)
				s.close(time.Minute)
				s.followed(3)
				s.flawless()
				s.compare(true)
				for _, f := range s.server.Fragments() {
					if f.State != producertest.Durable {
						t.Fatalf("fragment %d is %v", f.Timecode, f.State)
					}
				}
			})
		})
	}
}

func TestACallIsFollowedByAnotherWhenNothingIsSent(t *testing.T) {
	config := producertest.Millrace()
	config.Idle, config.MaxAge = -1, 45*time.Minute
	play(t, setting{server: config, stream: producer.StreamConfig{Fragment: producer.FragmentRules{Idle: -1}}}, func(s *scene) {
		s.film(4)
		if err := s.up.EndFragment(s.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(100 * time.Minute)
		s.film(4)
		s.close(time.Minute)
		s.followed(3)
		s.flawless()
		s.compare(true)
	})
}

func TestAServerThatEndsCallsEarlyLosesNothing(t *testing.T) {
	config := producertest.Millrace()
	config.MaxAge = 3*time.Minute + 700*time.Millisecond
	play(t, setting{server: config}, func(s *scene) {
		s.film(10 * 60)
		s.close(time.Minute)
		s.compare(true)
		if n := len(s.server.Calls()); n != 4 {
			t.Errorf("%d calls", n)
		}
		if stats := s.up.Stats(); stats.Dropped+stats.Rejected > 0 || stats.Resent > 2*4 {
			t.Errorf("stats %+v", stats)
		}
	})
}

func TestACallThatBreaksBeforeItIsUsedIsMadeAgain(t *testing.T) {
	config := producertest.Millrace()
	config.MaxAge = 45 * time.Minute
	var mu sync.Mutex
	var conns []net.Conn
	made := func() int {
		mu.Lock()
		defer mu.Unlock()
		return len(conns)
	}
	watch := func(s *scene) {
		s.client.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := s.server.Dial(ctx, network, address)
			mu.Lock()
			defer mu.Unlock()
			conns = append(conns, conn)
			return conn, err
		}
	}
	play(t, setting{server: config, client: watch, gop: 10, every: 2 * time.Second, stream: producer.StreamConfig{Fragment: producer.FragmentRules{MaxDuration: 20 * time.Second}}}, func(s *scene) {
		broken := false
		for range 60 * 30 {
			s.film(1)
			if made() == 2 && !broken {
				broken = true
				time.Sleep(100 * time.Millisecond) // it was accepted
				_ = conns[1].Close()
			}
		}
		s.close(time.Minute)
		s.compare(true)
		if calls := s.server.Calls(); len(calls) != 3 || !calls[0].Terminated || calls[1].BodyBytes > 0 {
			t.Errorf("calls %+v", calls)
		}
		if broken := s.told.breaks(); len(broken) > 0 {
			t.Errorf("told of %v", broken)
		}
	})
}

func TestAStreamMayBeClosedWhileItsNextCallIsMade(t *testing.T) {
	for name, fault := range map[string]producertest.Fault{
		"accepted late":         {At: producertest.AtResponseHead, Delay: 5 * time.Second},
		"never accepted":        {At: producertest.AtResponseHead, Do: producertest.Stall},
		"reset":                 {At: producertest.AtConnect, Delay: 3 * time.Second, Do: producertest.Reset},
		"no answer to anything": {At: producertest.AtConnect, Do: producertest.Stall},
	} {
		t.Run(name, func(t *testing.T) {
			config := producertest.Millrace()
			config.Steps = []producertest.Step{{}, {Faults: []producertest.Fault{fault}}}
			play(t, setting{server: config, every: 4 * time.Second}, func(s *scene) {
				data := func() (n int) {
					for _, a := range s.server.Attempts() {
						if a.Host == producertest.Data {
							n++
						}
					}
					return n
				}
				for data() < 2 {
					s.film(1)
				}
				began := time.Now()
				s.close(time.Minute)
				if took := time.Since(began); took > 5*time.Second {
					t.Errorf("close took %v", took)
				}
				s.compare(true)
			})
		})
	}
}

func TestAServerThatAllowsOneCallLosesNothing(t *testing.T) {
	play(t, setting{server: producertest.AWS(), every: 5 * time.Second}, func(s *scene) {
		s.film(130 * 12)
		s.close(time.Minute)
		s.compare(false)
		all := s.server.Calls()
		if len(all) != 4 {
			t.Errorf("%d calls", len(all))
		}
		for i := 1; i < len(all); i++ {
			if age := all[i].Began.Sub(all[i-1].Began); age < youngest || age > oldest {
				t.Errorf("call %d was made when the one before was %v old", i+1, age)
			}
		}
		twice := len(s.server.Persisted("gate")) - (s.next+1)/2
		if twice > 3 {
			t.Errorf("%d fragments are there twice", twice)
		}
		if broken := s.told.breaks(); len(broken) > 0 {
			t.Errorf("told of %d breaks, the first: %v", len(broken), broken[0])
		}
	})
}
