package ingest_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace/internal/ingest"
)

func TestIdleAcksEveryFiveSecondsUpToTheIdleClose(t *testing.T) {
	inBubble(t, nil, 0, func(r *rig) {
		c := r.serve(nil)
		c.send(header(1), small(5))
		c.want("200", "BUFFERING 5")
		began := time.Now()
		for range 5 {
			time.Sleep(5*time.Second + 100*time.Millisecond)
			c.want("IDLE")
		}
		c.running()
		c.ended()
		c.want("end")
		if d := time.Since(began); d < 30*time.Second || d > 33*time.Second {
			t.Errorf("closed after %v", d)
		}
		if len(r.store.stored) != 0 {
			t.Error("the open fragment was stored")
		}
	})
}

func TestIdleAcksOftenWhereSessionsMayBeSilentForLong(t *testing.T) {
	for _, limit := range []time.Duration{0, 10 * time.Minute} {
		inBubble(t, func(c *ingest.Config) { c.IdleTimeout = limit }, 0, func(r *rig) {
			c := r.serve(nil)
			time.Sleep(60 * time.Second)
			synctest.Wait()
			// libcurl wants 30 bytes a second, and an IDLE has 21.
			if n := len(c.conn.look()) - 1; n < 118 || n > 120 {
				t.Errorf("%d IDLEs in a minute", n)
			}
			c.finish()
			c.ended()
		})
	}
}

func TestMediaKeepsIdleAcksAway(t *testing.T) {
	inBubble(t, nil, 0, func(r *rig) {
		c := r.serve(nil)
		c.send(header(1), small(5))
		for i := range 100 {
			time.Sleep(4 * time.Second)
			c.send(block(1, int16(i), "y"))
		}
		c.want("200", "BUFFERING 5")
		c.finish()
		r.store.answer(1, nil)
		c.ended()
	})
}

func TestAByteAMinuteIsSilence(t *testing.T) {
	inBubble(t, nil, 0, func(r *rig) {
		c := r.serve(nil)
		began := time.Now()
		go func() {
			for _, b := range header(1) {
				select {
				case <-time.After(time.Minute):
					c.conn.body <- []byte{b}
				case <-c.done:
					return
				}
			}
		}()
		c.ended()
		if d := time.Since(began); d > 33*time.Second {
			t.Errorf("held for %v", d)
		}
	})
}

func TestASessionEndsAtItsGreatestAge(t *testing.T) {
	inBubble(t, func(c *ingest.Config) { c.MaxAge = 43 * time.Second }, 0, func(r *rig) {
		r.store.instant = true
		c := r.serve(nil)
		c.send(header(1), small(5), small(6))
		time.Sleep(20 * time.Second)
		c.send(block(1, 1, "y"))
		time.Sleep(22 * time.Second)
		c.conn.look()
		c.running()
		time.Sleep(1100 * time.Millisecond)
		c.ended()
		c.want("ERROR 6 4003 MAX_CONNECTION_DURATION_REACHED", "end")
	})
}

func TestTheIdlestSessionMakesRoomForTheNewest(t *testing.T) {
	inBubble(t, func(c *ingest.Config) { c.SessionsPerStream = 3; c.IdleTimeout = 0 }, 0, func(r *rig) {
		r.store.instant = true
		var calls []*call
		for range 3 {
			calls = append(calls, r.serve(func(p *ingest.Params) { p.Quiet = true }))
			time.Sleep(time.Second)
		}
		calls[0].send(header(1), small(5)) // so that the second is the idlest
		calls = append(calls, r.serve(nil))
		calls[1].ended()
		calls[1].want("200", "ERROR 4003 MAX_CONNECTION_DURATION_REACHED", "end")
		for _, i := range []int{0, 2, 3} {
			calls[i].running()
		}
		other := r.serve(func(p *ingest.Params) { p.Stream.Key = key(8) })
		other.running() // another stream's sessions do not count
		for _, c := range append(calls, other) {
			if c != calls[1] {
				c.finish()
				c.ended()
			}
		}
		if n := r.sessions.Count(); n != 0 {
			t.Errorf("%d sessions are left", n)
		}
	})
}
