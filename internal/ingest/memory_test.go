package ingest_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/ingest"
	"github.com/millrace/millrace/internal/tail"
)

func TestAFragmentThatWaitsForMemoryIsSentAgain(t *testing.T) {
	inBubble(t, nil, 1<<20, func(r *rig) {
		r.store.instant = true
		large, others := r.serve(nil), []*call{}
		large.send(header(1), cluster(5, block(1, 0, strings.Repeat("x", 600<<10))))
		for i := range 4 {
			c := r.serve(func(p *ingest.Params) { p.Stream.Key = key(uint64(10 + i)) })
			c.send(header(1), cluster(5, block(1, 0, strings.Repeat("y", 200<<10))))
			others = append(others, c)
		}
		large.ended()
		got := large.conn.look()
		if want := "ERROR 5 5000 INTERNAL_ERROR"; got[len(got)-2] != want {
			t.Errorf("written %q", got)
		}
		for i, c := range others {
			c.running()
			c.finish()
			c.ended()
			if c.err != nil {
				t.Errorf("session %d: %v", i, c.err)
			}
		}
		if n := r.tail.Memory(); n != 0 {
			t.Errorf("%d bytes are left", n)
		}
	})
}

func TestMemoryIsTakenWhileALargeFrameComes(t *testing.T) {
	inBubble(t, nil, 64<<20, func(r *rig) {
		c := r.serve(nil)
		frame := block(1, 0, strings.Repeat("x", 20<<20))
		c.send(header(1), cluster(5), frame[:10<<20])
		if n := r.tail.Memory(); n < 5<<20 || n > 11<<20 {
			t.Errorf("%d bytes count of 10 MiB", n)
		}
		c.send(frame[10<<20:])
		c.finish()
		r.store.answer(1, nil)
		c.ended()
		c.want("200", "BUFFERING 5", "RECEIVED 5", "PERSISTED 5", "end")
		if n := r.tail.Memory(); n != 0 {
			t.Errorf("%d bytes are left", n)
		}
	})
}

// Nothing may be lost of other streams because one keeps its media in memory.
func TestStreamsWithoutRetentionGiveWay(t *testing.T) {
	inBubble(t, nil, 4<<20, func(r *rig) {
		r.store.instant = true
		live := r.serve(func(p *ingest.Params) { p.Retention = func() time.Duration { return 0 } })
		kept := r.serve(func(p *ingest.Params) { p.Stream.Key = key(8) })
		live.send(header(1))
		kept.send(header(1))
		began := time.Now()
		for i := range 100 {
			live.send(cluster(uint64(i), block(1, 0, strings.Repeat("x", 200<<10))), endOfFragment())
			kept.send(cluster(uint64(i), block(1, 0, strings.Repeat("x", 200<<10))), endOfFragment())
		}
		live.running()
		kept.running()
		if d := time.Since(began); d > time.Second {
			t.Errorf("writers waited for %v", d)
		}
		for _, c := range []*call{live, kept} {
			c.finish()
			c.ended()
			if c.err != nil {
				t.Error(c.err)
			}
		}
		if n := r.tail.Memory(); n > 4<<20 {
			t.Errorf("%d bytes", n)
		}
	})
}

func TestASessionEndsWhereNoNumberCanBeGiven(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &rig{t: t, store: &committer{instant: true}, tail: tail.New(tail.Config{Numbers: noNumbers{}, Now: time.Now})}
		r.sessions = ingest.New(ingest.Config{Store: r.store, Tail: r.tail})
		c := r.serve(nil)
		c.send(header(1), small(5))
		c.ended()
		c.want("200", "ERROR 5000 INTERNAL_ERROR", "end")
	})
}

// noNumbers is a Numberer that cannot take a further epoch.
type noNumbers struct{}

func (noNumbers) Next(millrace.StreamKey) (millrace.FragmentNumber, error) {
	return millrace.FragmentNumber{}, errors.New("no epoch")
}

func (noNumbers) Floor(millrace.StreamKey) millrace.FragmentNumber { return millrace.FragmentNumber{} }
