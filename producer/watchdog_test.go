package producer_test

import (
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/mkv"
	"github.com/millrace/millrace/producer"
	"github.com/millrace/millrace/producer/producertest"
)

func TestACallThatIsNotAcknowledgedIsMadeAgain(t *testing.T) {
	const glance = 6 * time.Second // for the look, and the backoff
	fault := func(at producertest.Place, fragment int, do producertest.Action) producertest.Step {
		return producertest.Step{Faults: []producertest.Fault{{At: at, Fragment: fragment, Do: do}}}
	}
	for name, tc := range map[string]struct {
		step        producertest.Step
		least, most time.Duration // from the first call to the second
	}{
		// The first fragment is due when it has begun, and then when it has ended: it
		// is two seconds long.
		"nothing comes at all":           {fault(producertest.AtHeader, 0, producertest.Stall), 15 * time.Second, 15*time.Second + glance},
		"IDLE and nothing else":          {fault(producertest.AtHeader, 0, producertest.Deafen), 15 * time.Second, 15*time.Second + glance},
		"no type but IDLE":               {producertest.Step{Acks: producertest.Acks{Omit: []millrace.AckType{millrace.AckBuffering, millrace.AckReceived, millrace.AckPersisted}}}, 15 * time.Second, 15*time.Second + glance},
		"BUFFERING and nothing else":     {fault(producertest.AtTimecode, 0, producertest.Stall), 17 * time.Second, 17*time.Second + glance},
		"everything but PERSISTED":       {producertest.Step{Acks: producertest.Acks{Omit: []millrace.AckType{millrace.AckPersisted}}}, -1, 0},
		"nothing after a good beginning": {fault(producertest.AtTimecode, 10, producertest.Stall), 37 * time.Second, 37*time.Second + glance},
		"PERSISTED and nothing else":     {producertest.Step{Acks: producertest.Acks{Omit: []millrace.AckType{millrace.AckBuffering, millrace.AckReceived}}}, -1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			config := producertest.Millrace()
			config.Steps = []producertest.Step{tc.step}
			play(t, setting{server: config}, func(s *scene) {
				s.film(80)
				s.close(time.Minute)
				s.compare(true)
				calls := s.server.Calls()
				if tc.least < 0 {
					return
				}
				if len(calls) != 2 {
					t.Fatalf("%d calls: %v", len(calls), s.told.breaks())
				}
				if took := calls[1].Began.Sub(calls[0].Began); took < tc.least || took > tc.most {
					t.Errorf("it took %v until the next call, want %v to %v", took, tc.least, tc.most)
				}
			})
		})
	}
}

func TestLongFragmentsAreNoSilence(t *testing.T) {
	for name, config := range map[string]producertest.Config{"Millrace": producertest.Millrace(), "AWS": producertest.AWS()} {
		t.Run(name, func(t *testing.T) {
			config.Steps = []producertest.Step{{Acks: producertest.Acks{Delay: 25 * time.Second}}}
			o := producer.StreamConfig{Fragment: producer.FragmentRules{MaxDuration: 20 * time.Second}}
			play(t, setting{server: config, gop: 100, stream: o}, func(s *scene) {
				s.film(200)
				s.close(time.Minute)
				s.flawless()
				s.compare(true)
			})
		})
	}
}

// A connection that swallows everything from one moment on, in the midst of a
// fragment.
func TestABlackHoleIsLeft(t *testing.T) {
	var proxy *producertest.Proxy
	through := func(s *scene) {
		proxy = producertest.StartProxy(s.T, producertest.ProxyConfig{Pipes: true, Through: s.server.Dial})
		s.client.Dial = proxy.Dial
	}
	play(t, setting{server: producertest.Millrace(), client: through}, func(s *scene) {
		s.film(21)
		proxy.SetWeather(producertest.BlackHole)
		began := time.Now()
		for len(s.told.breaks()) == 0 && time.Since(began) < 10*time.Minute {
			s.film(1)
		}
		// What was heard of last is due 15 seconds after it, and it is looked every five.
		if took := time.Since(began); took > 25*time.Second {
			t.Errorf("found out after %v", took)
		}
		s.film(300)
		proxy.SetWeather(producertest.Fair)
		before := len(s.server.Calls())
		began = time.Now()
		for len(s.server.Calls()) == before && time.Since(began) < 10*time.Minute {
			s.film(1)
		}
		if took := time.Since(began); took > 46*time.Second {
			t.Errorf("back after %v", took)
		}
		s.close(time.Minute)
		s.compare(true)
	})
}

// However slow the network is, a call over which media move is not taken for one
// that is dead.
func TestASlowNetworkIsNoSilence(t *testing.T) {
	for name, tc := range map[string]struct {
		rate, size, frames, gop int
	}{
		"fragments of half a minute": {20 << 10, 60 << 10, 100, 10},
		"fragments of minutes":       {20 << 10, 600 << 10, 40, 10},
		"a frame takes minutes":      {2 << 10, 600 << 10, 6, 2},
	} {
		t.Run(name, func(t *testing.T) {
			through := func(s *scene) {
				s.client.Dial = producertest.StartProxy(s.T, producertest.ProxyConfig{Pipes: true, Through: s.server.Dial, Rate: tc.rate}).Dial
			}
			play(t, setting{server: producertest.Millrace(), client: through, gop: tc.gop, size: tc.size}, func(s *scene) {
				s.burst(tc.frames)
				s.close(5 * time.Hour)
				s.compare(true)
				if stats := s.up.Stats(); stats.Resent > 6 {
					t.Errorf("stats %+v", stats)
				}
			})
		})
	}
}

// What a server owes counts from when it could know that the fragment has ended,
// which may be long after its last byte.
func TestAFragmentThatTheNextOneEndsIsNotLate(t *testing.T) {
	b := mkv.AppendEBML(nil, mkv.EBML{})
	b = mkv.AppendUnknownSize(mkv.AppendID(b, mkv.IDSegment), 0)
	b = mkv.AppendInfo(b, mkv.Info{})
	b = mkv.AppendTracks(b, []mkv.Track{{Number: 1, UID: 1, Type: mkv.TrackVideo, CodecID: "V_TEST"}})
	b = mkv.AppendUint(mkv.AppendUnknownSize(mkv.AppendID(b, mkv.IDCluster), 1), mkv.IDTimecode, 0)
	clip := read(t, append(b, frame(0, "A", 0)...)) // nothing in it says where its Cluster ends
	c := setting{server: producertest.Millrace()}
	c.server.Idle, c.stream.Fragment.Idle = -1, -1
	c.client = func(s *scene) { // with 6 seconds there and back it is looked whether something is owed meanwhile
		s.client.Dial = producertest.StartProxy(s.T, producertest.ProxyConfig{Pipes: true, Through: s.server.Dial, Latency: 3 * time.Second}).Dial
	}
	play(t, c, func(s *scene) {
		for range 5 {
			if err := clip.Play(s.Context(), s.up, producer.PlayOptions{Origin: time.Now()}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(3 * time.Minute)
		}
		s.close(time.Minute)
		s.flawless()
		if n := len(s.server.Persisted("gate")); n != 5 {
			t.Errorf("%d fragments are durable", n)
		}
	})
}

// A server that takes a minute until a fragment is durable is waited for.
func TestASlowServerIsWaitedForInTheEnd(t *testing.T) {
	for name, config := range map[string]producertest.Config{"Millrace": producertest.Millrace(), "AWS": producertest.AWS()} {
		t.Run(name, func(t *testing.T) {
			config.After.Acks.Delay = time.Minute
			play(t, setting{server: config}, func(s *scene) {
				s.film(20)
				s.close(20 * time.Minute)
				s.compare(false)
				if n := len(s.server.Calls()); n > 4 {
					t.Errorf("%d calls", n)
				}
			})
		})
	}
}
