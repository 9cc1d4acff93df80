package ingest_test

import (
	"bytes"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

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

// Some clients read the socket only when their source gives nothing, which may
// be after a quarter of an hour.
func TestAClientThatSendsAndReadsItsAcksMuchLaterGetsThem(t *testing.T) {
	inBubble(t, nil, 0, func(r *rig) {
		r.store.instant = true
		c := r.serve(nil)
		c.conn.stall()
		c.send(header(1))
		const fragments = 900
		for i := range fragments {
			c.send(small(uint64(i)))
			time.Sleep(time.Second)
		}
		c.send(endOfFragment())
		c.running()
		c.conn.resume()
		time.Sleep(10 * time.Second)
		synctest.Wait()
		next := 0
		for _, text := range c.conn.look() {
			if rest, ok := strings.CutPrefix(text, "PERSISTED "); ok {
				if rest != fmt.Sprint(next) {
					t.Fatalf("%s, want %d", text, next)
				}
				next++
			}
		}
		if next != fragments {
			t.Errorf("%d fragments were acknowledged, want %d", next, fragments)
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
		for i := range 5000 {
			c.send(small(uint64(i)))
			time.Sleep(time.Second / 2)
		}
		c.ended()
		c.want("200") // nothing more, and no end
		if c.err == nil {
			t.Error("no error")
		}
		if n := len(r.store.stored); n < 3800 || n > 4200 {
			t.Errorf("%d fragments were taken of a client that reads nothing, within %v", n, time.Since(began))
		}
	})
}

// Who neither reads nor completes a fragment is not waited for.
func TestAClientThatTricklesAndReadsNoAcksIsCutOff(t *testing.T) {
	inBubble(t, nil, 0, func(r *rig) {
		c := r.serve(nil)
		c.conn.stall()
		c.send(header(1), small(0))
		for range int(writeTimeout/time.Second) + 5 {
			c.send([]byte{0xec, 0x80}) // a Void of no bytes
			time.Sleep(time.Second)
		}
		c.ended()
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
		began := time.Now()
		c.ended()
		if d := time.Since(began); d > writeTimeout+10*time.Second { // in which as many have come as may wait
			t.Errorf("ended after %v", d)
		}
		if n := len(r.store.stored); n > 4200 {
			t.Errorf("%d fragments were taken of a client that reads nothing", n)
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
