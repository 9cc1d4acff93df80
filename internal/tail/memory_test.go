package tail_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/tail"
)

// What fragments take: a budget's part for writers, of mb megabytes in all, is
// three quarters of it.
const (
	kb = 1 << 10
	mb = 1 << 20
)

func bytesOf(n int) string { return strings.Repeat("x", n) }

var errClient = errors.New("the client's fault")

func TestOneFragmentAtATimeGivesWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const writers = 10
		r := newRig(t, time.Hour, 4*mb)
		var failed atomic.Int32
		large, other := r.open(func(error) { failed.Add(1) }), r.open(func(error) { failed.Add(1) })
		r.append(large, bytesOf(1500*kb))
		r.append(other, bytesOf(1300*kb))
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error)
		for range writers {
			f := r.open(nil)
			go func() {
				err := f.Append(ctx, make([]byte, 100*kb))
				<-ctx.Done()
				f.Abort(errClient)
				f.Release()
				done <- err
			}()
		}
		time.Sleep(6 * time.Second)
		if failed.Load() != 1 || large.Err() == nil {
			t.Errorf("after 6 s %d fragments have failed", failed.Load())
		}
		large.Abort(errClient) // as its writer does when it is told
		large.Release()
		time.Sleep(3 * time.Second)
		if failed.Load() != 1 {
			t.Errorf("%d fragments have failed although memory came back", failed.Load())
		}
		stop()
		for range writers {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		other.Abort(errClient)
		other.Release()
		if n := r.tail.Memory(); n != 0 {
			t.Errorf("%d bytes are left", n)
		}
	})
}

func TestAFailedFragmentsMemoryComesBackAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, time.Hour, 0)
		lower, failing, higher := r.open(nil), r.open(nil), r.open(nil)
		r.append(lower, "x")
		before := r.tail.Memory()
		r.append(failing, bytesOf(900*kb))
		failing.Abort(errClient)
		failing.Release()
		if left := r.tail.Memory(); left != before {
			t.Errorf("%d bytes did not come back while a lower fragment is open", left-before)
		}
		r.settle(higher)
		r.settle(lower)
		if n := r.tail.Memory(); n != 0 {
			t.Errorf("%d bytes are left", n)
		}
	})
}

// Somebody else fails it, and its writer hears of it when it is done with it.
func TestAFragmentThatOthersFailCountsUntilItsWriterLetsGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, time.Hour, 0)
		f := r.open(nil)
		r.append(f, bytesOf(900*kb))
		step, err := r.cursor(millrace.StartSelector{Type: millrace.StartNow}).Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		f.Fail(errClient)
		if n := r.tail.Memory(); n < 900*kb {
			t.Errorf("%d bytes count", n)
		}
		if f.Complete(tail.Finish{Table: 5}) {
			t.Error("it was completed")
		}
		f.Release()
		if n := r.tail.Memory(); n < 900*kb {
			t.Errorf("%d bytes count that a reader holds", n)
		}
		step.Live.Release()
		if n := r.tail.Memory(); n != 0 {
			t.Errorf("%d bytes are left", n)
		}
	})
}

func TestAWaitForMemoryEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, time.Hour, mb)
		full, other, waiting := r.open(nil), r.open(nil), r.open(nil)
		r.append(full, bytesOf(370*kb))
		r.append(other, bytesOf(370*kb))
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(errClient) })
		if err := waiting.Append(ctx, []byte(bytesOf(100*kb))); !errors.Is(err, errClient) {
			t.Errorf("err = %v", err)
		}
		waiting.Abort(errClient)
		waiting.Release()
		r.settle(full)
		r.settle(other)
	})
}

// A fragment of a few bytes must not take as much as one of many.
func TestASmallFragmentTakesLittle(t *testing.T) {
	r := newRig(t, time.Hour, 64*mb)
	var open []*tail.Fragment
	for range 1000 {
		f := r.open(nil)
		r.append(f, "twenty bytes of news")
		open = append(open, f)
	}
	if n := r.tail.Memory() / 1000; n > 8*kb {
		t.Errorf("%d bytes for each", n)
	}
	for _, f := range open {
		r.settle(f)
	}
}

// What a fragment refers to counts with it.
func TestAFragmentsCompanionsCount(t *testing.T) {
	r := newRig(t, time.Hour, 0)
	f, err := r.stream.Open(tail.Info{Header: millrace.NewHeader(make([]byte, mb)), Leading: make([]byte, mb)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.append(f, "x")
	if n := r.tail.Memory(); n < 2*mb {
		t.Errorf("%d bytes count", n)
	}
	f.Complete(tail.Finish{Trailing: make([]byte, mb), Table: mb})
	if n := r.tail.Memory(); n < 4*mb {
		t.Errorf("%d bytes count at its end", n)
	}
	f.Settle(nil)
	f.Release()
	if n := r.tail.Memory(); n != 0 {
		t.Errorf("%d bytes are left", n)
	}
}

func TestAFragmentIsReadAsItWasWritten(t *testing.T) {
	r := newRig(t, time.Hour, 0)
	f := r.open(nil)
	var want []byte
	for i, n := range []int{1, 4095, 1, 65535, 1, 65536, 200_000, 3} {
		part := bytes.Repeat([]byte{byte('a' + i)}, n)
		want = append(want, part...)
		r.append(f, string(part))
		if got := bytes.Join(f.Cluster(), nil); !bytes.Equal(got, want) {
			t.Fatalf("%d bytes, want %d", len(got), len(want))
		}
		for _, seen := range []int{0, 1, 4095, 4096, 4097, 69_631, 69_632, 69_633} {
			if seen >= len(want) {
				break
			}
			v, err := f.Read(t.Context(), seen, tail.Open, nil)
			if got := bytes.Join(v.Pieces, nil); err != nil || !bytes.Equal(got, want[seen:]) {
				t.Fatalf("behind %d there are %d bytes, want %d (%v)", seen, len(got), len(want)-seen, err)
			}
		}
	}
	r.settle(f)
}

func TestWhatLivesInMemoryAloneGivesWayOldestFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 0, 4*mb)
		other := r.tail.Acquire(millrace.StreamKey{ID: 8, Generation: 1}, time.Hour)
		defer other.Release()
		began := time.Now()
		var numbers []millrace.FragmentNumber
		for range 20 {
			time.Sleep(time.Second)
			numbers = append(numbers, r.flash(r.stream, 200*kb))
		}
		if n := r.tail.Memory(); n > 1536*kb || n < 1200*kb {
			t.Errorf("%d bytes in use, and half of 3 MiB may be", n)
		}
		var kept []*tail.Fragment
		for range 2 {
			f, err := other.Open(tail.Info{}, nil)
			if err != nil {
				t.Fatal(err)
			}
			r.append(f, bytesOf(1300*kb))
			kept = append(kept, f)
		}
		if d := time.Since(began); d != 20*time.Second {
			t.Errorf("writers waited for %v", d-20*time.Second)
		}
		n, _, err := r.read(t.Context(), r.cursor(millrace.StartSelector{Type: millrace.StartEarliest}))
		if err != nil || n != numbers[19] {
			t.Errorf("the oldest left is %v (%v), want %v", n, err, numbers[19])
		}
		for _, f := range kept {
			f.Abort(errClient)
			f.Release()
		}
	})
}

// flash puts a fragment into a stream that lives in memory alone.
func (r *rig) flash(s *tail.Stream, n int) millrace.FragmentNumber {
	r.t.Helper()
	f, err := s.Open(tail.Info{ProducerTime: time.Now()}, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	r.append(f, bytesOf(n))
	f.Complete(tail.Finish{Duration: time.Second, Ephemeral: true})
	f.Release()
	return f.Number
}

// The cap is one for all streams of zero retention, however many they are.
func TestStreamsOfZeroRetentionShareACap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const streams = 50
		r := newRig(t, 0, 64*mb)
		var all []*tail.Stream
		for i := range streams {
			s := r.tail.Acquire(millrace.StreamKey{ID: uint64(100 + i), Generation: 1}, 0)
			defer s.Release()
			all = append(all, s)
		}
		numbers := map[int]millrace.FragmentNumber{}
		for i := range 10 * streams {
			time.Sleep(10 * time.Millisecond)
			numbers[i] = r.flash(all[i%streams], 200*kb)
			if n := r.tail.Memory(); n > 24*mb {
				t.Fatalf("%d bytes in use", n)
			}
		}
		left := r.tail.Memory() / (200 * kb)
		if left < 80 {
			t.Errorf("about %d fragments are left", left)
		}
		// Of every stream the newest is there, and of each as many as of any other.
		for i, s := range all {
			c, err := s.NewCursor(t.Context(), r.index, func() store.Scope { return store.Scope{} }, millrace.StartSelector{Type: millrace.StartEarliest})
			if err != nil {
				t.Fatal(err)
			}
			step, err := c.Next(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if oldest := step.Live.Number; oldest != numbers[8*streams+i] && oldest != numbers[9*streams+i] {
				t.Errorf("of stream %d the oldest is %v", i, oldest)
			}
			step.Live.Release()
		}
	})
}

// One that cannot go from the front of its stream does not keep others.
func TestTheCapHoldsThoughAnOldFragmentIsOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 0, 16*mb)
		other := r.tail.Acquire(millrace.StreamKey{ID: 8, Generation: 1}, 0)
		defer other.Release()
		stuck := r.open(nil)
		r.append(stuck, "x")
		for range 10 {
			r.flash(r.stream, 200*kb) // these wait behind it
		}
		for range 100 {
			r.flash(other, 200*kb)
		}
		if n := r.tail.Memory(); n > 6*mb+300*kb {
			t.Errorf("%d bytes in use, and 6 MiB may be", n)
		}
		stuck.Abort(errClient)
		stuck.Release()
	})
}

// Each of ten readers stands in a fragment that the tail has let go long ago.
// Those who hold too much are cut off, and the writer has not waited for them.
func TestSlowReadersDoNotHoldUpTheWriter(t *testing.T) {
	for _, retention := range []time.Duration{0, time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, retention, 4*mb)
			began := time.Now()
			var cut []int
			for i := range 10 {
				f := r.open(nil)
				r.append(f, bytesOf(200*kb))
				step, err := r.cursor(millrace.StartSelector{Type: millrace.StartNow}).Next(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				held := step.Live
				var stop func()
				var once sync.Once
				stop = held.OnCut(func(time.Duration) bool {
					once.Do(func() {
						cut = append(cut, i)
						go func() { stop(); held.Release() }() // as a reader does whose connection breaks
					})
					return true
				})
				if retention == 0 {
					f.Complete(tail.Finish{Duration: time.Second, Ephemeral: true})
					f.Release()
				} else {
					r.settle(f)
				}
				synctest.Wait()
			}
			if d := time.Since(began); d > 0 {
				t.Errorf("the writer waited for %v", d)
			}
			if retention > 0 && (len(cut) != 7 || cut[0] != 0) { // three times 262 KiB are within 1 MiB
				t.Errorf("cut were %v", cut)
			}
			if retention == 0 && len(cut) != 2 { // five lent, five in memory alone
				t.Errorf("cut were %v", cut)
			}
			if n := r.tail.Memory(); n > 3*mb {
				t.Errorf("%d bytes in use", n)
			}
		})
	}
}

// Of those who hold one fragment, only the slow ones are cut off.
func TestAFastReaderIsNotCutWithASlowOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, time.Hour, mb)
		f := r.open(nil)
		r.append(f, bytesOf(300*kb))
		var held []*tail.Fragment
		var cuts [2]int
		for i := range cuts {
			step, err := r.cursor(millrace.StartSelector{Type: millrace.StartNow}).Next(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			held = append(held, step.Live)
			defer step.Live.OnCut(func(time.Duration) bool {
				if i == 0 {
					return false
				}
				cuts[i]++
				return true
			})()
		}
		r.settle(f) // 300 KiB are more than the readers' part
		time.Sleep(50 * time.Millisecond)
		synctest.Wait()
		if cuts[0] != 0 || cuts[1] == 0 { // it holds the fragment still, and may be told again
			t.Errorf("cut were %v", cuts)
		}
		for _, f := range held {
			f.Release()
		}
		if n := r.tail.Memory(); n != 0 {
			t.Errorf("%d bytes are left", n)
		}
	})
}

func TestADeletedStreamTakesNoFragment(t *testing.T) {
	r := newRig(t, time.Hour, 0)
	r.tail.Delete(key())
	if _, err := r.stream.Open(tail.Info{}, nil); millrace.CodeOf(err) != millrace.CodeStreamDeleted {
		t.Errorf("err = %v", err)
	}
	if millrace.CodeOf(r.stream.Err()) != millrace.CodeStreamDeleted {
		t.Errorf("err = %v", r.stream.Err())
	}
}
