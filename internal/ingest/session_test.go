package ingest_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/ingest"
	"github.com/millrace/millrace/internal/tail"
)

func TestAcksComeInTheOrderOfAFragmentsLife(t *testing.T) {
	inBubble(t, nil, 0, func(r *rig) {
		c := r.serve(nil)
		c.want("200")
		c.send(header(1), small(5))
		c.want("BUFFERING 5")
		c.send(small(6))
		c.want("RECEIVED 5", "BUFFERING 6")
		c.send(small(7), endOfFragment())
		c.want("RECEIVED 6", "BUFFERING 7", "RECEIVED 7")
		r.store.answer(2, nil)
		c.want("PERSISTED 5", "PERSISTED 6")
		c.finish()
		c.want() // the session waits for the store
		r.store.answer(1, nil)
		c.ended()
		c.want("PERSISTED 7", "end")
		if c.err != nil {
			t.Errorf("err = %v", c.err)
		}
	})
}

func TestTheInterimAnswerComesBeforeTheHead(t *testing.T) {
	inBubble(t, nil, 0, func(r *rig) {
		c := r.serve(func(p *ingest.Params) { p.Expect = true })
		began := time.Now()
		c.want("100", "200")
		if d := c.conn.headAt.Sub(began); d < 10*time.Millisecond || d > 20*time.Millisecond {
			t.Errorf("the head came %v behind the interim answer", d)
		}
		c.finish()
		c.ended()
		c.want("end")
	})
}

func TestAClientThatWantsNoAcksIsToldOfErrorsAlone(t *testing.T) {
	inBubble(t, nil, 0, func(r *rig) {
		r.store.instant = true
		c := r.serve(func(p *ingest.Params) { p.Quiet = true })
		c.send(header(1), small(5), small(6))
		time.Sleep(20 * time.Second) // no IDLE either
		c.want("200")
		c.send(cluster(7, block(9, 0, "of no track")))
		c.ended()
		c.want("ERROR 7 4010 TRACK_NUMBER_MISMATCH", "end")
	})
}

func TestZeroRetentionIsNeverPersisted(t *testing.T) {
	for _, ack := range []bool{false, true} {
		inBubble(t, func(c *ingest.Config) { c.AckWithoutStore = ack }, 0, func(r *rig) {
			c := r.serve(func(p *ingest.Params) { p.Retention = func() time.Duration { return 0 } })
			c.send(header(1), small(5), endOfFragment())
			if ack {
				c.want("200", "BUFFERING 5", "RECEIVED 5", "PERSISTED 5")
			} else {
				c.want("200", "BUFFERING 5", "RECEIVED 5")
			}
			c.finish()
			c.ended()
			if len(r.store.stored) != 0 {
				t.Error("it went to the store")
			}
		})
	}
}

func TestErrorsAreTheLastWord(t *testing.T) {
	bad := block(9, 0, "of no track")
	for name, tc := range map[string]struct {
		body []byte
		want []string // behind the head; the store answers at the end of the body
	}{
		"of the open fragment, behind PERSISTED of those before": {
			cat(header(1), small(5), small(6), cluster(7, bad)),
			[]string{"BUFFERING 5", "RECEIVED 5", "BUFFERING 6", "RECEIVED 6", "BUFFERING 7", "PERSISTED 5", "PERSISTED 6", "ERROR 7 4010 TRACK_NUMBER_MISMATCH"},
		},
		"of no fragment before the first one": {
			cat(header(1, 2, 3, 4)), []string{"ERROR 4012 MORE_THAN_ALLOWED_TRACKS_FOUND"},
		},
		"of no fragment between two": {
			cat(header(1), small(5), endOfFragment(), []byte{0, 0}),
			[]string{"BUFFERING 5", "RECEIVED 5", "PERSISTED 5", "ERROR 4006 INVALID_MKV_DATA"},
		},
		"of a fragment that was faulty from its timecode on, at its end": {
			cat(header(1), small(5), small(4), small(6)),
			[]string{"BUFFERING 5", "RECEIVED 5", "PERSISTED 5", "ERROR 4 4004 FRAGMENT_TIMECODE_LESSER_THAN_PREVIOUS"},
		},
		"of a fragment that got too long, at its end": {
			cat(header(1), small(5), cluster(6, block(1, 0, "x"), block(1, 21_000, "y"), block(1, 21_001, "z")), small(7)),
			[]string{"BUFFERING 5", "RECEIVED 5", "BUFFERING 6", "PERSISTED 5", "ERROR 6 4002 MAX_FRAGMENT_DURATION_REACHED"},
		},
		"a second header does not undo the fragment before it": {
			cat(header(1), small(5), header(1), small(6)),
			[]string{"BUFFERING 5", "RECEIVED 5", "PERSISTED 5", "ERROR 4006 INVALID_MKV_DATA"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, nil, 0, func(r *rig) {
				c := r.serve(nil)
				c.send(tc.body)
				r.store.answer(len(r.store.waiting), nil)
				c.ended()
				c.want(append(append([]string{"200"}, tc.want...), "end")...)
			})
		})
	}
}

func cat(parts ...[]byte) []byte { return []byte(joined(parts)) }

func joined(parts [][]byte) string {
	var b strings.Builder
	for _, p := range parts {
		b.Write(p)
	}
	return b.String()
}

func TestABrokenBodyKeepsWhatIsComplete(t *testing.T) {
	inBubble(t, nil, 0, func(r *rig) {
		c := r.serve(nil)
		c.send(header(1), small(5), small(6), small(7)[:9])
		c.breakOff()
		r.store.answer(2, nil)
		c.ended()
		c.want("200", "BUFFERING 5", "RECEIVED 5", "BUFFERING 6", "RECEIVED 6", "BUFFERING 7", "PERSISTED 5", "PERSISTED 6", "ERROR 7 4000 STREAM_READ_ERROR", "end")
		if n := len(r.store.stored); n != 2 {
			t.Errorf("%d fragments stored", n)
		}
	})
}

func TestNothingIsPersistedBehindAFailedCommit(t *testing.T) {
	inBubble(t, nil, 0, func(r *rig) {
		c := r.serve(nil)
		c.send(header(1), small(5), small(6), small(7), small(8))
		c.want("200", "BUFFERING 5", "RECEIVED 5", "BUFFERING 6", "RECEIVED 6", "BUFFERING 7", "RECEIVED 7", "BUFFERING 8")
		r.store.answer(1, nil)
		r.store.answer(1, errors.New("disk full"))
		r.store.answer(1, nil)
		c.ended()
		c.want("PERSISTED 5", "ERROR 6 5001 ARCHIVAL_ERROR", "end")
		if n := len(r.store.stored); n != 3 {
			t.Errorf("%d fragments stored", n)
		}
	})
}

func TestAStoreThatRefusesEndsTheSession(t *testing.T) {
	inBubble(t, nil, 0, func(r *rig) {
		r.store.refuse = errors.New("closed")
		c := r.serve(nil)
		c.send(header(1), small(5), small(6))
		c.ended()
		c.want("200", "BUFFERING 5", "RECEIVED 5", "ERROR 5 5001 ARCHIVAL_ERROR", "end")
	})
}

func TestAFailedCommitAtTheEndOfTheBodyIsTold(t *testing.T) {
	inBubble(t, nil, 0, func(r *rig) {
		c := r.serve(nil)
		c.send(header(1), small(5))
		c.finish()
		r.store.answer(1, errors.New("disk full"))
		c.ended()
		c.want("200", "BUFFERING 5", "RECEIVED 5", "ERROR 5 5001 ARCHIVAL_ERROR", "end")
	})
}

// A skip code would make the client throw away what the store has lost.
func TestAFailedCommitOverrulesAFaultOfTheClient(t *testing.T) {
	inBubble(t, nil, 0, func(r *rig) {
		c := r.serve(nil)
		c.send(header(1), small(5), []byte("\x1f\x43\xb6\x75\xff\x00\x00"))
		r.store.answer(1, errors.New("disk full"))
		c.ended()
		c.want("200", "BUFFERING 5", "RECEIVED 5", "ERROR 5 5001 ARCHIVAL_ERROR", "end")
	})
}

func TestAStoreThatNeverAnswersEndsTheSessionAfterAMinute(t *testing.T) {
	inBubble(t, nil, 0, func(r *rig) {
		c := r.serve(nil)
		c.send(header(1), small(5))
		c.finish()
		c.want("200", "BUFFERING 5", "RECEIVED 5")
		time.Sleep(50 * time.Second)
		c.running()
		c.ended()
		c.want("ERROR 5 5001 ARCHIVAL_ERROR", "end")
		r.store.answer(1, nil) // too late
		c.want()
	})
}

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

func TestAcksAreGivenInGroupsOfFive(t *testing.T) {
	inBubble(t, nil, 0, func(r *rig) {
		c := r.serve(nil)
		body := [][]byte{header(1)}
		for i := range 12 {
			body = append(body, small(uint64(i)))
		}
		c.send(append(body, endOfFragment())...)
		time.Sleep(time.Second)
		c.conn.look()
		r.store.answer(12, nil)
		time.Sleep(time.Second)
		synctest.Wait()
		groups := map[time.Time]int{}
		for _, at := range c.conn.times {
			groups[at]++
		}
		if len(c.conn.times) != 12 || len(groups) < 3 {
			t.Errorf("12 acks were %d, in %d groups", len(c.conn.times), len(groups))
		}
		for _, n := range groups {
			if n > 5 {
				t.Errorf("%d acks at once", n)
			}
		}
		c.finish()
		c.ended()
	})
}

// The queue drops what is dispensable, so that the rest fits into a bound.
func TestAClientThatReadsNoAcksForAWhileLosesTheDispensable(t *testing.T) {
	inBubble(t, nil, 0, func(r *rig) {
		r.store.instant = true
		c := r.serve(nil)
		c.conn.stall()
		c.send(header(1))
		for i := range 1000 {
			c.send(small(uint64(i)))
		}
		c.send(endOfFragment())
		c.running()
		c.conn.resume()
		time.Sleep(10 * time.Second)
		synctest.Wait()
		count := map[string]int{}
		next := 0
		for _, text := range c.conn.look() {
			word, rest, _ := strings.Cut(text, " ")
			count[word]++
			if word == "PERSISTED" {
				if rest != fmt.Sprint(next) {
					t.Fatalf("%s, want %d", text, next)
				}
				next++
			}
		}
		if next != 1000 || count["BUFFERING"]+count["RECEIVED"] > 300 {
			t.Errorf("%v", count)
		}
		c.finish()
		c.ended()
	})
}

func TestAClientThatNeverReadsAcksIsCutOff(t *testing.T) {
	inBubble(t, nil, 0, func(r *rig) {
		r.store.instant = true
		c := r.serve(nil)
		c.conn.stall()
		began := time.Now()
		c.send(header(1))
		for i := 0; time.Since(began) < time.Minute; i++ {
			c.send(small(uint64(i)))
			time.Sleep(time.Second / 2)
		}
		c.ended()
		c.want("200") // nothing more, and no end
		if c.err == nil {
			t.Error("no error")
		}
	})
}

func TestAClientThatSendsFastAndNeverReadsAcksIsCutOff(t *testing.T) {
	inBubble(t, nil, 0, func(r *rig) {
		r.store.instant = true
		c := r.serve(nil)
		c.conn.stall()
		c.send(header(1))
		for i := range 5000 {
			c.send(small(uint64(i)))
		}
		if n := len(r.store.stored); n > 4200 {
			t.Errorf("%d fragments were taken of a client that reads nothing", n)
		}
		began := time.Now()
		c.ended()
		if d := time.Since(began); d > writeTimeout+time.Second {
			t.Errorf("ended after %v", d)
		}
	})
}

// It reads as fast as acks are written, and they are paced.
func TestABurstOfFragmentsIsNotTooMuch(t *testing.T) {
	inBubble(t, nil, 0, func(r *rig) {
		r.store.instant = true
		c := r.serve(nil)
		c.send(header(1))
		const fragments = 10_000
		for i := range fragments / 100 {
			c.send(bytes.Repeat(small(uint64(i)), 100))
		}
		c.finish()
		c.ended()
		persisted := 0
		for _, text := range c.conn.look() {
			if strings.HasPrefix(text, "PERSISTED") {
				persisted++
			}
		}
		if persisted != fragments || c.err != nil {
			t.Errorf("%d fragments are PERSISTED of %d: %v", persisted, fragments, c.err)
		}
	})
}

// A client may close its connection behind its last fragment.
func TestWhatAClientSentBeforeItWentAwayIsKept(t *testing.T) {
	inBubble(t, nil, 0, func(r *rig) {
		r.store.instant = true
		c := r.serve(nil)
		c.conn.breakWrites(syscall.EPIPE)
		c.send(header(1), small(5), small(6)) // the ack of 5 finds nobody
		c.send(small(7))
		c.breakOff()
		c.ended()
		if n := len(r.store.stored); n != 2 {
			t.Errorf("%d fragments stored, want the complete ones, 5 and 6", n)
		}
	})
}

func TestAClientThatIsGoneAndGoesOnSendingIsCutOff(t *testing.T) {
	inBubble(t, nil, 0, func(r *rig) {
		r.store.instant = true
		c := r.serve(nil)
		c.conn.breakWrites(syscall.EPIPE)
		c.send(header(1))
		began := time.Now()
		for i := range 60 {
			c.send(small(uint64(i)))
			time.Sleep(time.Second)
		}
		c.ended()
		if n := len(r.store.stored); time.Since(began) < time.Minute || n > 10 {
			t.Errorf("%d fragments stored", n)
		}
	})
}

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
