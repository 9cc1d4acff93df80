package checkpointtest

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/millrace/millrace/consumer/checkpoint"
)

func checkLease(t *testing.T, open func() checkpoint.Store) {
	one, two, ctx := open(), open(), context.Background()
	r := acquire(t, one, gate(1), "a", long)
	_, err := two.Acquire(ctx, gate(1), "b", long)
	wantError(t, "acquire of what a has", err, checkpoint.ErrHeld)
	acquire(t, two, gate(2), "b", long)
	acquire(t, two, checkpoint.Key{App: "faces", Stream: gate(1).Stream}, "b", long)
	wantError(t, "save of what a has", save(two, gate(1), checkpoint.Record{Owner: "b", Epoch: r.Epoch}, "x"), checkpoint.ErrFenced)
	must(t, save(two, gate(1), r, "one"))
	wantPosition(t, open, gate(1), "one")
}

func checkRenew(t *testing.T, open func() checkpoint.Store) {
	one, two := open(), open()
	first := acquire(t, one, gate(1), "a", time.Minute)
	must(t, save(one, gate(1), first, "one"))
	again := acquire(t, two, gate(1), "a", long)
	if again.Epoch != first.Epoch || string(again.Position) != "one" || again.Expires.Sub(first.Expires) < long/2 {
		t.Fatalf("%+v was renewed as %+v", first, again)
	}
	shorter := acquire(t, one, gate(1), "a", time.Minute)
	if shorter.Expires.After(again.Expires.Add(-long / 2)) {
		t.Fatalf("a lease of a minute from now on ends at %v", shorter.Expires)
	}
	late := expire(t, one, gate(1), "a")
	must(t, save(one, gate(1), late, "two"))
	if back := acquire(t, two, gate(1), "a", long); back.Epoch != first.Epoch || string(back.Position) != "two" {
		t.Fatalf("a lease that had expired and that nobody took was renewed as %+v", back)
	}
}

func checkExpiry(t *testing.T, open func() checkpoint.Store) {
	one, two := open(), open()
	r := acquire(t, one, gate(1), "a", long)
	must(t, save(one, gate(1), r, "one"))
	expire(t, one, gate(1), "a")
	if got := load(t, two, gate(1)); got.Owner != "" || !got.Expires.IsZero() || got.Epoch != r.Epoch || string(got.Position) != "one" {
		t.Fatalf("a lease that has expired shows as %+v", got)
	}
	taken := acquire(t, two, gate(1), "b", long)
	if taken.Epoch != r.Epoch+1 || string(taken.Position) != "one" {
		t.Fatalf("taken: %+v", taken)
	}
	_, err := one.Acquire(context.Background(), gate(1), "a", long)
	wantError(t, "renewal of what b took", err, checkpoint.ErrHeld)
}

// checkFencing is the story of two workers: one is paused, its lease expires,
// the other takes the stream and goes on, and the first one wakes up.
func checkFencing(t *testing.T, open func() checkpoint.Store) {
	paused, other, ctx := open(), open(), context.Background()
	before := acquire(t, paused, gate(1), "a", long)
	must(t, save(paused, gate(1), before, "10"))
	expire(t, paused, gate(1), "a")
	after := acquire(t, other, gate(1), "b", long)
	must(t, save(other, gate(1), after, "20"))

	wantError(t, "save of one that was paused", save(paused, gate(1), before, "11"), checkpoint.ErrFenced)
	must(t, paused.Release(ctx, gate(1), "a"))
	_, err := paused.Acquire(ctx, gate(1), "a", long)
	wantError(t, "renewal by one that was paused", err, checkpoint.ErrHeld)
	wantError(t, "save with the new epoch", save(paused, gate(1), checkpoint.Record{Owner: "a", Epoch: after.Epoch}, "11"), checkpoint.ErrFenced)
	must(t, save(other, gate(1), after, "30"))

	must(t, other.Release(ctx, gate(1), "b"))
	wantError(t, "save of one that was paused, when nobody has it", save(paused, gate(1), before, "11"), checkpoint.ErrFenced)
	wantError(t, "save of what was given back", save(other, gate(1), after, "31"), checkpoint.ErrFenced)
	back := acquire(t, paused, gate(1), "a", long)
	if back.Epoch != after.Epoch+1 || string(back.Position) != "30" {
		t.Fatalf("the first one is back with %+v", back)
	}
	wantError(t, "save under an epoch of long ago", save(paused, gate(1), before, "11"), checkpoint.ErrFenced)
	must(t, save(paused, gate(1), back, "40"))
	wantPosition(t, open, gate(1), "40")
}

func checkSaveFreeFences(t *testing.T, open func() checkpoint.Store) {
	one, two := open(), open()
	late := expire(t, one, gate(1), "a")
	must(t, save(two, gate(1), checkpoint.Record{}, "free"))
	wantError(t, "save of one whose lease expired", save(one, gate(1), late, "late"), checkpoint.ErrFenced)
	if back := acquire(t, one, gate(1), "a", long); back.Epoch != late.Epoch+1 || string(back.Position) != "free" {
		t.Fatalf("the first one is back with %+v", back)
	}
}

func checkRelease(t *testing.T, open func() checkpoint.Store) {
	one, two, ctx := open(), open(), context.Background()
	must(t, one.Release(ctx, gate(1), "a"))
	_, err := one.Load(ctx, gate(1))
	wantError(t, "load of what was given back and never taken", err, checkpoint.ErrNotFound)
	r := acquire(t, one, gate(1), "a", long)
	must(t, save(one, gate(1), r, "one"))
	must(t, two.Release(ctx, gate(1), "b"))
	if got := load(t, two, gate(1)); got.Owner != "a" {
		t.Fatalf("b has given away what a had: %+v", got)
	}
	must(t, two.Release(ctx, gate(1), "a"))
	must(t, two.Release(ctx, gate(1), "a"))
	if got := load(t, one, gate(1)); got.Owner != "" || !got.Expires.IsZero() || got.Epoch != r.Epoch || string(got.Position) != "one" {
		t.Fatalf("given back: %+v", got)
	}
	if back := acquire(t, one, gate(1), "a", long); back.Epoch != r.Epoch+1 {
		t.Fatalf("taken again: %+v", back)
	}
}

func checkDelete(t *testing.T, open func() checkpoint.Store) {
	one, two, ctx := open(), open(), context.Background()
	must(t, one.Delete(ctx, gate(1)))
	r := acquire(t, one, gate(1), "a", long)
	must(t, save(one, gate(1), r, "one"))
	must(t, save(one, gate(2), checkpoint.Record{}, "two"))
	wantError(t, "delete of what a has", two.Delete(ctx, gate(1)), checkpoint.ErrHeld)
	wantPosition(t, open, gate(1), "one")
	must(t, one.Release(ctx, gate(1), "a"))
	must(t, two.Delete(ctx, gate(1)))
	_, err := one.Load(ctx, gate(1))
	wantError(t, "load of what was deleted", err, checkpoint.ErrNotFound)
	wantError(t, "save under a lease that was deleted", save(one, gate(1), r, "late"), checkpoint.ErrFenced)
	expire(t, one, gate(1), "a")
	must(t, two.Delete(ctx, gate(1)))
	if again := acquire(t, one, gate(1), "b", long); again.Epoch != 1 || len(again.Position) != 0 {
		t.Fatalf("taken after it was deleted: %+v", again)
	}
	wantPosition(t, open, gate(2), "two")
}

func checkList(t *testing.T, open func() checkpoint.Store) {
	s := open()
	var want []string
	for n := range 80 { // more than any store reads at a time
		k := gate(n * 7 % 80)
		must(t, save(s, k, checkpoint.Record{}, k.Stream))
		want = append(want, k.Stream)
	}
	for _, stream := range []string{"Z", "a b", "é", "~", "gate-1"} {
		must(t, save(s, checkpoint.Key{App: app, Stream: stream}, checkpoint.Record{}, stream))
		want = append(want, stream)
	}
	slices.Sort(want)
	for _, other := range []string{"plate", "plates/workers", "Plates", "platez"} {
		must(t, save(s, checkpoint.Key{App: other, Stream: "x"}, checkpoint.Record{}, "x"))
	}
	r := acquire(t, s, gate(3), "a", long)
	expire(t, s, gate(4), "a")
	var got []string
	for e, err := range open().List(context.Background(), app) {
		must(t, err)
		if e.Key.App != app || string(e.Record.Position) != e.Key.Stream {
			t.Errorf("an entry is %+v", e)
		}
		if held := e.Key == gate(3); held != (e.Record.Owner == "a") || held != e.Record.Expires.Equal(r.Expires) {
			t.Errorf("an entry is %+v", e)
		}
		got = append(got, e.Key.Stream)
	}
	if !slices.Equal(got, want) {
		t.Errorf("streams are %q, want %q", got, want)
	}
	for e, err := range s.List(context.Background(), "nobody") {
		t.Errorf("nobody has %+v, %v", e, err)
	}
}

func checkListBody(t *testing.T, open func() checkpoint.Store) {
	s, ctx := open(), context.Background()
	for n := range 5 {
		must(t, save(s, gate(n), checkpoint.Record{}, fmt.Sprint(n)))
	}
	seen := 0
	for e, err := range s.List(ctx, app) {
		must(t, err)
		acquire(t, s, e.Key, "a", long)
		load(t, s, e.Key)
		if seen++; seen == 3 {
			break
		}
	}
	if seen != 3 {
		t.Errorf("%d entries were seen", seen)
	}
	for e, err := range s.List(ctx, app) {
		must(t, err)
		must(t, s.Release(ctx, e.Key, "a"))
		must(t, s.Delete(ctx, e.Key))
	}
	for e, err := range s.List(ctx, app) {
		t.Errorf("there is still %+v, %v", e, err)
	}
}
