package server_test

import (
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/millrace/millrace/internal/config"
)

func TestAnEndOfFragmentTagIsAnsweredDuringTheSilenceAfterIt(t *testing.T) {
	r := start(t, nil, nil)
	r.create("cam", 24)
	p := r.put("cam", nil)
	p.mustSend(slices.Concat(header(1), endOfFragment())) // of nothing
	for i := range uint64(5) {
		p.mustSend(slices.Concat(cluster(i, block(1, 0, "frame")), userTags("n", fmt.Sprint(i))))
		p.want(fmt.Sprint("BUFFERING ", i), fmt.Sprint("RECEIVED ", i))
		sent := time.Now()
		p.mustSend(endOfFragment())
		if took := p.want(fmt.Sprint("PERSISTED ", i)).at.Sub(sent); took > time.Second {
			t.Errorf("PERSISTED after %v", took)
		}
		p.mustSend(endOfFragment()) // again
	}
	p.end()
	if rest := p.rest(); len(rest) != 0 || p.failed != nil {
		t.Errorf("after the end: %v, %v", rest, p.failed)
	}
}

func TestALaterFragmentWaitsForTheEarlierOneThatIsOpen(t *testing.T) {
	for name, tc := range map[string]struct {
		end  func(r *rig, p *put, clock *atomic.Int64)
		acks []string // of the earlier fragment
	}{
		"until it is whole": {
			func(_ *rig, p *put, _ *atomic.Int64) { p.mustSend(endOfFragment()) },
			[]string{"RECEIVED 1", "PERSISTED 1"},
		},
		"until its connection breaks": {
			func(r *rig, p *put, _ *atomic.Int64) {
				if err := p.breakOff(); err != nil {
					r.t.Fatal(err)
				}
			},
			[]string{"ERROR 1 4000 STREAM_READ_ERROR"},
		},
		"until it has made no progress for ten seconds": {
			func(_ *rig, _ *put, clock *atomic.Int64) { clock.Add(int64(10 * time.Second)) },
			[]string{"ERROR 1 5000 INTERNAL_ERROR"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var ahead atomic.Int64
			r := start(t, func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }, nil)
			r.create("cam", 24)
			g := r.get("cam", earliest())
			lower, higher := r.put("cam", nil), r.put("cam", nil)
			first := cluster(1, block(1, 0, "lower"))
			lower.mustSend(slices.Concat(header(1), first))
			one := lower.want("BUFFERING 1")
			higher.mustSend(slices.Concat(header(1), cluster(2, block(1, 0, "higher")), endOfFragment()))
			two := higher.want("BUFFERING 2", "RECEIVED 2", "PERSISTED 2")
			if one.FragmentNumber >= two.FragmentNumber {
				t.Errorf("%s is not below %s", one.FragmentNumber, two.FragmentNumber)
			}
			if n := g.until(first); n != one.FragmentNumber {
				t.Errorf("the reader is at %s", n)
			}
			tc.end(r, lower, &ahead)
			if last := lower.want(tc.acks...); last.FragmentNumber != one.FragmentNumber {
				t.Errorf("%s is of %s", last, last.FragmentNumber)
			}
			if d := g.must(); d.tags["AWS_KINESISVIDEO_CONTINUATION_TOKEN"] != one.FragmentNumber || d.blocks != 0 {
				t.Errorf("the first document ends with %v and %d blocks", d.tags, d.blocks)
			}
			if d := g.must(); d.number() != two.FragmentNumber {
				t.Errorf("then comes %s", d.number())
			}
		})
	}
}

// TestReadersSeeEveryFragmentOnceInOrder lets eight sessions at a time overlap
// on one stream, some of which break off in mid-fragment, restarts the server
// in the midst of them, and follows the stream with a reader that keeps its
// connections and with readers that break theirs at random bytes (I3, I4).
func TestReadersSeeEveryFragmentOnceInOrder(t *testing.T) {
	const (
		sessions = 8
		restarts = 3
	)
	seed := newSeed(t)
	r := start(t, nil, func(c *config.Server) { c.ReaderIdleTimeout = 0 })
	r.create("cam", 24)
	l := newLedger("cam")
	followers := []*follower{{stream: "cam"}, {stream: "cam", rand: newRand(seed)}, {stream: "cam", rand: newRand(seed + 1)}}
	var last atomic.Value // the mark of the last fragment, once it is known
	last.Store("")
	isLast := func(d document) bool { m := markIn(d.cluster); return m != "" && m == last.Load() }
	for phase := range restarts + 1 {
		reading := follow(r, followers, isLast)
		goal := 0
		if phase < restarts {
			goal = l.persistedSoFar() + 20 + newRand(seed+uint64(phase)).IntN(40)
		}
		produce(r, l, sessions, seed+100*uint64(phase), goal)
		if phase == restarts {
			if err := l.last(r, func(mark string) { last.Store(mark) }); err != nil {
				t.Fatal(err)
			}
		}
		if err := reading(); phase == restarts && err != nil {
			t.Fatal(err)
		}
		if phase < restarts {
			l.restarted()
			r.open()
		}
	}
	for i, f := range followers {
		seen := l.checkAll(f.docs, false)
		t.Logf("reader %d: %d fragments, %d whole, %d connections", i, len(f.docs), len(seen), f.calls)
	}
	kept := &follower{stream: "cam"}
	if err := kept.run(r, isLast); err != nil {
		t.Fatal(err)
	}
	l.checkAll(kept.docs, true)
	if err := l.err(); err != nil {
		t.Errorf("%s=%d: %v", seedVariable, seed, err)
	}
	if n := l.turns(kept.docs); n < 20 {
		t.Errorf("sessions took turns %d times only: they do not overlap", n)
	}
}

// produce runs sessions, each call after call. With a goal, it closes the
// server in their midst when so many fragments are PERSISTED, and returns when
// all have noticed; else each makes a few calls.
func produce(r *rig, l *ledger, sessions int, seed uint64, goal int) {
	var g errgroup.Group
	for i := range sessions {
		rnd := newRand(seed + uint64(i))
		g.Go(func() error {
			for n := 0; goal > 0 || n < 4; n++ {
				breakOff := rnd.IntN(4) == 0
				if err := l.call(r, rnd, 1+rnd.IntN(6), breakOff); err != nil && !breakOff {
					return err
				}
			}
			return nil
		})
	}
	if goal == 0 {
		if err := g.Wait(); err != nil {
			l.fault("%v", err)
		}
		return
	}
	l.waitPersisted(goal, nil)
	l.closing.Store(true)
	if err := r.s.Close(); err != nil {
		l.fault("close: %v", err)
	}
	_ = g.Wait() // the server has gone
}

// follow lets followers read. What it returns waits for them, and returns why
// one had to stop.
func follow(r *rig, followers []*follower, last func(document) bool) (wait func() error) {
	var g errgroup.Group
	for _, f := range followers {
		g.Go(func() error { return f.run(r, last) })
	}
	return g.Wait
}
