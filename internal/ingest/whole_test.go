package ingest_test

import (
	"context"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/ingest"
	"github.com/millrace/millrace/mkv"
)

// known is a Cluster that declares its size, so that its end is seen at once.
func known(timecode uint64) []byte {
	inner := append(mkv.AppendUint(nil, mkv.IDTimecode, timecode), block(1, 0, "x")...)
	return mkv.AppendBytes(nil, mkv.IDCluster, inner)
}

func TestAWholeClusterIsKeptWhenASilentSessionEnds(t *testing.T) {
	inBubble(t, func(c *ingest.Config) { c.IdleTimeout = 30 * time.Second }, 0, func(r *rig) {
		r.store.instant = true
		c := r.serve(nil)
		c.send(header(1), known(5))
		c.want("200", "BUFFERING 5", "RECEIVED 5")
		time.Sleep(time.Minute)
		c.ended()
		if n := len(r.store.stored); n != 1 {
			t.Errorf("%d fragments are stored, want 1", n)
		}
		events := c.conn.look()
		if last := events[len(events)-1]; last != "end" || events[len(events)-2] != "PERSISTED 5" {
			t.Errorf("the answer ends with %q", events[len(events)-2:])
		}
	})
}

func TestAWholeClusterIsKeptWhenTheServerEndsTheSession(t *testing.T) {
	inBubble(t, nil, 0, func(r *rig) {
		r.store.instant = true
		c := r.serve(nil)
		c.send(header(1), known(5))
		if err := r.sessions.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		c.ended()
		c.want("200", "BUFFERING 5", "RECEIVED 5", "PERSISTED 5", "ERROR 4003 MAX_CONNECTION_DURATION_REACHED", "end")
	})
}

func TestAFragmentKeptInPartIsNeverAcknowledged(t *testing.T) {
	inBubble(t, func(c *ingest.Config) { c.KeepPartial = true }, 0, func(r *rig) {
		r.store.instant = true
		c := r.serve(nil)
		c.send(header(1), small(5))
		c.breakOff()
		c.ended()
		if n := len(r.store.stored); n != 1 {
			t.Fatalf("%d fragments are stored, want 1", n)
		}
		c.want("200", "BUFFERING 5", "ERROR 4000 STREAM_READ_ERROR", "end")
	})
}

func TestNothingIsKeptInPartOfAProducerThatSendsItAgain(t *testing.T) {
	for name, test := range map[string]func(r *rig) *call{
		"it said who it is": func(r *rig) *call {
			c := r.serve(func(p *ingest.Params) { p.Producer = millrace.ProducerID{1} })
			c.send(header(1), small(5))
			c.breakOff()
			return c
		},
		"the server broke it off": func(r *rig) *call {
			c := r.serve(nil)
			c.send(header(1), small(5))
			_ = r.sessions.Shutdown(context.Background())
			return c
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(c *ingest.Config) { c.KeepPartial = true }, 0, func(r *rig) {
				r.store.instant = true
				test(r).ended()
				if n := len(r.store.stored); n != 0 {
					t.Errorf("%d fragments are stored, want none", n)
				}
			})
		})
	}
}
