package producer_test

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/millrace/millrace/producer"
	"github.com/millrace/millrace/producer/producertest"
)

// With an endpoint that is named, media go out behind one round trip, whatever
// the control operations do.
func TestTheFirstByteGoesOutBehindOneRoundTrip(t *testing.T) {
	const way = 100 * time.Millisecond // in each direction
	c := setting{server: producertest.Millrace()}
	c.server.Answers = map[producertest.Operation][]producertest.Answer{
		producertest.DescribeStream: {{Do: producertest.Stall}},
	}
	c.client = func(s *scene) {
		s.client.DataEndpoint = s.server.DataEndpoint()
		s.client.Dial = producertest.StartProxy(s.T, producertest.ProxyConfig{Pipes: true, Through: s.server.Dial, Latency: way}).Dial
	}
	play(t, c, func(s *scene) {
		wrote := time.Now()
		s.film(10)
		var began time.Time
		for _, e := range s.server.Events() {
			if e.Kind == producertest.FragmentBegun {
				began = e.At
				break
			}
			if e.Kind == producertest.Controlled {
				t.Errorf("%s was called before", e.Op)
			}
		}
		// The request, its answer, and the media on their way.
		if took := began.Sub(wrote); began.IsZero() || took > 3*way+10*time.Millisecond {
			t.Errorf("it took %v", took)
		}
		s.film(60)
		if err := s.up.Ready(s.Context()); err != nil {
			t.Errorf("ready: %v", err)
		}
		s.close(time.Minute)
		s.flawless()
		s.compare(true)
	})
}

// A stream without retention is known as that also where its media were sent
// before anybody asked.
func TestWhatAStreamIsMayBeKnownLate(t *testing.T) {
	c := setting{server: producertest.Millrace()}
	c.server.Retention = -1
	c.server.Answers = map[producertest.Operation][]producertest.Answer{
		producertest.DescribeStream: {{Delay: 10 * time.Second}},
	}
	c.client = func(s *scene) { s.client.DataEndpoint = s.server.DataEndpoint() }
	play(t, c, func(s *scene) {
		s.film(60)
		if stats := s.up.Stats(); stats.Pending > 8 || stats.Failures > 0 {
			t.Errorf("stats %+v", stats)
		}
		s.close(time.Minute)
	})
}

// An idle stream has few goroutines.
func TestAStreamHasFewGoroutines(t *testing.T) {
	const streams = 20
	play(t, setting{server: producertest.Millrace()}, func(s *scene) {
		all := []*producer.Stream{s.up}
		for range streams {
			s.open(producer.StreamConfig{})
			all = append(all, s.up)
			s.next = 0
			s.burst(3)
		}
		time.Sleep(5 * time.Second)
		if n := len(running()); n > 3*(streams+1) {
			t.Errorf("%d goroutines for %d streams that send", n, streams)
		}
		time.Sleep(time.Minute)
		if n := len(running()); n > 2*(streams+1) {
			t.Errorf("%d goroutines for %d streams that are idle", n, streams)
		}
		for _, up := range all {
			up.Abort()
		}
	})
}

// While the first answer is under way nothing is lost by a server that comes late.
func TestAServerThatComesLateGetsEverything(t *testing.T) {
	c := setting{server: producertest.Millrace(), client: func(s *scene) {
		s.server.SetNetwork(producertest.Silent)
		s.client.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			return s.server.Dial(ctx, network, address)
		}
	}}
	play(t, c, func(s *scene) {
		s.film(300)
		s.server.SetNetwork(producertest.Up)
		s.film(60)
		if stats := s.up.Stats(); stats.Pending > 2 {
			t.Errorf("a minute later: %+v", stats)
		}
		s.close(time.Minute)
		s.compare(true)
	})
}
