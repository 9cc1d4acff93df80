package producer_test

import (
	"testing"
	"time"

	"github.com/millrace/millrace/producer"
	"github.com/millrace/millrace/producer/producertest"
)

func TestACallEndsInGoodOrderWhenNoFramesCome(t *testing.T) {
	for name, config := range map[string]producertest.Config{"Millrace": producertest.Millrace(), "AWS": producertest.AWS(), "TLS": {TLS: true}} {
		t.Run(name, func(t *testing.T) {
			play(t, setting{server: config}, func(s *scene) {
				for range 3 {
					s.film(4)
					time.Sleep(10 * time.Minute)
					calls := s.server.Calls()
					last := calls[len(calls)-1]
					idle := last.Ended.Sub(last.Began.Add(3 * time.Second)) // since the last frame
					if !last.Terminated || idle < producer.DefaultIdle || idle > producer.DefaultIdle+2*time.Second {
						t.Errorf("the call ended after %v, in good order: %v", idle, last.Terminated)
					}
					if stats := s.up.Stats(); stats.State != producer.Idle || stats.Pending > 0 || stats.Connections != len(calls) {
						t.Errorf("stats %+v", stats)
					}
					s.next += 604 // time goes on
					s.next -= s.next % s.gop
				}
				if n := len(s.server.Calls()); n != 3 {
					t.Errorf("%d calls", n)
				}
				s.close(time.Minute)
				s.flawless()
				if n := len(s.server.Persisted("gate")); n != 6 {
					t.Errorf("%d fragments are durable", n)
				}
			})
		})
	}
}

func TestACallIsKeptForFramesThatAreFarApart(t *testing.T) {
	silent := producertest.Millrace()
	silent.Idle = -1
	for name, tc := range map[string]struct {
		config producertest.Config
		every  time.Duration
		idle   time.Duration
	}{
		"pictures every five seconds": {producertest.Millrace(), 5 * time.Second, 0},
		"a longer limit":              {producertest.Millrace(), 25 * time.Second, 28 * time.Second},
		"no limit":                    {silent, 7 * time.Minute, -1},
	} {
		t.Run(name, func(t *testing.T) {
			o := producer.StreamConfig{Fragment: producer.FragmentRules{Idle: tc.idle}}
			play(t, setting{server: tc.config, stream: o, gop: 1, every: tc.every}, func(s *scene) {
				for range 30 * time.Minute / tc.every {
					s.write()
					if err := s.up.EndFragment(s.Context()); err != nil {
						t.Fatal(err)
					}
					time.Sleep(tc.every)
				}
				s.close(time.Minute)
				s.flawless()
				s.compare(true)
				if n := len(s.server.Calls()); n != 1 {
					t.Errorf("%d calls", n)
				}
			})
		})
	}
}
