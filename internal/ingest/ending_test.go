package ingest_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/millrace/millrace"
)

func TestASlowStoreHoldsTheClientUpAndIsNoSilence(t *testing.T) {
	inBubble(t, nil, 0, func(r *rig) {
		drain := r.store.fill()
		c := r.serve(nil)
		c.send(header(1), small(5), small(6), small(7))
		c.send(small(8))
		c.want("200", "BUFFERING 5", "RECEIVED 5")
		time.Sleep(5 * time.Minute)
		c.want() // no IDLE: it is not the client that is silent
		c.running()
		r.store.instant = true
		drain()
		c.want("PERSISTED 5", "BUFFERING 6", "RECEIVED 6", "PERSISTED 6", "BUFFERING 7", "RECEIVED 7", "PERSISTED 7", "BUFFERING 8")
		c.finish()
		c.ended()
	})
}

func TestShutdownEndsSessionsInOrder(t *testing.T) {
	inBubble(t, nil, 0, func(r *rig) {
		c := r.serve(nil)
		silent := r.serve(nil)
		c.send(header(1), small(5), small(6))
		go func() {
			time.Sleep(time.Second)
			r.store.answer(1, nil)
		}()
		if err := r.sessions.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		c.ended()
		silent.ended()
		c.want("200", "BUFFERING 5", "RECEIVED 5", "BUFFERING 6", "PERSISTED 5", "ERROR 6 4003 MAX_CONNECTION_DURATION_REACHED", "end")
		silent.want("200", "ERROR 4003 MAX_CONNECTION_DURATION_REACHED", "end")
		late := r.serve(nil)
		late.ended()
		if millrace.CodeOf(late.err) != millrace.CodeUnavailable {
			t.Errorf("a session after the end: %v", late.err)
		}
	})
}

func TestShutdownDoesNotWaitForAStoreThatIsFull(t *testing.T) {
	inBubble(t, nil, 0, func(r *rig) {
		r.store.fill()
		c := r.serve(nil)
		c.send(header(1), small(5), small(6))
		began := time.Now()
		if err := r.sessions.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		c.ended()
		if d := time.Since(began); d > time.Second {
			t.Errorf("took %v", d)
		}
	})
}

// One client does not read, and of another the store does not answer.
func TestShutdownBreaksOffWhatDoesNotEnd(t *testing.T) {
	inBubble(t, nil, 0, func(r *rig) {
		deaf, waiting := r.serve(nil), r.serve(nil)
		deaf.conn.stall()
		deaf.send(header(1), small(5))
		waiting.send(header(1), small(5), small(6))
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		began := time.Now()
		if err := r.sessions.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("err = %v", err)
		}
		if d := time.Since(began); d > 11*time.Second {
			t.Errorf("took %v", d)
		}
		deaf.ended()
		waiting.ended()
		r.store.answer(1, nil) // too late
	})
}

func TestADeletedStreamEndsItsSessions(t *testing.T) {
	const deleted = " 4507 STREAM_DELETED"
	inBubble(t, nil, 0, func(r *rig) {
		middle, between, silent, waiting := r.serve(nil), r.serve(nil), r.serve(nil), r.serve(nil)
		middle.send(header(1), small(5))
		between.send(header(1), small(5), endOfFragment())
		waiting.send(header(1), small(5), small(6))
		r.tail.Delete(key(7))
		r.store.answer(2, millrace.ErrNotFound) // what is queued is refused
		for _, c := range []*call{middle, between, silent, waiting} {
			c.ended()
		}
		middle.want("200", "BUFFERING 5", "ERROR 5"+deleted, "end")
		between.want("200", "BUFFERING 5", "RECEIVED 5", "ERROR 5"+deleted, "end")
		silent.want("200", "ERROR"+deleted, "end")
		if got := waiting.conn.look(); got[len(got)-2] != "ERROR 5"+deleted {
			t.Errorf("written %q", got)
		}
	})
}

// The client does not read, so nobody but the reading side can notice.
func TestAFragmentCannotBeginOnADeletedStream(t *testing.T) {
	inBubble(t, nil, 0, func(r *rig) {
		c := r.serve(nil)
		c.conn.stall()
		c.send(header(1), small(5), endOfFragment())
		r.tail.Delete(key(7))
		c.send(small(6))
		c.conn.resume()
		r.store.answer(1, millrace.ErrNotFound)
		c.ended()
		if got := c.conn.look(); got[len(got)-2] != "ERROR 5 4507 STREAM_DELETED" {
			t.Errorf("written %q", got)
		}
	})
}

func TestALowerFragmentThatStallsIsSentAgain(t *testing.T) {
	inBubble(t, nil, 0, func(r *rig) {
		r.store.instant = true
		stalled, other := r.serve(nil), r.serve(nil)
		stalled.send(header(1), small(5))
		time.Sleep(8 * time.Second)
		stalled.send(block(1, 1, "y"))
		other.send(header(1), small(5), small(6))
		time.Sleep(9 * time.Second)
		stalled.running() // it has made progress
		stalled.ended()
		got := stalled.conn.look()
		if want := "ERROR 5 5000 INTERNAL_ERROR"; got[len(got)-2] != want {
			t.Errorf("written %q", got)
		}
		other.running()
		other.finish()
		other.ended()
		if other.err != nil {
			t.Error(other.err)
		}
	})
}
