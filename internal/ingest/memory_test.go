package ingest_test

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/ingest"
	"github.com/millrace/millrace/internal/tail"
	"github.com/millrace/millrace/mkv"
)

func TestAFragmentThatWaitsForMemoryIsSentAgain(t *testing.T) {
	inBubble(t, nil, 2800<<10, func(r *rig) { // 2,100 KiB are for writers
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
	inBubble(t, nil, 256<<20, func(r *rig) {
		c := r.serve(nil)
		frame := block(1, 0, strings.Repeat("x", 20<<20))
		c.send(header(1), cluster(5), frame[:10<<20])
		if n := r.tail.Memory(); n < 40<<20 || n > 51<<20 {
			t.Errorf("%d bytes count for a frame of 20 MiB that is coming", n)
		}
		c.send(frame[10<<20:])
		if n := r.tail.Memory(); n < 40<<20 || n > 43<<20 {
			t.Errorf("%d bytes count for one that is there", n)
		}
		for i := range 20 { // its buffer is not needed any more
			c.send(block(1, int16(i), "y"))
		}
		if n := r.tail.Memory(); n < 20<<20 || n > 21<<20 {
			t.Errorf("%d bytes count at the end", n)
		}
		c.finish()
		r.store.answer(1, nil)
		c.ended()
		c.want("200", "BUFFERING 5", "RECEIVED 5", "PERSISTED 5", "end")
		if n := r.tail.Memory(); n != 0 {
			t.Errorf("%d bytes are left", n)
		}
	})
}

// Sessions whose large frames do not fit together take turns, instead of each
// waiting for what the others have.
func TestLargeFramesTakeTurns(t *testing.T) {
	inBubble(t, nil, 64<<20, func(r *rig) {
		r.store.instant = true
		began := time.Now()
		var calls []*call
		for i := range 10 {
			calls = append(calls, r.serve(func(p *ingest.Params) { p.Stream.Key = key(uint64(10 + i)) }))
		}
		frame := block(1, 0, strings.Repeat("x", 8<<20))
		for _, c := range calls {
			go func() { // what is not read yet waits in the connection
				c.conn.body <- bytes.Join([][]byte{header(1), cluster(5), frame[:1<<20]}, nil)
				c.conn.body <- frame[1<<20:]
				c.conn.ending = io.EOF
				close(c.conn.body)
			}()
		}
		for i, c := range calls {
			c.ended()
			if c.err != nil {
				t.Errorf("session %d: %v", i, c.err)
			}
		}
		if d := time.Since(began); d > time.Second {
			t.Errorf("it took %v", d)
		}
		if n := r.tail.Memory(); n != 0 {
			t.Errorf("%d bytes are left", n)
		}
	})
}

// Elements that are no media are kept for as long as the session lasts.
func TestAHeaderCounts(t *testing.T) {
	inBubble(t, nil, 64<<20, func(r *rig) {
		c := r.serve(nil)
		void := mkv.AppendBytes(nil, mkv.IDVoid, make([]byte, 3<<20))
		head := header(1)
		split := bytes.Index(head, []byte{0x16, 0x54, 0xae, 0x6b}) // Tracks
		c.send(head[:split], void, head[split:])
		if n := r.tail.Memory(); n < 6<<20 || n > 11<<20 {
			t.Errorf("%d bytes count", n)
		}
		c.send(small(5))
		c.finish()
		r.store.answer(1, nil)
		c.ended()
		if n := r.tail.Memory(); n != 0 {
			t.Errorf("%d bytes are left", n)
		}
	})
}

// A fragment of very many very small frames is mostly its table.
func TestATableCounts(t *testing.T) {
	inBubble(t, nil, 64<<20, func(r *rig) {
		c := r.serve(nil)
		c.send(header(1), cluster(5), bytes.Repeat(block(1, 0, ""), 100_000))
		if n := r.tail.Memory(); n < 3<<20 || n > 7<<20 {
			t.Errorf("%d bytes count", n)
		}
		c.finish()
		if n := r.tail.Memory(); n < 4<<20 {
			t.Errorf("%d bytes count while it waits for the disk", n)
		}
		r.store.answer(1, nil)
		c.ended()
		if n := r.tail.Memory(); n != 0 {
			t.Errorf("%d bytes are left", n)
		}
	})
}

// Fragments of a few bytes come as fast as the rate allows, and others as fast as
// they like.
func TestFragmentsHaveARate(t *testing.T) {
	for name, tc := range map[string]struct {
		size, count int
		least, most time.Duration
	}{
		"of a few bytes":  {20, 200, 9 * time.Second, 11 * time.Second},
		"of usual size":   {30_000, 200, 0, 0},
		"not too many":    {20, 100, 0, 0},
		"some media each": {4000, 200, 4 * time.Second, 7500 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			slowly := func(c *ingest.Config) { c.FragmentRate, c.FragmentBurst = 10, 100 }
			inBubble(t, slowly, 64<<20, func(r *rig) {
				r.store.instant = true
				c := r.serve(func(p *ingest.Params) { p.Quiet = true }) // acknowledgements have a pace of their own
				began := time.Now()
				c.send(header(1))
				var body []byte
				for i := range tc.count {
					body = slices.Concat(body, cluster(uint64(i), block(1, 0, strings.Repeat("x", tc.size))), endOfFragment())
					if len(body) > 1<<20 {
						c.send(body)
						body = nil
					}
				}
				c.send(body)
				c.finish()
				c.ended()
				if c.err != nil {
					t.Error(c.err)
				}
				if d := time.Since(began); d < tc.least || d > tc.most+time.Second {
					t.Errorf("%d fragments took %v", tc.count, d)
				}
			})
		})
	}
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
