package tail_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/tail"
)

// slab is how much memory a fragment takes at a time.
const slab = 64 << 10

func slabs(n int) string { return strings.Repeat("x", n*slab) }

var errClient = errors.New("the client's fault")

func TestOneFragmentAtATimeGivesWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const writers = 10
		r := newRig(t, time.Hour, 16*slab)
		var failed atomic.Int32
		large, other := r.open(func(error) { failed.Add(1) }), r.open(func(error) { failed.Add(1) })
		r.append(large, slabs(9))
		r.append(other, slabs(6))
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error)
		for range writers {
			f := r.open(nil)
			go func() {
				err := f.Append(ctx, make([]byte, slab))
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
		large.Release() // as its writer does when it is told
		synctest.Wait()
		if n := r.tail.Memory(); n != 16*slab {
			t.Errorf("%d bytes in use", n)
		}
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
	})
}

func TestAFailedFragmentsMemoryComesBackAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, time.Hour, 0)
		lower, failing, higher := r.open(nil), r.open(nil), r.open(nil)
		r.append(lower, "x")
		r.append(failing, slabs(9))
		before := r.tail.Memory()
		failing.Abort(errClient)
		failing.Release()
		if freed := before - r.tail.Memory(); freed != 9*slab {
			t.Errorf("%d bytes came back while a lower fragment is open", freed)
		}
		r.settle(higher)
		r.settle(lower)
		if n := r.tail.Memory(); n != 0 {
			t.Errorf("%d bytes are left", n)
		}
	})
}

func TestAWaitForMemoryEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, time.Hour, 4*slab)
		full, waiting := r.open(nil), r.open(nil)
		r.append(full, slabs(4))
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(errClient) })
		if err := waiting.Append(ctx, []byte("x")); !errors.Is(err, errClient) {
			t.Errorf("err = %v", err)
		}
		waiting.Abort(errClient)
		waiting.Release()
		r.settle(full)
	})
}

func TestWhatLivesInMemoryAloneGivesWayOldestFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 0, 8*slab)
		other := r.tail.Acquire(millrace.StreamKey{ID: 8, Generation: 1}, time.Hour)
		defer other.Release()
		began := time.Now()
		var numbers []millrace.FragmentNumber
		for range 20 {
			time.Sleep(time.Second)
			f := r.open(nil)
			numbers = append(numbers, f.Number)
			r.append(f, slabs(2))
			f.Complete(nil, time.Second, true)
			f.Release()
		}
		f, err := other.Open(tail.Info{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.append(f, slabs(4))
		if d := time.Since(began); d != 20*time.Second {
			t.Errorf("writers waited for %v", d-20*time.Second)
		}
		if n := r.tail.Memory(); n != 8*slab {
			t.Errorf("%d bytes in use", n)
		}
		n, _, err := r.read(t.Context(), r.cursor(millrace.StartSelector{Type: millrace.StartEarliest}))
		if err != nil || n != numbers[18] {
			t.Errorf("the oldest left is %v (%v), want %v", n, err, numbers[18])
		}
		f.Abort(errClient)
		f.Release()
	})
}

// Each of ten readers stands in a fragment that the tail has let go long ago.
func TestSlowReadersDoNotHoldUpTheWriter(t *testing.T) {
	for _, retention := range []time.Duration{0, time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, retention, 8*slab)
			began := time.Now()
			var held []*tail.Fragment
			for range 10 {
				f := r.open(nil)
				r.append(f, slabs(3))
				step, err := r.cursor(millrace.StartSelector{Type: millrace.StartNow}).Next(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				held = append(held, step.Live)
				if retention == 0 {
					f.Complete(nil, time.Second, true)
					f.Release()
				} else {
					r.settle(f)
				}
			}
			if d := time.Since(began); d > 0 {
				t.Errorf("the writer waited for %v", d)
			}
			if n := r.tail.Memory(); n != 10*3*slab {
				t.Errorf("%d bytes in use", n)
			}
			for _, f := range held {
				f.Release()
			}
			if n := r.tail.Memory(); n > 8*slab {
				t.Errorf("%d bytes are left", n)
			}
		})
	}
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
