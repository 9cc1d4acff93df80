package server_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/auth"
	"github.com/millrace/millrace/internal/config"
	"github.com/millrace/millrace/internal/server"
)

func TestCallsAreKeptAsTheyWereMade(t *testing.T) {
	forEachCapture(t, everyCapture, func(t *testing.T, c *capture) {
		r, head := startFor(t, c)
		live := r.get(c.stream(), earliest())
		var kept []receipt
		for _, w := range c.ways(uint64(len(c.body))) {
			p := r.putRaw(head)
			if err := p.write(w.framed, w.pieces); err != nil {
				t.Fatalf("%s: %v", w.name, err)
			}
			followed := c.follow(t, live, p)
			receipts := c.finish(t, p, c.hours())
			for i := range receipts {
				if n := receipts[i].number; n != "" && n != followed[i].number {
					t.Errorf("acks say %s, readers get %s", n, followed[i].number)
				}
			}
			if c.hours() > 0 {
				kept = append(kept, c.whole(followed)...)
			}
			if t.Failed() {
				t.Fatalf("that was the body sent %s", w.name)
			}
		}
		live.close()
		checkKept(t, r, c.stream(), kept)
	})
}

func TestEightCallsAtOnceShareAStream(t *testing.T) {
	forEachCapture(t, everyCapture, func(t *testing.T, c *capture) {
		r, head := startFor(t, c)
		calls := make([]call, 8)
		for i := range calls {
			calls[i] = call{capture: c, head: head}
		}
		together(t, r, c.stream(), c.hours(), calls)
	})
}

func TestEightClientsOfDifferentKindsShareAStream(t *testing.T) {
	for name, load := range sources() {
		t.Run(name, func(t *testing.T) {
			captures := load(t)
			newRand(1).Shuffle(len(captures), func(i, j int) { captures[i], captures[j] = captures[j], captures[i] })
			at := captures[0].at
			r := start(t, captures[0].clock(), nil)
			r.create("shared", 24)
			var calls []call
			for _, c := range captures {
				if c.quiet() || len(calls) == 8 {
					continue // who is told nothing cannot be told apart
				}
				head := strings.Replace(without(without(c.head, "authorization"), "x-amz-security-token"), ": "+c.stream()+"\r\n", ": shared\r\n", 1)
				head = strings.Replace(head, c.request.Header.Get("X-Amz-Date"), at.Format("20060102T150405Z"), 1)
				head, err := signHead(head, keyID, at)
				if err != nil {
					t.Fatal(err)
				}
				calls = append(calls, call{capture: c, head: head})
			}
			together(t, r, "shared", 24, calls)
		})
	}
}

// TestAcknowledgementsComeWhenTheyAreDue sends no more than an ack needs, and
// waits for it before it goes on.
func TestAcknowledgementsComeWhenTheyAreDue(t *testing.T) {
	forEachCapture(t, func(c *capture) bool { return !c.quiet() && c.expect.CleanEnd }, func(t *testing.T, c *capture) {
		r, head := startFor(t, c)
		p := r.putRaw(head)
		sent, ended := 0, false
		upTo := func(offset int) {
			if ended = offset > len(c.body); ended {
				offset = len(c.body)
			}
			p.mustSend(c.body[sent:offset])
			sent = offset
			if ended {
				p.end()
			}
		}
		var durable []string // what is to be PERSISTED some time
		for i, s := range c.slices {
			timecode := c.expect.Fragments[i].Timecode
			upTo(s.begun)
			durable = p.wantAmong(durable, fmt.Sprint("BUFFERING ", timecode))
			upTo(s.over())
			durable = p.wantAmong(durable, fmt.Sprint("RECEIVED ", timecode))
			durable = append(durable, fmt.Sprint("PERSISTED ", timecode))
			if s.closed > 0 {
				upTo(s.closed)
				p.want(durable...)
				durable = nil
			}
		}
		if !ended {
			upTo(len(c.body))
			p.end()
		}
		p.want(durable...)
		if rest := p.rest(); len(rest) != 0 || p.failed != nil {
			t.Errorf("after the end: %v, %v", rest, p.failed)
		}
	})
}

// over is how much of the body says that the Cluster has ended: all of a
// Cluster of known size, else the id of what follows. Where nothing follows it
// is more than the body.
func (s slice) over() int {
	if s.known {
		return s.end
	}
	return s.end + 4
}

// wantAmong checks that the next ack is want, but for acks that may come at any
// time from now on, in their order. It returns those that have not come.
func (p *put) wantAmong(pending []string, want string) []string {
	p.t.Helper()
	for {
		got := p.next().String()
		switch {
		case got == want:
			return pending
		case len(pending) == 0 || got != pending[0]:
			p.t.Fatalf("ack = %s, want %s or one of %v", got, want, pending)
		}
		pending = pending[1:]
	}
}

func TestABrokenCallKeepsItsLastFragmentWhereThatIsWished(t *testing.T) {
	forEachCapture(t, func(c *capture) bool { return !c.expect.CleanEnd }, func(t *testing.T, c *capture) {
		r := start(t, c.clock(), func(cfg *config.Server) { cfg.KeepPartial = true })
		r.create(c.stream(), 24)
		live := r.get(c.stream(), earliest())
		var kept []receipt
		for _, end := range []func(*put) error{(*put).breakOff, (*put).reset} {
			p := r.putRaw(c.head)
			p.mustSend(c.body)
			kept = append(kept, c.followTo(t, live, func() error { return end(p) })...)
			p.rest()
		}
		live.close()
		checkKept(t, r, c.stream(), kept)
	})
}

func TestTheInterimAnswerIsAWriteOfItsOwn(t *testing.T) {
	forEachCapture(t, func(c *capture) bool { return c.request.Header.Get("Expect") != "" }, func(t *testing.T, c *capture) {
		r, head := startFor(t, c)
		const interim = "HTTP/1.1 100 Continue\r\n\r\n"
		// Two writes may be read as one where the reader is late, so there is
		// more than one try. One write is never read as two of these.
		var got string
		for range 5 {
			if got = r.firstRead(head); got == interim {
				return
			}
		}
		t.Errorf("the first read of the answer = %q", got)
	})
}

func TestACallWithAnUnknownSessionTokenIsRefused(t *testing.T) {
	forEachCapture(t, (*capture).hasToken, func(t *testing.T, c *capture) {
		// Even with the key and the secret that it was signed with.
		r := start(t, c.clock(), func(cfg *config.Server) { cfg.AccessKeyID = c.key() })
		r.create(c.stream(), 24)
		p := r.putRaw(c.head)
		if p.status != 403 || !strings.HasPrefix(p.failed.Error(), "UnrecognizedClientException") {
			t.Errorf("%d %v", p.status, p.failed)
		}
	})
}

func sources() map[string]func(*testing.T) []*capture {
	return map[string]func(*testing.T) []*capture{"recordings": recordings, "fixtures": fixtures}
}

func everyCapture(*capture) bool { return true }

// forEachCapture tests with all captures that which tells of.
func forEachCapture(t *testing.T, which func(*capture) bool, test func(*testing.T, *capture)) {
	t.Parallel()
	for name, load := range sources() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, c := range load(t) {
				if !which(c) {
					continue
				}
				t.Run(c.name, func(t *testing.T) {
					t.Parallel()
					test(t, c)
				})
			}
		})
	}
}

// startFor runs a server with the key, the clock and the stream of a capture,
// and returns the capture's head as it is.
func startFor(t *testing.T, c *capture) (r *rig, head string) {
	t.Helper()
	o := server.Options{Now: c.clock()}
	change := func(cfg *config.Server) { cfg.AccessKeyID = c.key() }
	if c.hasToken() {
		o.Keys = temporary{id: c.key(), token: c.request.Header.Get("X-Amz-Security-Token")}
		change = nil // the rig's own calls are signed with a key without token
	}
	r = startWith(t, o, change)
	r.create(c.stream(), c.hours())
	return r, c.head
}

// temporary knows a temporary key and its token beside the rig's own key.
type temporary struct{ id, token string }

func (k temporary) Lookup(_ context.Context, id, _ string) (auth.Key, error) {
	switch id {
	case k.id:
		return auth.Key{Secret: secret, Token: k.token, Principal: auth.Principal{KeyID: id, Root: true}}, nil
	case keyID:
		return auth.Key{Secret: secret, Principal: auth.Principal{KeyID: id, Root: true}}, nil
	}
	return auth.Key{}, millrace.ErrNotFound
}
