package ingest_test

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/ingest"
	"github.com/millrace/millrace/internal/limit"
)

// TestASessionThatIsPacedIsNeitherIdleNorRefused: it carries one fragment a
// second for longer than a session may be silent, and a second's bytes for each.
func TestASessionThatIsPacedIsNeitherIdleNorRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		pace      limit.Pace
		fragments int
		size      int
		want      time.Duration
	}{
		"fragments": {limit.Pace{Fragments: 1}, 61, 10, time.Minute},
		"bytes":     {limit.Pace{Bytes: 100_000}, 61, 100_000, time.Minute},
		"nothing":   {limit.Pace{}, 61, 100_000, 0},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(c *ingest.Config) { c.Pace = tc.pace }, 0, func(r *rig) {
				r.store.instant = true
				c := r.serve(nil)
				began := time.Now()
				c.conn.body <- header(1)
				for i := range tc.fragments {
					c.conn.body <- cluster(uint64(i), block(1, 0, strings.Repeat("f", tc.size)))
				}
				c.conn.ending = io.EOF
				close(c.conn.body)
				c.ended()
				took := time.Since(began)
				if c.err != nil || took < tc.want-2*time.Second || took > tc.want+2*time.Second {
					t.Errorf("took %v, want %v: %v", took, tc.want, c.err)
				}
				written := c.conn.look()
				if last := fmt.Sprint("PERSISTED ", tc.fragments-1); !slices.Contains(written, last) {
					t.Errorf("no %s in %q", last, written)
				}
			})
		})
	}
}

// TestASessionThatIsPacedEndsWhenItIsTold does not wait for an hour's worth.
func TestASessionThatIsPacedEndsWhenItIsTold(t *testing.T) {
	for name, pace := range map[string]limit.Pace{"fragments": {Fragments: 1}, "bytes": {Bytes: 1}} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(c *ingest.Config) { c.Pace, c.MaxAge = pace, 10*time.Second }, 0, func(r *rig) {
				r.store.instant = true
				c := r.serve(nil)
				began := time.Now()
				c.send(header(1))
				for i := range 3600 {
					c.conn.body <- small(uint64(i))
				}
				c.ended()
				if took := time.Since(began); took > 12*time.Second || millrace.CodeOf(c.err) != millrace.CodeConnectionAge {
					t.Errorf("after %v: %v", took, c.err)
				}
			})
		})
	}
}

func TestAPlaceIsTakenOnceAndGivenBackOnce(t *testing.T) {
	m := ingest.New(ingest.Config{SessionsPerStream: 2, RefuseNew: true})
	take := func(id uint64) *ingest.Place {
		p, err := m.Admit(key(id))
		if err != nil {
			t.Helper()
			t.Fatal(err)
		}
		return p
	}
	full := func() {
		t.Helper()
		if _, err := m.Admit(key(1)); millrace.CodeOf(err) != millrace.CodeConnectionLimit {
			t.Errorf("a third place: %v", err)
		}
	}
	first := take(1)
	take(1)
	full()
	take(2) // of another stream
	first.Leave()
	first.Leave() // as the call does behind its session
	take(1)
	full()
}

func TestWhereTheNewestIsNeverRefusedNobodyCounts(t *testing.T) {
	m := ingest.New(ingest.Config{SessionsPerStream: 1})
	for range 100 {
		p, err := m.Admit(key(1))
		if err != nil {
			t.Fatal(err)
		}
		p.Leave()
		p.Leave()
	}
}
