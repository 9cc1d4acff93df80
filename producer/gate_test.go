package producer

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestAClosedGateKeepsTheLastOfIt(t *testing.T) {
	b := newBench(t, &Client{}, StreamConfig{Mode: Delayed, Delay: 4 * time.Second})
	b.s.Gate(false)
	for range 5 {
		b.gop()
	}
	b.want("[10 13]") // 15 is the newest, and 13 is too young to do alone
	if f := b.next(nil); f != nil {
		t.Error("something is sent through a closed gate")
	}
	if got := b.stats(); got.Withheld != 3 || got.Dropped != 0 || got.Begun != 5 || got.Pending != 2 {
		t.Errorf("stats %+v", got)
	}
	b.s.Gate(true)
	f := b.next(nil)
	if f == nil || f.ordinal != 4 {
		t.Fatalf("first is %+v", f)
	}
	if f = b.next(f); f == nil || f != b.s.open {
		t.Error("what is being written does not follow")
	}
	b.s.Gate(false)
	b.gop()
	if next := b.next(f); next != nil {
		t.Error("what began behind the gate is sent")
	}
	if b.next(nil) == nil {
		t.Error("what began before the gate was closed is not sent")
	}
	b.close()
	b.want("[10 13]")
	if len(b.dropped) != 0 {
		t.Errorf("dropped are %q", say(b.dropped))
	}
}

func TestAnOpenedGateBeginsWithAKeyFrame(t *testing.T) {
	b := newBench(t, &Client{}, StreamConfig{Mode: Delayed, Delay: time.Hour})
	b.s.Gate(false)
	b.now += time.Second
	b.must(b.s.begin(t.Context(), fragmentHead{first: b.now, cluster: spoolHead(0)}))
	b.must(b.frame(10, false)) // a fragment that began because the one before was too long
	b.gop()
	b.s.Gate(true)
	b.want("[2]")
	b.close()
}

func TestAGateNeedsNoRoomToGoOn(t *testing.T) {
	b := newBench(t, &Client{}, StreamConfig{Delay: time.Hour, Mode: Delayed, Buffer: BufferRules{MaxBytes: 300, OnFull: FullWait}})
	b.s.Gate(false)
	for range 10 {
		b.gop()
	}
	b.want("[16 19 22 25 28]")
	b.close()
	if len(b.dropped) != 0 {
		t.Errorf("dropped are %q", say(b.dropped))
	}
}

func TestDelayedFragmentsAreDueWhenTheyAreOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, &Client{}, StreamConfig{Mode: Delayed, Delay: 10 * time.Second})
		b.gop()
		if f := b.next(nil); f != nil {
			t.Error("it is sent at once")
		}
		b.s.mu.Lock()
		_, wait := b.s.nextDue(nil, time.Now())
		b.s.mu.Unlock()
		if wait != 10*time.Second {
			t.Errorf("to be asked again in %v", wait)
		}
		time.Sleep(wait)
		if b.next(nil) == nil {
			t.Error("it is not sent when it is due")
		}
		b.gop()
		b.s.Gate(true)
		if b.next(b.next(nil)) == nil {
			t.Error("a gate that was opened delays")
		}
		b.close()
	})
}

func TestTheModeMayChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, &Client{}, StreamConfig{Mode: Delayed, Delay: time.Hour, Buffer: BufferRules{MaxBytes: 200}})
		for range 4 {
			b.gop()
		}
		if f := b.next(nil); f != nil || b.stats().Dropped != 1 {
			t.Errorf("next is %+v, stats %+v", f, b.stats())
		}
		b.s.SetMode(Offline)
		if b.next(nil) == nil {
			t.Error("it is still delayed")
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := b.s.begin(ctx, fragmentHead{first: b.now, cluster: make([]byte, 150)}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a full buffer: %v", err)
		}
		b.close()
	})
}

func TestNobodyWaitsForWhatIsBehindAGate(t *testing.T) {
	b := newBench(t, &Client{}, StreamConfig{Mode: Delayed, Delay: time.Hour})
	b.gop()
	b.s.end()
	b.s.Gate(false)
	b.gop()
	b.gop()
	b.settle(b.next(nil), persisted)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	b.must(b.s.Flush(ctx))
	b.close()
}

func TestMediaThatAreTooOldAreDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, &Client{}, StreamConfig{Buffer: BufferRules{MaxAge: time.Minute}})
		b.gop()
		b.gop()
		time.Sleep(time.Minute + time.Second)
		b.gop()
		if f := b.next(nil); f == nil || f.ordinal != 2 {
			t.Errorf("next is %+v", f)
		}
		b.close()
		if got := say(b.dropped); len(got) != 1 || got[0] != "2: 1 fragments, 3 frames, 55 bytes from 1 to 3" {
			t.Errorf("dropped are %q", got)
		}
	})
}

// Nobody has to write, to send or to ask for that.
func TestMediaAreDroppedAsSoonAsTheyAreTooOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, &Client{}, StreamConfig{Buffer: BufferRules{MaxAge: time.Minute}})
		for range 3 {
			b.gop()
			time.Sleep(10 * time.Second)
		}
		b.s.end()
		for _, step := range []struct {
			sleep time.Duration
			kept  string
		}{{39 * time.Second, "[1 4 7]"}, {time.Second, "[4 7]"}, {9 * time.Second, "[4 7]"}, {time.Second, "[7]"}, {time.Minute, "[]"}} {
			time.Sleep(step.sleep)
			synctest.Wait()
			b.want(step.kept)
		}
		b.gop()
		b.s.end()
		b.close()
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if got := say(b.dropped); len(got) != 3 {
			t.Errorf("dropped are %q", got)
		}
	})
}

// What a connection is in the midst of stays until that is done with it.
func TestWhatIsInHandIsDroppedWhenItIsNoMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, &Client{}, StreamConfig{Buffer: BufferRules{MaxAge: time.Minute}})
		defer b.close()
		b.gop()
		b.gop()
		f := b.next(nil)
		for range 90 {
			b.s.mu.Lock()
			b.s.sentTo(f, cursor{at: 1}, 1, time.Now())
			b.s.mu.Unlock()
			time.Sleep(time.Second)
		}
		synctest.Wait()
		b.want("[1 4]")
		time.Sleep(stallTime + ageAgain)
		synctest.Wait()
		b.want("[4]")
	})
}

func TestWhatWaitedBehindAGateIsOnTheDiskWhenItIsOpen(t *testing.T) {
	b, c := newSpooling(t, StreamConfig{Mode: Delayed, Delay: 4 * time.Second})
	b.s.Gate(false)
	for range 5 {
		b.gop()
	}
	if got := b.stats(); got.Spooled != 0 {
		t.Errorf("%d bytes are on the disk", got.Spooled)
	}
	b.s.Gate(true)
	b.must(b.add(10))
	b.close()
	again := newBench(t, c, StreamConfig{Buffer: BufferRules{Spool: true}})
	again.want("[10 13]")
	for f := again.next(nil); f != nil; f = again.next(f) {
		frames := 3 + int(f.ordinal) - 1
		if got, err := again.read(f); err != nil || string(got) != string(fragmentBytes(f.first, frames, 10, nil)) || f.frames != frames {
			t.Errorf("read %x with %d frames, err = %v", got, f.frames, err)
		}
	}
	again.close()
}
