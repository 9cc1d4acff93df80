package producer

import (
	"bytes"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace"
)

func TestAStuckStreamLeavesMemoryToOthers(t *testing.T) {
	for name, tc := range map[string]struct {
		policy FullPolicy
		stuck  int64 // bytes that a stream that is stuck may hold in the end
	}{
		"it takes what nobody else asks for":     {FullDropOldest, 4 << 20},
		"it takes no more than half in addition": {FullWait, 2<<20 + slabSize},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := &Client{Memory: 4 << 20}
				var all [4]*bench
				for i := range all {
					all[i] = newBench(t, c, StreamConfig{Buffer: BufferRules{OnFull: tc.policy}})
				}
				stuck := all[0]
				filled := make(chan struct{})
				go func() { // with FullWait it comes to a halt
					defer close(filled)
					for range 100 {
						if stuck.begin(60_000) != nil {
							return
						}
					}
				}()
				synctest.Wait()
				for range 30 {
					for _, b := range all[1:] {
						for range 4 {
							b.must(b.begin(60_000))
						}
						b.drain()
					}
				}
				for _, b := range all[1:] {
					b.tell()
					if len(b.dropped) > 0 {
						t.Errorf("a stream that is well dropped %q", say(b.dropped))
					}
				}
				if held := c.pool.holds(&stuck.s.buffer.share); held > tc.stuck {
					t.Errorf("the stuck stream holds %d bytes", held)
				}
				if c.pool.held > c.pool.limit {
					t.Errorf("%d bytes are held", c.pool.held)
				}
				stuck.s.mu.Lock()
				stuck.s.closing = true
				stuck.s.wake()
				stuck.s.mu.Unlock()
				<-filled
				for _, b := range all {
					b.close()
				}
				if c.pool.held != 0 || len(c.pool.shares) != 0 {
					t.Errorf("%d bytes of %d streams are held in the end", c.pool.held, len(c.pool.shares))
				}
			})
		})
	}
}

func TestAHogIsMadeToGiveMemoryBack(t *testing.T) {
	c := &Client{Memory: 2 << 20}
	hog := newBench(t, c, StreamConfig{})
	for range 33 {
		hog.must(hog.begin(60_000))
	}
	other := newBench(t, c, StreamConfig{})
	for range 15 {
		other.must(other.begin(60_000))
	}
	other.tell()
	hog.tell()
	if len(other.dropped) > 0 || len(hog.dropped) == 0 {
		t.Errorf("dropped are %q of the hog, and %q of the other", say(hog.dropped), say(other.dropped))
	}
	if c.pool.held > c.pool.limit {
		t.Errorf("%d bytes are held", c.pool.held)
	}
	if got := hog.stats(); got.Dropped+got.Pending != got.Begun {
		t.Errorf("stats %+v", got)
	}
	other.close()
	hog.close()
	if n := len(c.pool.free); n > spare {
		t.Errorf("%d slabs lie ready that nobody needs", n)
	}
}

func TestAWriterWaitsForMemoryOfOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &Client{Memory: 1 << 20}
		a := newBench(t, c, StreamConfig{Mode: Offline})
		b := newBench(t, c, StreamConfig{Mode: Offline})
		third := newBench(t, c, StreamConfig{Mode: Offline})
		for range 5 {
			a.must(a.begin(60_000))
		}
		b.must(b.begin(60_000))
		b.must(b.begin(60_000))
		written := make(chan struct{})
		go func() {
			defer close(written)
			a.must(a.begin(100_000)) // above its share, and above half of all
		}()
		synctest.Wait()
		select {
		case <-written:
			t.Error("it was written above the bound")
		default:
		}
		b.s.end()
		b.drain()
		<-written
		a.close()
		b.close()
		third.close()
	})
}

func TestMemoryThatIsWrittenFromIsNotReused(t *testing.T) {
	b := newBench(t, &Client{}, StreamConfig{})
	b.must(b.begin(1000))
	f := b.next(nil)
	b.s.mu.Lock()
	b.s.pin(f)
	batch, _ := f.take(&cursor{}, nil, 1<<20)
	want := bytes.Join(batch, nil)
	b.s.mu.Unlock()
	b.settle(f, persisted)
	for range 200 {
		b.must(b.begin(1000))
		b.drain()
	}
	if got := bytes.Join(batch, nil); !bytes.Equal(got, want) {
		t.Error("the bytes have changed")
	}
	b.s.mu.Lock()
	b.s.unpin(f)
	b.s.mu.Unlock()
	b.close()
	if held := b.s.buffer.pool.held; held != 0 {
		t.Errorf("%d bytes are held in the end", held)
	}
}

func TestWhatIsInHandIsNotDroppedAsLongAsItGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, &Client{}, StreamConfig{Buffer: BufferRules{MaxBytes: 500}})
		b.must(b.begin(177))
		b.must(b.begin(177))
		b.s.mu.Lock()
		b.s.sentTo(b.s.queue.first, cursor{at: 100}, 100, time.Now())
		b.s.mu.Unlock()
		b.must(b.begin(177))
		b.want("[1 3]")
		time.Sleep(stallTime)
		b.must(b.begin(177))
		b.want("[3 4]")
		b.close()
	})
}

func TestStreamsOfOneClientMayBeWrittenAtOnce(t *testing.T) {
	c := &Client{Memory: 2 << 20}
	var all sync.WaitGroup
	var benches []*bench
	for range 8 {
		b := newBench(t, c, StreamConfig{Buffer: BufferRules{MaxBytes: 1 << 20}})
		benches = append(benches, b)
		done := make(chan struct{})
		all.Go(func() {
			defer close(done)
			for range 300 {
				if b.begin(30_000) != nil || b.add(20_000) != nil {
					t.Error("not written")
				}
			}
		})
		all.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
					b.sendOne()
				}
			}
		})
	}
	all.Wait()
	for _, b := range benches {
		b.close()
		if got := b.stats(); got.Begun != got.Persisted+got.Dropped+got.Pending {
			t.Errorf("stats %+v", got)
		}
	}
	if c.pool.held != 0 {
		t.Errorf("%d bytes are held in the end", c.pool.held)
	}
}

// sendOne takes the oldest fragment as a connection does, and confirms it.
func (b *bench) sendOne() {
	f := b.next(nil)
	if f == nil {
		return
	}
	b.s.mu.Lock()
	b.s.pin(f)
	var c cursor
	batch, n := f.take(&c, nil, 1<<20)
	open := f.open()
	b.s.mu.Unlock()
	for _, p := range batch {
		_ = bytes.Count(p, []byte{0})
	}
	b.s.mu.Lock()
	defer b.s.mu.Unlock()
	b.s.sentTo(f, c, int64(n), time.Now())
	b.s.unpin(f)
	if !open {
		b.s.settle(f, persisted, 0)
	}
}

func TestAStreamThatEndsUnderItsWriterRefusesFrames(t *testing.T) {
	for name, rules := range map[string]BufferRules{"in memory": {}, "with a spool": {Spool: true}} {
		t.Run(name, func(t *testing.T) {
			for range 40 {
				c := &Client{Memory: 1 << 20, Spool: t.TempDir()}
				b := newBench(t, c, StreamConfig{Buffer: rules})
				b.must(b.begin(10))
				refused, running := make(chan error), make(chan struct{})
				go func() {
					err := b.frame(1000, false)
					close(running)
					for err == nil {
						err = b.frame(1000, false)
					}
					refused <- err
				}()
				<-running
				b.s.mu.Lock()
				b.s.fail(millrace.ErrClosed) // as when the stream is deleted
				b.s.mu.Unlock()
				close(b.over)
				b.told.Wait()
				if err := b.s.closeSpool(); err != nil {
					t.Error(err)
				}
				b.s.mu.Lock()
				b.s.closeBuffer()
				b.s.mu.Unlock()
				if err := <-refused; !errors.Is(err, millrace.ErrClosed) && !errors.Is(err, ErrClosed) {
					t.Errorf("error %v", err)
				}
				if c.pool.held != 0 {
					t.Errorf("%d bytes are held in the end", c.pool.held)
				}
			}
		})
	}
}
