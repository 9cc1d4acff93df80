package server_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"
)

// A stubborn is a producer that sends fragments in their order, from the first
// one that is not PERSISTED, again and again until all are. It keeps nothing but
// how far it has come, as one would that is killed itself.
type stubborn struct {
	stream string

	mu        sync.Mutex // guards what follows
	persisted uint64     // all before it are
	given     map[uint64]string
	faults    []string
}

func (s *stubborn) next() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.persisted
}

// hear takes an acknowledgement. What was PERSISTED under one number must never
// be so under another.
func (s *stubborn) hear(a ack) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a.EventType != "PERSISTED" {
		return
	}
	n := (*a.FragmentTimecode - 1000) / 2000
	if before := s.given[n]; before != "" && before != a.FragmentNumber {
		s.faults = append(s.faults, fmt.Sprintf("fragment %d is PERSISTED as %s and as %s", n, before, a.FragmentNumber))
	}
	s.given[n] = a.FragmentNumber
	for s.given[s.persisted] != "" {
		s.persisted++
	}
}

// call is one call with fragments before a number; it ends when all are
// acknowledged, or as the server ends it. back is how many are sent that need not be.
func (s *stubborn) call(r *rig, back, end uint64) {
	p, err := r.tryPut(r.putHead(s.stream, announced()))
	if err != nil {
		return
	}
	defer p.close()
	from := s.next()
	from -= min(from, back)
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		body := testHeader()
		for n := from; n < end && p.send(append(body, numbered(n)...), 0) == nil; n++ {
			body = nil
		}
		_ = p.send(endOfFragment(), 0)
		p.end()
	}()
	for a := range p.acks {
		if a.FragmentTimecode != nil {
			s.hear(a)
		}
	}
	p.close() // the sender must not wait for a server that is gone
	<-sent
}

const (
	stubbornRounds = 12
	stubbornStep   = 60 // fragments a round
)

// TestAKilledServerHasWhatComesAgainOnce kills a server again and again under two
// connections of one producer, which both send everything that they do not know
// to be kept, and some that they do.
func TestAKilledServerHasWhatComesAgainOnce(t *testing.T) {
	rounds, seed := setting(t, "MILLRACE_TORTURE", stubbornRounds), newSeed(t)
	rnd, data := newRand(seed), t.TempDir()
	s := &stubborn{stream: "cam", given: map[uint64]string{}}
	for i := range rounds {
		c := startChild(t, data, func(*child) {})
		if i == 0 {
			c.create(s.stream, 24)
		}
		s.round(c, rnd, (i+1)*stubbornStep)
		if text := c.kill(); text != "" {
			t.Fatalf("%s=%d: round %d: the server said %s", seedVariable, seed, i, text)
		}
	}
	c := startChild(t, data, func(*child) {})
	end := rounds * stubbornStep
	for s.next() < end {
		s.call(c.rig, 5, end)
	}
	docs, err := readAll(c.rig, s.stream)
	if err != nil {
		t.Fatal(err)
	}
	for i, d := range docs {
		if !bytes.Equal(d.cluster, numbered(uint64(i))) || d.number() != s.given[uint64(i)] {
			t.Fatalf("%s=%d: at %d of %d there is %q, %s, want %s", seedVariable, seed, i, len(docs), d.cluster, d.number(), s.given[uint64(i)])
		}
	}
	if uint64(len(docs)) != end || len(s.faults) > 0 {
		t.Errorf("%s=%d: %d fragments, want %d; %q", seedVariable, seed, len(docs), end, s.faults)
	}
	if text, ok := c.stop(); !ok || text != "" {
		t.Errorf("%s=%d: the server ended with %s", seedVariable, seed, text)
	}
}

// round lets the producer send up to a number, and kills the server at a moment
// in which it is doing so.
func (s *stubborn) round(c *child, rnd *rand.Rand, end uint64) {
	kill := s.next() + uint64(rnd.IntN(stubbornStep))
	after := time.Duration(rnd.IntN(3000)) * time.Microsecond
	var lanes sync.WaitGroup
	gone := make(chan struct{})
	for range 2 {
		back, pause := uint64(rnd.IntN(20)), time.Duration(rnd.IntN(2000))*time.Microsecond
		lanes.Go(func() {
			for {
				select {
				case <-gone:
					return
				default:
					s.call(c.rig, back, end)
					time.Sleep(pause)
				}
			}
		})
	}
	for s.next() < min(kill, end) {
		time.Sleep(200 * time.Microsecond)
	}
	time.Sleep(after)
	_ = c.cmd.Process.Kill()
	close(gone)
	lanes.Wait()
}

func TestAStubbornProducerHearsOfContradictions(t *testing.T) {
	s := &stubborn{given: map[uint64]string{}}
	at := uint64(1000)
	for _, number := range []string{"1", "1", "2"} {
		s.hear(ack{EventType: "PERSISTED", FragmentTimecode: &at, FragmentNumber: number})
	}
	if s.next() != 1 || !slices.ContainsFunc(s.faults, func(f string) bool { return f != "" }) {
		t.Errorf("persisted up to %d, %q", s.next(), s.faults)
	}
}
