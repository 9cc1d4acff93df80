package fragment

import (
	"errors"
	"math"
	"testing"
	"time"

	"github.com/millrace/millrace"
)

func numbersOf(stream uint64) millrace.StreamKey {
	return millrace.StreamKey{ID: stream, Generation: 1}
}

func next(t *testing.T, n *Numberer, stream uint64) millrace.FragmentNumber {
	t.Helper()
	number, err := n.Next(numbersOf(stream))
	if err != nil {
		t.Fatal(err)
	}
	return number
}

func TestNumbersGrowThoughCountersAreForgotten(t *testing.T) {
	n := NewNumberer(3, time.Time{}, time.Now, nil)
	var last millrace.FragmentNumber
	for range 1000 {
		last = next(t, n, 1)
	}
	between := next(t, n, 2)
	for round := range 3 {
		for i := range uint64(maxCounters) {
			next(t, n, 100+uint64(round)<<32+i)
		}
		if len(n.counters) > maxCounters {
			t.Fatalf("%d counters", len(n.counters))
		}
		floor := n.Floor(numbersOf(1))
		number := next(t, n, 1)
		if number.Compare(last) <= 0 || floor.Compare(last) < 0 || floor.Compare(number) >= 0 {
			t.Errorf("%v, then %v with the floor at %v", last, number, floor)
		}
		last = number
	}
	if number := next(t, n, 2); number.Compare(between) <= 0 {
		t.Errorf("%v after %v", number, between)
	}
}

func TestAnEpochIsTakenBeforeACounterWraps(t *testing.T) {
	epochs := 0
	n := NewNumberer(3, time.Time{}, time.Now, func() (uint32, error) {
		epochs++
		if epochs == 1 {
			return 0, errors.New("no disk")
		}
		return 9, nil
	})
	n.counters[1] = math.MaxUint32 - 1
	last := next(t, n, 1)
	if _, err := n.Next(numbersOf(1)); err == nil {
		t.Fatal("there is a number without an epoch")
	}
	if number := next(t, n, 1); number.Compare(last) <= 0 || number.Sequence() != 9<<32|1 {
		t.Errorf("%v after %v", number, last)
	}
}

func TestServerTimesNeverDecrease(t *testing.T) {
	now := time.UnixMilli(1_000_000)
	n := NewNumberer(1, time.UnixMilli(2_000_000), func() time.Time { return now }, nil)
	for _, tc := range []struct{ now, want int64 }{{1_000_000, 2_000_000}, {3_000_000, 3_000_000}, {2_500_000, 3_000_000}} {
		now = time.UnixMilli(tc.now)
		if at := next(t, n, 1).ServerTime().UnixMilli(); at != tc.want {
			t.Errorf("at %d a fragment is stamped %d, want %d", tc.now, at, tc.want)
		}
	}
}

// TestTheFloorTellsWhenItWasAskedFor: what has a number by then is not younger
// than the floor's time and a millisecond.
func TestTheFloorTellsWhenItWasAskedFor(t *testing.T) {
	now := time.UnixMilli(1_700_000_000_000)
	n := NewNumberer(3, time.Time{}, func() time.Time { return now }, nil)
	for range 1000 {
		last := next(t, n, 1)
		floor := n.Floor(numbersOf(1))
		late := floor.ServerTime().Sub(last.ServerTime())
		if floor.Compare(last) < 0 || late < -time.Millisecond || late > 0 {
			t.Fatalf("the floor behind %v is at %v", last.ServerTime(), floor.ServerTime())
		}
		if following := next(t, n, 1); following.Compare(floor) <= 0 {
			t.Fatalf("%v is not above the floor %v", following, floor)
		}
		now = now.Add(time.Millisecond)
	}
}
