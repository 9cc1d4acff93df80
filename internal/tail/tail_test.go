package tail_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/fragment"
	"github.com/millrace/millrace/internal/memory"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/tail"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func key() millrace.StreamKey { return millrace.StreamKey{ID: 7, Generation: 1} }

// An index is a store's index in memory.
type index struct {
	mu      sync.Mutex
	entries []store.Entry
}

func (x *index) add(f *tail.Fragment, d time.Duration) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.entries = append(x.entries, store.Entry{Number: f.Number, ProducerTime: f.ProducerTime, Duration: d})
	slices.SortFunc(x.entries, func(a, b store.Entry) int { return a.Number.Compare(b.Number) })
}

func (x *index) After(_ context.Context, _ store.Scope, n millrace.FragmentNumber, limit int) ([]store.Entry, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	var out []store.Entry
	for _, e := range x.entries {
		if e.Number.Compare(n) > 0 && len(out) < limit {
			out = append(out, e)
		}
	}
	return out, nil
}

func (x *index) at(t time.Time, start func(store.Entry) time.Time) (store.Entry, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	var next, in *store.Entry
	for i := range x.entries {
		e := &x.entries[i]
		switch s := start(*e); {
		case !s.After(t) && s.Add(e.Duration).After(t):
			in = e
		case !s.Before(t) && (next == nil || s.Before(start(*next))):
			next = e
		}
	}
	switch {
	case in != nil:
		return *in, nil
	case next != nil:
		return *next, nil
	}
	return store.Entry{}, millrace.ErrNotFound
}

func (x *index) AtServerTime(_ context.Context, _ store.Scope, t time.Time) (store.Entry, error) {
	return x.at(t, store.Entry.ServerTime)
}

func (x *index) AtProducerTime(_ context.Context, _ store.Scope, t time.Time) (store.Entry, error) {
	return x.at(t, func(e store.Entry) time.Time { return e.ProducerTime })
}

func (*index) List(context.Context, store.Scope, store.Listing) ([]store.Entry, error) {
	return nil, errors.ErrUnsupported
}

func (x *index) Read(context.Context, store.Scope, store.Entry, []byte) (*millrace.Fragment, error) {
	return nil, errors.New("not read here")
}

// A rig is one stream's tail and its store.
type rig struct {
	t      *testing.T
	tail   *tail.Tail
	stream *tail.Stream
	index  *index
}

func newRig(t *testing.T, retention time.Duration, bytes int64) *rig {
	t.Helper()
	numbers := fragment.NewNumberer(1, time.Time{}, time.Now, func() (uint32, error) { return 0, errors.New("no more") })
	budget := memory.New(bytes)
	r := &rig{t: t, index: &index{}, tail: tail.New(tail.Config{Numbers: numbers, Now: time.Now, Memory: budget})}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { r.tail.Run(ctx) })
	running.Go(func() { budget.Run(ctx) })
	r.stream = r.tail.Acquire(key(), retention)
	t.Cleanup(func() { r.stream.Release(); cancel(); running.Wait() })
	return r
}

func (r *rig) open(fail func(error)) *tail.Fragment {
	r.t.Helper()
	f, err := r.stream.Open(tail.Info{ProducerTime: time.Now()}, fail)
	if err != nil {
		r.t.Fatal(err)
	}
	return f
}

func (r *rig) append(f *tail.Fragment, s string) {
	r.t.Helper()
	if err := f.Append(context.Background(), []byte(s)); err != nil {
		r.t.Fatal(err)
	}
}

// settle completes and commits a fragment.
func (r *rig) settle(f *tail.Fragment) {
	r.t.Helper()
	if !f.Complete(tail.Finish{Duration: time.Second}) {
		r.t.Errorf("%s: not completed", f.Number)
		f.Release()
		return
	}
	r.index.add(f, time.Second)
	f.Settle(nil)
	f.Release()
}

func (r *rig) cursor(sel millrace.StartSelector) *tail.Cursor {
	r.t.Helper()
	c, err := r.stream.NewCursor(context.Background(), r.index, func() store.Scope { return store.Scope{Stream: key()} }, sel)
	if err != nil {
		r.t.Fatal(err)
	}
	return c
}

// read takes the next fragment to its end: its number and its bytes, "kept" for
// one out of the store, and "!" behind those of one that failed.
func (r *rig) read(ctx context.Context, c *tail.Cursor) (millrace.FragmentNumber, string, error) {
	step, err := c.Next(ctx)
	if err != nil {
		return millrace.FragmentNumber{}, "", err
	}
	if step.Live == nil {
		return step.Kept.Number, "kept", nil
	}
	f := step.Live
	defer f.Release()
	var text strings.Builder
	v, err := f.Read(ctx, 0, tail.Complete, nil)
	for err == nil {
		for _, p := range v.Pieces {
			text.Write(p)
		}
		if v.State == tail.Failed {
			text.WriteString("!")
		}
		if v.State == tail.Settled || v.State == tail.Failed {
			return f.Number, text.String(), nil
		}
		v, err = f.Read(ctx, v.Size, v.State, v.Pieces)
	}
	return f.Number, text.String(), err
}

func TestAReaderSeesAnOpenFragmentGrow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, time.Hour, 0)
		f := r.open(nil)
		r.append(f, "one ")
		c := r.cursor(millrace.StartSelector{Type: millrace.StartNow})
		step, err := c.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		v, err := step.Live.Read(t.Context(), 0, tail.Complete, nil)
		if err != nil || string(v.Pieces[0]) != "one " || v.State != tail.Open {
			t.Fatalf("first look: %q, %v, %v", v.Pieces, v.State, err)
		}
		seen := make(chan string)
		go func() {
			v, _ := step.Live.Read(t.Context(), v.Size, v.State, nil)
			seen <- string(v.Pieces[0])
		}()
		synctest.Wait()
		r.append(f, "two")
		if got := <-seen; got != "two" {
			t.Errorf("second look: %q", got)
		}
		step.Live.Release()
		r.settle(f)
	})
}

func TestALargeFragmentIsReadWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, time.Hour, 0)
		f := r.open(nil)
		var want strings.Builder
		for i := range 3000 {
			s := fmt.Sprintf("block %d of some length;", i*i)
			want.WriteString(s)
			r.append(f, s)
		}
		c := r.cursor(millrace.StartSelector{Type: millrace.StartEarliest})
		r.settleLater(f)
		_, got, err := r.read(t.Context(), c)
		if err != nil || got != want.String() {
			t.Errorf("%d bytes of %d, %v", len(got), want.Len(), err)
		}
	})
}

// settleLater settles f once it is held by a reader.
func (r *rig) settleLater(f *tail.Fragment) {
	go func() {
		time.Sleep(time.Millisecond)
		r.settle(f)
	}()
}

func TestAReaderWaitsForTheHorizon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, time.Hour, 0)
		first, second := r.open(nil), r.open(nil)
		r.append(first, "first")
		r.append(second, "second")
		r.settle(second)
		c := r.cursor(millrace.StartSelector{Type: millrace.StartEarliest})
		got := make(chan string, 2)
		go func() {
			for range 2 {
				_, s, _ := r.read(t.Context(), c)
				got <- s
			}
		}()
		synctest.Wait()
		if len(got) != 0 {
			t.Fatalf("%q was given out before the lower fragment was settled", <-got)
		}
		r.settle(first)
		if a, b := <-got, <-got; a != "first" || (b != "second" && b != "kept") {
			t.Errorf("got %q, %q", a, b)
		}
	})
}

func TestAFailedFragmentIsPassedOver(t *testing.T) {
	r := newRig(t, time.Hour, 0)
	c := r.cursor(millrace.StartSelector{Type: millrace.StartEarliest})
	lost, kept := r.open(nil), r.open(nil)
	lost.Abort(errors.New("gone"))
	lost.Release()
	if lost.Complete(tail.Finish{}) {
		t.Error("a failed fragment was completed")
	}
	r.settle(kept)
	if n, s, err := r.read(t.Context(), c); n != kept.Number || s != "kept" || err != nil {
		t.Errorf("got %v %q %v", n, s, err)
	}
}

func TestAStalledFragmentGivesWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, time.Hour, 0)
		told := make(chan error, 1)
		slow := r.open(func(err error) { told <- err })
		time.Sleep(30 * time.Second)
		synctest.Wait()
		if len(told) != 0 {
			t.Fatal("a fragment failed that kept nobody waiting")
		}
		r.append(slow, "still here")
		next := r.open(nil)
		time.Sleep(9 * time.Second)
		r.append(slow, "x")
		r.append(next, "y")
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if err := <-told; millrace.CodeOf(err) != millrace.CodeMediaInternal {
			t.Errorf("told %v", err)
		}
		if err := slow.Append(t.Context(), []byte("late")); err == nil {
			t.Error("a failed fragment grew")
		}
		slow.Release()
		r.settle(next)
	})
}

func TestWithoutRetentionFragmentsLiveForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 0, 0)
		for i := range 3 {
			f := r.open(nil)
			r.append(f, fmt.Sprint("fragment ", i))
			if !f.Complete(tail.Finish{Duration: time.Second, Ephemeral: true}) {
				t.Fatal("not completed")
			}
			f.Release()
			time.Sleep(2 * time.Minute)
		}
		synctest.Wait()
		c := r.cursor(millrace.StartSelector{Type: millrace.StartEarliest})
		if _, s, err := r.read(t.Context(), c); s != "fragment 1" || err != nil {
			t.Errorf("the oldest is %q, %v", s, err)
		}
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if m := r.tail.Memory(); m != 0 {
			t.Errorf("%d bytes are still held", m)
		}
	})
}

func TestMemoryIsBoundedAndFreedByTheLargest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, time.Hour, 4<<20)
		big, told := (*tail.Fragment)(nil), make(chan error, 1)
		big = r.open(func(err error) { told <- err })
		r.append(big, strings.Repeat("b", 1500<<10))
		other, small := r.open(nil), r.open(nil)
		r.append(other, strings.Repeat("o", 1400<<10))
		r.append(small, "s")
		done := make(chan error)
		go func() { done <- small.Append(t.Context(), make([]byte, 200<<10)) }()
		synctest.Wait()
		select {
		case err := <-done:
			t.Fatalf("memory was not bounded: %v", err)
		default:
		}
		if err := <-told; millrace.CodeOf(err) != millrace.CodeMediaInternal {
			t.Errorf("told %v", err)
		}
		big.Abort(errClient) // as its writer does when it is told
		big.Release()
		if err := <-done; err != nil {
			t.Errorf("the small fragment did not go on: %v", err)
		}
		r.settle(other)
		r.settle(small)
	})
}

func TestADeletedStreamEndsWritersAndReaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, time.Hour, 0)
		told := make(chan error, 1)
		f := r.open(func(err error) { told <- err })
		c := r.cursor(millrace.StartSelector{Type: millrace.StartFragmentNumber, Number: f.Number})
		ended := make(chan error)
		go func() { _, err := c.Next(t.Context()); ended <- err }()
		synctest.Wait()
		r.tail.Delete(key())
		if err := <-told; millrace.CodeOf(err) != millrace.CodeStreamDeleted {
			t.Errorf("the writer was told %v", err)
		}
		if err := <-ended; !errors.Is(err, millrace.ErrClosed) {
			t.Errorf("the reader was told %v", err)
		}
		f.Release()
	})
}

func TestStartsByTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, time.Hour, 0)
		begin := time.Now()
		var numbers []millrace.FragmentNumber
		for range 3 { // at 0 s, 10 s and 20 s, one second each
			f := r.open(nil)
			numbers = append(numbers, f.Number)
			r.settle(f)
			time.Sleep(10 * time.Second)
		}
		open := r.open(nil) // at 30 s
		numbers = append(numbers, open.Number)
		time.Sleep(time.Second)
		for _, tc := range []struct {
			at   time.Duration
			want int
		}{
			{-time.Hour, 0},
			{0, 0},
			{500 * time.Millisecond, 0},
			{time.Second, 1},
			{9 * time.Second, 1},
			{20 * time.Second, 2},
			{20999 * time.Millisecond, 2},
			{21 * time.Second, 3},
			{30 * time.Second, 3},
			{30500 * time.Millisecond, 3},
		} {
			for _, clock := range []millrace.StartType{millrace.StartServerTime, millrace.StartProducerTime} {
				c := r.cursor(millrace.StartSelector{Type: clock, Time: begin.Add(tc.at)})
				step, err := c.Next(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				got := step.Kept.Number
				if step.Live != nil {
					got = step.Live.Number
					step.Live.Release()
				}
				if got != numbers[tc.want] {
					t.Errorf("%v at %v: got %v, want fragment %d", clock, tc.at, slices.Index(numbers, got), tc.want)
				}
			}
		}
		c := r.cursor(millrace.StartSelector{Type: millrace.StartServerTime, Time: begin.Add(time.Minute)})
		r.settle(open)
		time.Sleep(10 * time.Second)
		early := r.open(nil) // at 41 s
		time.Sleep(30 * time.Second)
		r.append(early, "it goes on")
		late := r.open(nil) // at 71 s
		r.settle(early)
		if n, _, err := r.readSettled(c, late); n != late.Number || err != nil {
			t.Errorf("a time in the future started at %v, want %v: %v", n, late.Number, err)
		}
	})
}

// A fragment that is open may come to contain the time that was asked for: by
// being open then, or by the length of its media.
func TestATimeToComeMayLieInAnOpenFragment(t *testing.T) {
	for name, tc := range map[string]struct {
		asked time.Duration // from the fragment's start
		end   time.Duration // likewise: when it is settled, with a second of media
		found bool
	}{
		"it lasts until then":               {20 * time.Second, 30 * time.Second, true},
		"it ends before, and its media too": {20 * time.Second, 10 * time.Second, false},
		"it ends before, and its media not": {500 * time.Millisecond, 100 * time.Millisecond, true},
	} {
		for _, clock := range []millrace.StartType{millrace.StartServerTime, millrace.StartProducerTime} {
			t.Run(fmt.Sprint(name, " ", clock), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					r := newRig(t, time.Hour, 0)
					begin := time.Now()
					first := r.open(nil)
					c := r.cursor(millrace.StartSelector{Type: clock, Time: begin.Add(tc.asked)})
					got := make(chan millrace.FragmentNumber, 1)
					go func() {
						n, _, err := r.read(t.Context(), c)
						if err != nil {
							t.Error(err)
						}
						got <- n
					}()
					for time.Since(begin) < tc.end {
						time.Sleep(100 * time.Millisecond)
						r.append(first, "frame")
						synctest.Wait()
					}
					r.settle(first)
					time.Sleep(time.Minute)
					second := r.open(nil)
					r.settle(second)
					want := second.Number
					if tc.found {
						want = first.Number
					}
					if n := <-got; n != want {
						t.Errorf("started at %v, want %v", n, want)
					}
				})
			})
		}
	}
}

// readSettled reads a fragment that is settled meanwhile.
func (r *rig) readSettled(c *tail.Cursor, f *tail.Fragment) (millrace.FragmentNumber, string, error) {
	go r.settle(f)
	return r.read(r.t.Context(), c)
}

// Eight writers with overlapping fragments, some of which fail; four readers
// that start at any time, one of which comes again for every fragment: each
// reader sees every settled fragment once, in order, whole (I4, T1).
func TestReadersSeeEachFragmentOnceInOrder(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { overlap(t, seed) })
	}
}

func overlap(t *testing.T, seed uint64) {
	const writers, each = 8, 25
	r := newRig(t, time.Hour, 0)
	var mu sync.Mutex
	want := map[millrace.FragmentNumber]string{}
	var last millrace.FragmentNumber
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()

	var readers sync.WaitGroup
	end := make(chan struct{})
	results := make([]map[millrace.FragmentNumber]string, 4)
	orders := make([][]millrace.FragmentNumber, 4)
	for i := range results {
		results[i] = map[millrace.FragmentNumber]string{}
		readers.Go(func() {
			c := r.cursor(millrace.StartSelector{Type: millrace.StartEarliest})
			for {
				if i == 0 { // reconnects
					c = r.cursor(millrace.StartSelector{Type: millrace.StartContinuationToken, Number: c.After()})
				}
				n, s, err := r.read(ctx, c)
				if err != nil {
					return
				}
				orders[i] = append(orders[i], n)
				results[i][n] += s
				select {
				case <-end:
					mu.Lock()
					over := n == last
					mu.Unlock()
					if over {
						return
					}
				default:
				}
			}
		})
	}

	var group sync.WaitGroup
	for w := range writers {
		group.Go(func() {
			rng := rand.New(rand.NewPCG(seed, uint64(w)))
			for range each {
				f := r.open(nil)
				text := ""
				for range rng.IntN(4) {
					s := strings.Repeat(string(rune('a'+w)), 1+rng.IntN(40_000))
					text += s
					r.append(f, s)
				}
				if rng.IntN(5) == 0 {
					f.Abort(errors.New("lost"))
					f.Release()
					continue
				}
				mu.Lock()
				want[f.Number] = text
				mu.Unlock()
				r.settle(f)
			}
		})
	}
	group.Wait()
	mu.Lock()
	f := r.open(nil)
	last = f.Number
	want[last] = ""
	mu.Unlock()
	close(end)
	r.settle(f)
	readers.Wait()
	for i, got := range results {
		if !slices.IsSortedFunc(orders[i], millrace.FragmentNumber.Compare) {
			t.Errorf("reader %d: out of order", i)
		}
		if len(orders[i]) != len(got) {
			t.Errorf("reader %d: a fragment came twice", i)
		}
		for n, text := range want {
			if s, ok := got[n]; !ok || (s != text && s != "kept") {
				t.Errorf("reader %d: fragment %s: %d bytes (there: %v), want %d", i, n, len(s), ok, len(text))
			}
		}
	}
}
