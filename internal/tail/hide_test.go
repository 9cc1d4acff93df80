package tail_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/tail"
)

// deleted is a deletion of everything there is by now.
func (r *rig) deleted() store.Deletion {
	return store.Deletion{
		Stream: key(), Clock: store.ProducerClock, From: time.UnixMilli(0), To: time.Now().Add(time.Hour), Last: r.tail.Floor(key()),
	}
}

func TestNobodyBeginsWithAHiddenFragment(t *testing.T) {
	for name, selector := range map[string]millrace.StartSelector{
		"earliest":      {Type: millrace.StartEarliest},
		"now":           {Type: millrace.StartNow},
		"by server":     {Type: millrace.StartServerTime, Time: time.UnixMilli(1)},
		"by producer":   {Type: millrace.StartProducerTime, Time: time.UnixMilli(1)},
		"behind number": {Type: millrace.StartFragmentNumber, Number: millrace.NewFragmentNumber(1, time.UnixMilli(1), 1)},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, 0, 0)
				settled, open := r.open(nil), r.open(nil)
				r.append(settled, "settled")
				settled.Complete(tail.Finish{Duration: time.Second, Ephemeral: true})
				settled.Release()
				r.append(open, "open")
				r.tail.Hide(r.deleted())

				time.Sleep(time.Millisecond)
				next := r.open(nil)
				r.append(next, "next")
				next.Complete(tail.Finish{Duration: time.Second, Ephemeral: true})
				c := r.cursor(selector)
				if n, got, err := r.read(t.Context(), c); err != nil || got != "next" || n != next.Number {
					t.Errorf("a reader begins with %q, %v", got, err)
				}
				open.Complete(tail.Finish{Duration: time.Second, Ephemeral: true})
				open.Release()
				next.Release()
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				if _, got, err := r.read(ctx, c); err == nil {
					t.Errorf("and goes on with %q", got)
				}
			})
		})
	}
}

// TestAHiddenFragmentIsReadToItsEnd: whoever has begun is not cut off, and its
// writer notices nothing.
func TestAHiddenFragmentIsReadToItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, time.Hour, 0)
		f := r.open(nil)
		r.append(f, "one ")
		step, err := r.cursor(millrace.StartSelector{Type: millrace.StartEarliest}).Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer step.Live.Release()
		r.tail.Hide(r.deleted())
		r.append(f, "two")
		r.settle(f)
		v, err := step.Live.Read(t.Context(), 0, tail.Open, nil)
		if err != nil || string(v.Pieces[0]) != "one two" || v.State != tail.Settled {
			t.Errorf("%q, %v, %v", v.Pieces, v.State, err)
		}
	})
}

// TestWhatIsNotCoveredIsNotHidden: another range, another stream, a fragment
// that is yet to come.
func TestWhatIsNotCoveredIsNotHidden(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 0, 0)
		earlier := r.deleted()
		time.Sleep(time.Millisecond)
		f := r.open(nil)
		defer f.Release()
		r.append(f, "kept")
		f.Complete(tail.Finish{Duration: time.Second, Ephemeral: true})
		other, past := r.deleted(), r.deleted()
		other.Stream.Generation++
		past.To = f.ProducerTime
		for _, d := range []store.Deletion{earlier, other, past} {
			r.tail.Hide(d)
		}
		c := r.cursor(millrace.StartSelector{Type: millrace.StartEarliest})
		if _, got, err := r.read(t.Context(), c); err != nil || got != "kept" {
			t.Errorf("%q, %v", got, err)
		}
	})
}
