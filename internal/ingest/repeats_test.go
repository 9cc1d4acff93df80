package ingest_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/ingest"
)

// producer makes a call one of a producer with an identity.
func producer(p *ingest.Params) { p.Producer = millrace.ProducerID{9} }

// numbers are those of what is stored, by sequence.
func (c *committer) numbers() map[uint64][]millrace.FragmentNumber {
	c.mu.Lock()
	defer c.mu.Unlock()
	m := map[uint64][]millrace.FragmentNumber{}
	for _, f := range c.stored {
		m[f.Sequence] = append(m[f.Sequence], f.Number)
	}
	return m
}

// kept fails the test unless the store was given so many fragments.
func (r *rig) kept(n int) {
	r.t.Helper()
	r.store.mu.Lock()
	defer r.store.mu.Unlock()
	if len(r.store.stored) != n {
		r.t.Fatalf("%d fragments are stored, want %d", len(r.store.stored), n)
	}
}

func TestARepeatIsAcknowledgedAndNotKept(t *testing.T) {
	inBubble(t, nil, 0, func(r *rig) {
		r.store.instant = true
		c := r.serve(producer)
		c.send(header(1), identified(1000, 1, 7), identified(2000, 1, 8), endOfFragment())
		c.want("200", "BUFFERING 1000", "RECEIVED 1000", "PERSISTED 1000", "BUFFERING 2000", "RECEIVED 2000", "PERSISTED 2000")
		first := c.conn.numbers
		repeats := 0
		again := r.serve(func(p *ingest.Params) { producer(p); p.Events.Repeated = func() { repeats++ } })
		again.conn.numbers = first // BUFFERING must not give another
		again.send(header(1), identified(1000, 1, 7), identified(2000, 1, 8, block(1, 0, "c"), block(1, 9, "d")), identified(3000, 1, 9), endOfFragment())
		again.want("200", "BUFFERING 1000", "RECEIVED 1000", "PERSISTED 1000", "BUFFERING 2000", "RECEIVED 2000", "PERSISTED 2000",
			"BUFFERING 3000", "RECEIVED 3000", "PERSISTED 3000")
		r.kept(3)
		stored := r.store.numbers()
		for sequence, timecode := range map[uint64]uint64{7: 1000, 8: 2000} {
			if got := again.conn.numbers[timecode]; got != stored[sequence][0] {
				t.Errorf("fragment %d is acknowledged as %v and stored as %v", sequence, got, stored[sequence])
			}
		}
		if repeats != 2 {
			t.Errorf("%d repeats were told of", repeats)
		}
		last := r.store.stored[2]
		if last.Producer != (millrace.ProducerID{9}) || last.Session != (millrace.SessionID{1}) || last.Sequence != 9 {
			t.Errorf("stored as %v %v %d", last.Producer, last.Session, last.Sequence)
		}
	})
}

func TestOtherIdentitiesAreOtherFragments(t *testing.T) {
	inBubble(t, nil, 0, func(r *rig) {
		r.store.instant = true
		send := func(change func(*ingest.Params), fragment []byte) {
			t.Helper()
			c := r.serve(func(p *ingest.Params) { producer(p); change(p) })
			c.send(header(1), fragment, endOfFragment())
			c.want("200", "BUFFERING 1000", "RECEIVED 1000", "PERSISTED 1000")
			c.finish()
		}
		same := func(*ingest.Params) {}
		send(same, identified(1000, 1, 7))
		send(same, identified(1000, 1, 8))
		send(same, identified(1000, 2, 7))
		send(func(p *ingest.Params) { p.Producer[1]++ }, identified(1000, 1, 7))
		send(func(p *ingest.Params) { p.Stream.Key.ID++ }, identified(1000, 1, 7))
		send(func(p *ingest.Params) { p.Stream.Key.Generation++ }, identified(1000, 1, 7))
		send(same, small(1000))
		send(same, small(1000))
		send(func(p *ingest.Params) { p.Producer = millrace.ProducerID{} }, identified(1000, 1, 7))
		r.kept(9)
		send(same, identified(1000, 1, 7))
		send(same, identified(1000, 2, 7))
		r.kept(9)
		if f := r.store.stored[6]; f.Producer != (millrace.ProducerID{}) || f.Session != (millrace.SessionID{}) {
			t.Errorf("a fragment without identity is stored as %v's", f.Producer)
		}
	})
}

// S1: PERSISTED of a repeat waits for the fragments before it, S2: and is not
// sent if one of them is lost.
func TestARepeatIsPersistedBehindWhatWasBeforeIt(t *testing.T) {
	for name, tc := range map[string]struct {
		err  error
		want []string
	}{
		"which become durable": {nil, []string{"PERSISTED 999", "PERSISTED 1000", "PERSISTED 2000"}},
		"which are lost":       {errors.New("no disk"), []string{"ERROR 999 5001 ARCHIVAL_ERROR", "end"}},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, nil, 0, func(r *rig) {
				first := r.serve(producer)
				first.send(header(1), identified(1000, 1, 7), identified(2000, 1, 8), endOfFragment())
				r.store.answer(2, nil)
				first.finish()
				c := r.serve(producer)
				c.send(header(1), identified(999, 1, 6), endOfFragment())
				r.store.answer(1, nil)
				c.want("200", "BUFFERING 999", "RECEIVED 999", "PERSISTED 999")
				c.send(identified(999, 1, 5), identified(1000, 1, 7), identified(2000, 1, 8), endOfFragment())
				c.want("BUFFERING 999", "RECEIVED 999", "BUFFERING 1000", "RECEIVED 1000", "BUFFERING 2000", "RECEIVED 2000")
				r.store.answer(1, tc.err)
				c.want(tc.want...)
			})
		})
	}
}

func TestANewerSessionTakesAFragmentOver(t *testing.T) {
	inBubble(t, nil, 0, func(r *rig) {
		r.store.instant = true
		old := r.serve(producer)
		old.send(header(1), identified(500, 1, 6), endOfFragment(), identified(1000, 1, 7)[:60])
		old.want("200", "BUFFERING 500", "RECEIVED 500", "PERSISTED 500", "BUFFERING 1000")
		fresh := r.serve(producer)
		fresh.send(header(1), identified(1000, 1, 7), endOfFragment())
		fresh.want("200", "BUFFERING 1000", "RECEIVED 1000", "PERSISTED 1000")
		old.ended()
		old.want("ERROR 1000 5000 INTERNAL_ERROR", "end")
		r.kept(2)
	})
}

func TestAnOlderSessionWaitsForANewerOne(t *testing.T) {
	inBubble(t, nil, 0, func(r *rig) {
		r.store.instant = true
		old := r.serve(producer)
		fresh := r.serve(producer)
		whole := identified(1000, 1, 7)
		fresh.send(header(1), whole[:60])
		old.send(header(1), whole, endOfFragment())
		old.want("200")
		fresh.want("200", "BUFFERING 1000")
		fresh.send(whole[60:], endOfFragment())
		fresh.want("RECEIVED 1000", "PERSISTED 1000")
		old.want("BUFFERING 1000", "RECEIVED 1000", "PERSISTED 1000")
		r.kept(1)
	})
}

func TestASessionWaitsForTheStoresAnswerToAnother(t *testing.T) {
	for name, tc := range map[string]struct {
		err  error
		kept int
	}{"which has it": {nil, 1}, "which has lost it": {errors.New("no disk"), 2}} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, nil, 0, func(r *rig) {
				old := r.serve(producer)
				old.send(header(1), identified(1000, 1, 7), endOfFragment())
				old.want("200", "BUFFERING 1000", "RECEIVED 1000")
				fresh := r.serve(producer)
				fresh.send(header(1), identified(1000, 1, 7), endOfFragment())
				fresh.want("200")
				old.running()
				r.store.answer(1, tc.err)
				if tc.err != nil {
					fresh.want("BUFFERING 1000", "RECEIVED 1000")
					r.store.answer(1, nil)
					fresh.want("PERSISTED 1000")
				} else {
					fresh.want("BUFFERING 1000", "RECEIVED 1000", "PERSISTED 1000")
				}
				r.kept(tc.kept)
			})
		})
	}
}

func TestASessionDoesNotWaitForAnotherForEver(t *testing.T) {
	inBubble(t, nil, 0, func(r *rig) {
		old := r.serve(producer)
		old.send(header(1), identified(1000, 1, 7), endOfFragment())
		fresh := r.serve(producer)
		began := time.Now()
		fresh.send(header(1), identified(1000, 1, 7), endOfFragment())
		fresh.ended()
		if took := time.Since(began); took != 10*time.Second {
			t.Errorf("it waited for %v", took)
		}
		fresh.want("200", "ERROR 5000 INTERNAL_ERROR", "end")
		r.store.answer(1, nil)
		old.want("200", "BUFFERING 1000", "RECEIVED 1000", "IDLE", "IDLE", "PERSISTED 1000")
		r.kept(1)
	})
}

func TestTheSameFragmentTwiceInOneSessionIsKeptOnce(t *testing.T) {
	inBubble(t, nil, 0, func(r *rig) {
		c := r.serve(producer)
		c.send(header(1), identified(1000, 1, 7), identified(1000, 1, 7), identified(2000, 1, 8), endOfFragment())
		c.want("200", "BUFFERING 1000", "RECEIVED 1000")
		r.store.answer(1, nil)
		c.want("PERSISTED 1000", "BUFFERING 1000", "RECEIVED 1000", "PERSISTED 1000", "BUFFERING 2000", "RECEIVED 2000")
		r.store.answer(1, nil)
		c.want("PERSISTED 2000")
		r.kept(2)
	})
}

func TestAFragmentThatWasNotFinishedIsNoRepeat(t *testing.T) {
	damaged := identified(1000, 1, 7)
	damaged[len(damaged)-50]++
	for name, first := range map[string]func(c *call){
		"its connection broke": func(c *call) { c.send(header(1), identified(1000, 1, 7)[:60]); c.breakOff() },
		"its bytes changed":    func(c *call) { c.send(header(1), damaged, endOfFragment()) },
		"it had a fault":       func(c *call) { c.send(header(1), identified(1000, 1, 7, block(2, 0, "x")), endOfFragment()) },
		"it spanned too long": func(c *call) {
			c.send(header(1), identified(1000, 1, 7, block(1, 0, "x"), block(1, 30000, "y")), endOfFragment())
		},
		"the server ended its session": func(c *call) {
			c.send(header(1), identified(1000, 1, 7)[:60])
			c.conn.Interrupt()
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(c *ingest.Config) { c.KeepPartial = true }, 0, func(r *rig) {
				r.store.instant = true
				c := r.serve(producer)
				first(c)
				c.ended()
				r.kept(0)
				again := r.serve(producer)
				again.send(header(1), identified(1000, 1, 7), endOfFragment())
				again.want("200", "BUFFERING 1000", "RECEIVED 1000", "PERSISTED 1000")
				r.kept(1)
			})
		})
	}
}

func TestDamageOnTheWayIsSentAgain(t *testing.T) {
	for name, change := range map[string]func(b []byte) []byte{
		"in a frame":            func(b []byte) []byte { b[len(b)-43]++; return b },
		"in its timecode":       func(b []byte) []byte { b[8]--; return b },
		"in a track number":     func(b []byte) []byte { b[len(b)-47]++; return b },
		"in the digest":         func(b []byte) []byte { b[len(b)-1]++; return b },
		"in the digest's magic": func(b []byte) []byte { b[len(b)-38]++; return b },
		"in the identity":       func(b []byte) []byte { b[len(b)-50]++; return b },
		"in an element's id":    func(b []byte) []byte { b[len(b)-49] = 0; return b },
		"the end is missing":    func(b []byte) []byte { return b[:len(b)-42] },
		"bytes behind the end":  func(b []byte) []byte { return append(b, void(nil)...) },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, nil, 0, func(r *rig) {
				r.store.instant = true
				c := r.serve(producer)
				c.send(header(1), identified(1000, 1, 7), change(identified(1000, 1, 8)), identified(2000, 1, 9), endOfFragment())
				c.ended()
				got := c.conn.look()
				if want := "ERROR 1000 5000 INTERNAL_ERROR"; !slices.ContainsFunc(got, func(s string) bool { return s[:min(len(s), 5)] == "ERROR" && s[len(s)-19:] == want[len(want)-19:] }) {
					t.Errorf("written %q", got)
				}
				r.kept(1)
			})
		})
	}
}

func TestNothingIsAskedOfTheStoreForWhatIsLive(t *testing.T) {
	inBubble(t, nil, 0, func(r *rig) {
		r.store.instant = true
		c := r.serve(producer)
		c.send(header(1))
		for i := range uint64(100) {
			c.send(identified(1000*i, 1, i), endOfFragment())
		}
		if r.store.asked != 1 {
			t.Errorf("asked %d times for 100 fragments", r.store.asked)
		}
		c.send(identified(99_000, 1, 99), endOfFragment())
		if r.store.asked != 2 || r.store.outlined != 1 {
			t.Errorf("asked %d times, outlined %d, for one repeat", r.store.asked, r.store.outlined)
		}
		r.kept(100)
	})
}

// Fragments of one time are a producer's to make, each with as large a table as
// there may be: what it costs to send one more does not grow with these.
func TestOfManyFragmentsOfOneTimeOnlyTheOneThatIsMeantIsReadOn(t *testing.T) {
	inBubble(t, nil, 0, func(r *rig) {
		r.store.instant = true
		c := r.serve(producer)
		c.send(header(1))
		for i := range uint64(50) {
			c.send(identified(1000, 1, i), endOfFragment())
		}
		if r.store.outlined != 0 {
			t.Errorf("outlined %d times for what is new", r.store.outlined)
		}
		c.send(identified(1000, 1, 49), endOfFragment())
		if r.store.outlined != 1 {
			t.Errorf("outlined %d times for one repeat", r.store.outlined)
		}
		r.kept(50)
	})
}

func TestASessionEndsWhereTheStoreCannotSayWhatItHas(t *testing.T) {
	inBubble(t, nil, 0, func(r *rig) {
		r.store.broken = errors.New("no disk")
		c := r.serve(producer)
		c.send(header(1), identified(1000, 1, 7), endOfFragment())
		c.ended()
		c.want("200", "ERROR 5001 ARCHIVAL_ERROR", "end")
		r.kept(0)
	})
}

func TestADamagedFragmentIsKeptOnceMore(t *testing.T) {
	for name, tc := range map[string]struct {
		err  error
		want string
		kept int
	}{
		"it is damaged":         {millrace.ErrCorrupt, "PERSISTED 1000", 2},
		"it has just gone":      {millrace.ErrNotFound, "PERSISTED 1000", 2},
		"it cannot be read now": {errors.New("no disk"), "ERROR 5001 ARCHIVAL_ERROR", 1},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, nil, 0, func(r *rig) {
				r.store.instant = true
				for range 2 {
					c := r.serve(producer)
					c.send(header(1), identified(1000, 1, 7), endOfFragment())
					time.Sleep(time.Second)
					synctest.Wait()
					r.store.damaged = tc.err
					if got := c.conn.look(); r.store.outlined > 0 && !slices.Contains(got, tc.want) {
						t.Errorf("written %q, want %q", got, tc.want)
					}
					c.finish()
				}
				r.kept(tc.kept)
			})
		})
	}
}

func TestStreamsOfZeroRetentionRememberForAWhile(t *testing.T) {
	for name, say := range map[string]bool{"and say nothing": false, "and say so": true} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(c *ingest.Config) { c.AckWithoutStore = say }, 0, func(r *rig) {
				var number millrace.FragmentNumber
				for i := range 2 {
					c := r.serve(func(p *ingest.Params) { producer(p); p.Retention = func() time.Duration { return 0 } })
					c.send(header(1), identified(1000, 1, 7), endOfFragment())
					want := []string{"200", "BUFFERING 1000", "RECEIVED 1000"}
					if say {
						want = append(want, "PERSISTED 1000")
					}
					c.want(want...)
					if i == 1 && c.conn.numbers[1000] != number {
						t.Error("another number")
					}
					number = c.conn.numbers[1000]
					c.finish()
				}
				if r.store.asked != 0 {
					t.Error("the store was asked")
				}
				// Where there is a store now, it has to keep what comes again.
				r.store.instant = true
				c := r.serve(producer)
				c.send(header(1), identified(1000, 1, 7), endOfFragment())
				c.want("200", "BUFFERING 1000", "RECEIVED 1000", "PERSISTED 1000")
				r.kept(1)
			})
		})
	}
}

func TestClientsThatWantNoAcknowledgementsGetNoneForRepeats(t *testing.T) {
	inBubble(t, nil, 0, func(r *rig) {
		r.store.instant = true
		c := r.serve(func(p *ingest.Params) { producer(p); p.Quiet = true })
		c.send(header(1), identified(1000, 1, 7), identified(1000, 1, 7), endOfFragment())
		c.finish()
		c.want("200", "end")
		r.kept(1)
	})
}

// I11: while the store answers nothing, repeats that wait for an answer before
// theirs are bounded.
func TestRepeatsThatWaitAreBounded(t *testing.T) {
	inBubble(t, func(c *ingest.Config) { c.FragmentRate, c.FragmentBurst = 1e6, 1e6 }, 0, func(r *rig) {
		first := r.serve(producer)
		first.send(header(1), identified(1000, 1, 7), endOfFragment())
		r.store.answer(1, nil)
		c := r.serve(producer)
		c.send(header(1), identified(1000, 1, 8))
		for range 6000 {
			c.send(identified(1000, 1, 7))
		}
		c.send(endOfFragment())
		if n := len(c.conn.body); n < 1000 {
			t.Errorf("all but %d repeats were read while nothing was answered", n)
		}
		r.store.answer(1, nil)
		time.Sleep(time.Minute)
		synctest.Wait()
		if n := len(c.conn.body); n != 0 {
			t.Errorf("%d pieces are not read", n)
		}
		count := 0
		for _, s := range c.conn.look() {
			if s == "PERSISTED 1000" || s == "PERSISTED 1000 with another number" {
				count++
			}
		}
		if count != 6001 {
			t.Errorf("%d PERSISTED", count)
		}
		r.kept(2)
	})
}

func TestWhatIsRememberedOfManyIdentitiesIsBounded(t *testing.T) {
	inBubble(t, func(c *ingest.Config) { c.FragmentRate, c.FragmentBurst = 1e9, 1e9 }, 0, func(r *rig) {
		c := r.serve(func(p *ingest.Params) { producer(p); p.Quiet = true; p.Retention = func() time.Duration { return 0 } })
		c.send(header(1))
		for i := range uint64(70) {
			var body [][]byte
			for j := range uint64(1000) {
				body = append(body, identified(i, 1, i*1000+j))
			}
			c.send(body...)
		}
		c.send(endOfFragment())
		if n := ingest.Remembered(r.sessions); n != 1<<16 {
			t.Errorf("%d identities are remembered", n)
		}
		c.finish()
		c.ended()
		if n := ingest.Claimed(r.sessions); n != 0 {
			t.Errorf("%d claims are left", n)
		}
	})
}

// Whatever happens to sessions, what they had claimed is given back.
func TestClaimsAreGivenBack(t *testing.T) {
	inBubble(t, nil, 0, func(r *rig) {
		for i := range byte(20) {
			c := r.serve(producer)
			switch whole := identified(1000, i, 7); i % 5 {
			case 0:
				c.send(header(1), whole[:60])
				c.breakOff()
			case 1:
				r.store.refuse = errors.New("full")
				c.send(header(1), whole, endOfFragment())
				r.store.refuse = nil
			case 2:
				c.send(header(1), whole, endOfFragment())
				c.breakOff()
				r.store.answer(1, nil)
			case 3:
				r.store.broken = errors.New("no disk")
				c.send(header(1), whole)
				r.store.broken = nil
			case 4:
				c.send(header(1), whole[:60])
				r.tail.Delete(key(7))
			}
			c.conn.Interrupt()
			c.ended()
		}
		if err := r.sessions.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		if n := ingest.Claimed(r.sessions); n != 0 {
			t.Error(fmt.Sprint(n, " claims are left"))
		}
	})
}

// Fragments that begin at the same time, as those of cameras do that do not know
// what time it is, are looked at one by one, up to a bound.
func TestFragmentsOfTheSameTimeAreToldApart(t *testing.T) {
	inBubble(t, func(c *ingest.Config) { c.FragmentRate, c.FragmentBurst = 1e6, 1e6 }, 0, func(r *rig) {
		r.store.instant = true
		send := func(from, to uint64) {
			c := r.serve(func(p *ingest.Params) { producer(p); p.Quiet = true })
			c.send(header(1))
			for n := from; n < to; n++ {
				c.send(identified(1000, 1, n))
			}
			c.send(endOfFragment())
			c.finish()
			c.ended()
		}
		send(0, 256)
		r.kept(256)
		send(0, 256)
		r.kept(256)
		send(256, 300)
		r.kept(300)
		asked := r.store.asked
		send(299, 300) // is not among the first 256
		r.kept(301)
		if n := r.store.asked - asked; n != 256/8 {
			t.Errorf("asked %d times for one fragment", n)
		}
	})
}

func TestWhatHasExpiredIsKeptAnew(t *testing.T) {
	inBubble(t, func(c *ingest.Config) {
		c.Since = func(retention time.Duration) time.Time { return time.Now().Add(-retention) }
	}, 0, func(r *rig) {
		r.store.instant = true
		for i, kept := range []int{1, 1, 2} {
			c := r.serve(producer)
			c.send(header(1), identified(1000, 1, 7), endOfFragment())
			c.want("200", "BUFFERING 1000", "RECEIVED 1000", "PERSISTED 1000")
			c.finish()
			r.kept(kept)
			if i == 1 {
				time.Sleep(time.Hour)
			}
		}
	})
}
