package producer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace"
)

// A bench is a stream whose other end is the test: what would be sent is taken
// by hand.
type bench struct {
	t       testing.TB
	s       *Stream
	now     time.Duration // media time
	dropped []Dropped
	hearing sync.Mutex // guards notices
	notices []error
	over    chan struct{}
	failed  bool // the disk has, so that it may say so at the end
	told    sync.WaitGroup
}

// newBench opens a stream without a network. The client may be shared.
func newBench(t testing.TB, c *Client, o StreamConfig, name ...millrace.StreamName) *bench {
	t.Helper()
	if c.pool == nil {
		c.pool = newPool(max(c.Memory, 1<<20))
	}
	if o.Buffer.MaxBytes <= 0 {
		o.Buffer.MaxBytes = DefaultBuffer
	}
	b := &bench{t: t, over: make(chan struct{}), now: time.Hour}
	o.Events.Dropped = func(d Dropped) { b.dropped = append(b.dropped, d) }
	o.Events.Notice = func(err error) {
		b.hearing.Lock()
		defer b.hearing.Unlock()
		b.notices = append(b.notices, err)
	}
	b.s = &Stream{name: append(name, "Gate")[0], config: o}
	b.s.changed = sync.NewCond(&b.s.mu)
	var err error
	if b.s.packager, err = newPackager(b.s, nil); err != nil {
		t.Fatal(err)
	}
	if err := b.s.newBuffer(c); err != nil {
		t.Fatal(err)
	}
	b.s.setHeader([]byte("header"))
	if b.s.spooling.disk != nil {
		b.told.Go(func() { b.s.keepJournal(b.over) })
	}
	return b
}

// noticed is what was told so far. A disk that fails may be told of at any time.
func (b *bench) noticed() []error {
	b.tell()
	b.hearing.Lock()
	defer b.hearing.Unlock()
	return slices.Clone(b.notices)
}

// close ends the stream in good order.
func (b *bench) close() {
	b.t.Helper()
	b.s.mu.Lock()
	b.s.endLocked()
	b.s.closing = true
	b.s.discardHeld()
	b.s.mu.Unlock()
	close(b.over)
	b.told.Wait()
	if err := b.s.closeSpool(); err != nil && !b.failed {
		b.t.Error(err)
	}
	b.s.mu.Lock()
	b.s.closeBuffer()
	b.s.mu.Unlock()
	b.tell()
}

// tell waits until the events were told that wait.
func (b *bench) tell() {
	b.s.mu.Lock()
	defer b.s.mu.Unlock()
	for b.s.telling {
		b.s.changed.Wait()
	}
}

// begin begins a fragment with a frame of n bytes, a second after the frame before.
func (b *bench) begin(n int) error {
	b.now += time.Second
	head := fragmentHead{timecode: uint64(b.now.Milliseconds()), first: b.now, cluster: spoolHead(uint64(b.now.Milliseconds()))}
	if err := b.s.begin(b.t.Context(), head); err != nil {
		return err
	}
	return b.frame(n, true)
}

// add adds a frame, a second after the one before.
func (b *bench) add(n int) error {
	b.now += time.Second
	return b.frame(n, false)
}

func (b *bench) frame(n int, key bool) error {
	return b.s.appendFrame(b.t.Context(), frameInfo{b.now, key}, []byte("<"), pattern(n, b.now))
}

// pattern is n bytes that tell where they belong.
func pattern(n int, at time.Duration) []byte {
	return bytes.Repeat([]byte{byte(at/time.Second) | 0x80}, n)
}

func (b *bench) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

// read returns a fragment's bytes, from memory or from the disk.
func (b *bench) read(f *fragment) ([]byte, error) {
	var c cursor
	defer c.close()
	b.s.mu.Lock()
	batch, _ := f.take(&c, nil, int(f.size))
	all := bytes.Join(batch, nil)
	inMemory := f.body != nil
	b.s.mu.Unlock()
	if inMemory {
		return all, nil
	}
	buf := make([]byte, 700)
	for {
		n, err := b.s.readSpooled(b.t.Context(), f, &c, buf)
		all = append(all, buf[:n]...)
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return all, err
		}
	}
}

// next is what a lane would send now; nil if nothing may be sent.
func (b *bench) next(f *fragment) *fragment {
	b.s.mu.Lock()
	defer b.s.mu.Unlock()
	f, _ = b.s.nextDue(f, time.Now())
	return f
}

// send has a connection take all of f.
func (b *bench) send(f *fragment) {
	b.s.mu.Lock()
	defer b.s.mu.Unlock()
	b.s.sentTo(f, cursor{at: f.size}, f.size, time.Now())
	b.s.evict(f)
}

func (b *bench) settle(f *fragment, o outcome) {
	b.s.mu.Lock()
	defer b.s.mu.Unlock()
	b.s.settle(f, o, millrace.CodeFragmentSize)
}

// kept is the fragments in the queue, by the second of their first frames.
func (b *bench) kept() (list []int) {
	b.s.mu.Lock()
	defer b.s.mu.Unlock()
	for f := b.s.queue.first; f != nil; f = f.next {
		list = append(list, int((f.first-time.Hour)/time.Second))
	}
	return list
}

func (b *bench) want(kept string) {
	b.t.Helper()
	if got := fmt.Sprint(b.kept()); got != kept {
		b.t.Errorf("kept are %s, want %s", got, kept)
	}
}

func (b *bench) stats() (stats Stats) {
	b.s.mu.Lock()
	defer b.s.mu.Unlock()
	stats = b.s.stats
	b.s.measure(&stats)
	return stats
}

func TestFullBuffers(t *testing.T) {
	for name, tc := range map[string]struct {
		policy  FullPolicy
		mode    Mode
		kept    string
		dropped string
		err     error
	}{
		"the oldest goes":                       {policy: FullDropOldest, kept: "[2 3 4 5]", dropped: "[1: 1 fragments, 1 frames, 201 bytes from 1 to 1]"},
		"in real time the oldest goes":          {kept: "[2 3 4 5]", dropped: "[1: 1 fragments, 1 frames, 201 bytes from 1 to 1]"},
		"the newest goes, with what follows it": {policy: FullDropNewest, kept: "[1 2 3 4]", dropped: "[1: 1 fragments, 2 frames, 302 bytes from 5 to 6]"},
		"an error is returned":                  {policy: FullFail, kept: "[1 2 3 4]", err: ErrBufferFull},
		"a writer waits until its context ends": {policy: FullWait, kept: "[1 2 3 4]", err: context.DeadlineExceeded},
		"offline a writer waits as well":        {mode: Offline, kept: "[1 2 3 4]", err: context.DeadlineExceeded},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, &Client{}, StreamConfig{Mode: tc.mode, Buffer: BufferRules{MaxBytes: 950, OnFull: tc.policy}})
				for range 4 {
					b.must(b.begin(200 - spoolHeadSize))
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				b.now += time.Second
				err := b.s.begin(ctx, fragmentHead{first: b.now, cluster: spoolHead(0)})
				if err == nil {
					err = b.s.appendFrame(ctx, frameInfo{b.now, true}, nil, make([]byte, 151))
				}
				if err == nil {
					err = b.add(150)
				}
				if !errors.Is(err, tc.err) {
					t.Errorf("error %v, want %v", err, tc.err)
				}
				b.s.end()
				b.want(tc.kept)
				b.close()
				if got := fmt.Sprint(say(b.dropped)); tc.dropped != "" && got != tc.dropped {
					t.Errorf("dropped are %s", got)
				}
			})
		})
	}
}

// say writes reports as text.
func say(list []Dropped) (all []string) {
	second := func(t time.Time) int64 { return t.Unix() - 3600 }
	for _, d := range list {
		all = append(all, fmt.Sprintf("%d: %d fragments, %d frames, %d bytes from %d to %d",
			d.Reason, d.Fragments, d.Frames, d.Bytes, second(d.From), second(d.To)))
	}
	return all
}

func TestTheRestOfAFragmentThatWasRefusedIsReported(t *testing.T) {
	b := newBench(t, &Client{}, StreamConfig{})
	b.must(b.begin(10))
	b.settle(b.next(nil), rejected)
	b.must(b.add(10))
	b.must(b.add(10))
	b.must(b.begin(10))
	b.want("[4]")
	b.close()
	if got := fmt.Sprint(say(b.dropped)); got != "[4: 1 fragments, 1 frames, 33 bytes from 1 to 1 4: 0 fragments, 2 frames, 22 bytes from 2 to 3]" {
		t.Errorf("dropped are %s", got)
	}
	for _, d := range b.dropped {
		if d.Code != millrace.CodeFragmentSize {
			t.Errorf("code %v", d.Code)
		}
	}
}

func TestAClusterOfADeclaredSizeIsNotCut(t *testing.T) {
	b := newBench(t, &Client{}, StreamConfig{Buffer: BufferRules{MaxBytes: 300, OnFull: FullDropNewest}})
	b.must(b.begin(100))
	b.now += time.Second
	b.must(b.s.begin(t.Context(), fragmentHead{first: b.now, cluster: spoolHead(0), sized: true}))
	b.must(b.frame(100, true))
	b.must(b.frame(100, false)) // too much
	b.s.end()
	b.want("[1]")
	b.close()
	if got := b.stats(); got.Dropped != 1 || got.Begun != 2 {
		t.Errorf("stats %+v", got)
	}
}

func TestBytesAreTakenFromWhereTheyStand(t *testing.T) {
	b := newBench(t, &Client{}, StreamConfig{})
	b.must(b.begin(50_000))
	f := b.next(nil)
	var c cursor
	var got []byte
	take := func() {
		b.s.mu.Lock()
		defer b.s.mu.Unlock()
		for n := -1; n != 0; {
			var batch [][]byte
			batch, n = f.take(&c, nil, 999)
			all := bytes.Join(batch, nil)
			if n != len(all) || n > 999 {
				t.Fatalf("%d bytes are said to be %d", len(all), n)
			}
			got = append(got, all...)
		}
	}
	take()
	b.must(b.add(100_000)) // over several slabs
	b.must(b.add(10))
	take()
	b.must(b.s.appendTags(t.Context(), []byte("tags"), []byte("and more")))
	end := f.size - int64(len("tagsand more"))
	take()
	want := spoolHead(uint64(f.first.Milliseconds()))
	for i, n := range []int{50_000, 100_000, 10} {
		want = append(append(want, '<'), pattern(n, f.first+time.Duration(i)*time.Second)...)
	}
	want = append(want, "tagsand more"...)
	if !bytes.Equal(got, want) || f.rest(c) || c.at != f.size {
		t.Errorf("taken are %d bytes of %d", len(got), len(want))
	}
	if f.headEnd != spoolHeadSize || f.clusterEnd != end {
		t.Errorf("head to %d, cluster to %d, want %d", f.headEnd, f.clusterEnd, end)
	}
	b.close()
}
