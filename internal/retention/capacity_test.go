package retention_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/retention"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/mem"
	"github.com/millrace/millrace/internal/store/storetest"
)

// A yard is a store with streams, their control state, and a Keeper over them.
type yard struct {
	*testing.T
	control *telling
	engine  *store.Engine
	make    *storetest.Fragments
	streams map[string]millrace.Stream
	now     time.Time
	capped  []retention.Capped
}

// A telling control state tells the store what changes, as a server does.
type telling struct {
	*mem.Control
	engine *store.Engine
	fail   error
}

func (c *telling) KeepSince(ctx context.Context, since map[millrace.StreamKey]time.Time) error {
	if c.fail != nil {
		return c.fail
	}
	if err := c.Control.KeepSince(ctx, since); err != nil {
		return err
	}
	return c.tell(ctx)
}

func (c *telling) tell(ctx context.Context) error {
	return store.AllStreams(ctx, c.Control, func(s millrace.Stream) error {
		c.engine.SetPolicy(s.Key, store.Policy{Retention: s.Retention, KeptSince: s.KeptSince})
		return nil
	})
}

func newYard(t *testing.T) *yard {
	engine, err := store.Open(t.Context(), store.Config{FS: mem.NewFS(), Epoch: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { engine.Close() })
	return &yard{
		T: t, engine: engine, control: &telling{Control: mem.NewControl(), engine: engine},
		make: storetest.NewFragments(1), streams: map[string]millrace.Stream{}, now: storetest.Epoch(),
	}
}

func (y *yard) stream(name string, tags map[string]string) {
	y.Helper()
	s, err := y.control.Create(y.Context(), millrace.Stream{
		Name: millrace.StreamName(name), Created: y.now, Version: "v", Retention: 24 * time.Hour,
		ARN: millrace.StreamARN{Region: "r", Account: "000000000000", Name: millrace.StreamName(name), Created: y.now},
	}, tags)
	if err != nil {
		y.Fatal(err)
	}
	y.streams[name] = s
	if err := y.control.tell(y.Context()); err != nil {
		y.Fatal(err)
	}
}

// put keeps a fragment of each of the streams, in turn, n times.
func (y *yard) put(n int, names ...string) {
	y.Helper()
	for range n {
		for _, name := range names {
			f := y.make.Make(y.streams[name].Key, 1000)
			done := make(chan error, 1)
			if err := y.engine.Submit(y.Context(), f, func(err error) { done <- err }); err != nil {
				y.Fatal(err)
			}
			if err := <-done; err != nil {
				y.Fatal(err)
			}
			y.now = f.ServerTime()
		}
	}
}

func (y *yard) keeper(rules ...retention.Rule) *retention.Keeper {
	return retention.New(retention.Config{
		Control: y.control, Media: y.engine, Rules: rules,
		Since: func(d time.Duration) time.Time { return y.now.Add(-d) },
		Maintain: func(ctx context.Context) error {
			_, err := y.engine.Maintain(ctx, storetest.ExpiryAt(y.now))
			return err
		},
		Capped: func(c retention.Capped) { y.capped = append(y.capped, c) },
	})
}

// kept lists the numbers and sums the bytes of what a stream still has.
func (y *yard) kept(name string) (numbers []millrace.FragmentNumber, bytes int64) {
	y.Helper()
	entries, err := y.engine.After(y.Context(), store.Scope{Stream: y.streams[name].Key}, millrace.FragmentNumber{}, 1000)
	if err != nil {
		y.Fatal(err)
	}
	for _, e := range entries {
		numbers, bytes = append(numbers, e.Number), bytes+e.Size
	}
	return numbers, bytes
}

func TestAStreamKeepsItsNewestWithinItsCapacity(t *testing.T) {
	y := newYard(t)
	y.stream("cam-1", nil)
	y.stream("cam-2", nil)
	y.stream("door", nil)
	y.put(20, "cam-1", "cam-2", "door")
	y.put(20, "cam-2")
	before, _ := y.kept("cam-1")
	if err := y.keeper(retention.Rule{Streams: "cam-*", Size: 11_000}).Pass(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"cam-1", "cam-2"} {
		numbers, bytes := y.kept(name)
		if bytes > 11_000 || bytes < 9_500 || len(numbers) == 0 {
			t.Errorf("%s keeps %d bytes in %d fragments", name, bytes, len(numbers))
		}
	}
	if after, _ := y.kept("cam-1"); !slices.Equal(after, before[len(before)-len(after):]) {
		t.Errorf("the newest are not what is left")
	}
	if numbers, _ := y.kept("door"); len(numbers) != 20 {
		t.Errorf("a stream without a capacity keeps %d of 20", len(numbers))
	}
	if len(y.capped) != 2 || y.capped[0].Bytes == 0 {
		t.Errorf("told of %+v", y.capped)
	}
	if stats := y.engine.StreamStats(y.streams["cam-1"].Key); stats.Bytes > 11_000 {
		t.Errorf("%d bytes are still counted after the pass", stats.Bytes)
	}
}

func TestStreamsWithATagShareACapacityAndTheOldestGoesFirst(t *testing.T) {
	y := newYard(t)
	y.stream("a", map[string]string{"site": "yard"})
	y.stream("b", map[string]string{"site": "yard"})
	y.stream("c", map[string]string{"site": "roof"})
	y.put(30, "a", "c")
	y.put(10, "b")
	if err := y.keeper(retention.Rule{Tag: "site", Value: "yard", Size: 15_000}).Pass(t.Context()); err != nil {
		t.Fatal(err)
	}
	a, bytesA := y.kept("a")
	b, bytesB := y.kept("b")
	if bytesA+bytesB > 15_000 || len(b) != 10 || len(a) == 0 {
		t.Errorf("a keeps %d fragments, b %d, %d bytes together", len(a), len(b), bytesA+bytesB)
	}
	if c, _ := y.kept("c"); len(c) != 30 {
		t.Errorf("a stream with another value keeps %d of 30", len(c))
	}
}

func TestWhatFitsIsLeftAlone(t *testing.T) {
	y := newYard(t)
	y.stream("a", nil)
	y.put(5, "a")
	if err := y.keeper(retention.Rule{Streams: "*", Size: 1 << 20}).Pass(t.Context()); err != nil {
		t.Fatal(err)
	}
	if numbers, _ := y.kept("a"); len(numbers) != 5 || len(y.capped) != 0 {
		t.Errorf("%d fragments are left, told of %+v", len(numbers), y.capped)
	}
}

func TestNothingGoesBeforeItIsWrittenDown(t *testing.T) {
	y := newYard(t)
	y.stream("a", nil)
	y.put(20, "a")
	y.control.fail = errors.New("no room for a record")
	if err := y.keeper(retention.Rule{Streams: "a", Size: 5000}).Pass(t.Context()); !errors.Is(err, y.control.fail) {
		t.Errorf("pass: %v", err)
	}
	if numbers, _ := y.kept("a"); len(numbers) != 20 {
		t.Errorf("%d of 20 fragments are left", len(numbers))
	}
}

// TestWhatIsGoneAlreadyIsNotTakenFromTheRest: what could not be swept counts in
// the store, and readers do not see it.
func TestWhatIsGoneAlreadyIsNotTakenFromTheRest(t *testing.T) {
	y := newYard(t)
	y.stream("a", nil)
	y.put(20, "a")
	broken := errors.New("no index")
	k := retention.New(retention.Config{
		Control: y.control, Media: y.engine, Rules: []retention.Rule{{Streams: "a", Size: 10_500}},
		Since:    func(d time.Duration) time.Time { return y.now.Add(-d) },
		Maintain: func(context.Context) error { return broken },
	})
	for range 3 {
		if err := k.Pass(t.Context()); !errors.Is(err, broken) {
			t.Errorf("pass: %v", err)
		}
		if numbers, bytes := y.kept("a"); bytes > 10_500 || bytes < 9000 {
			t.Errorf("%d bytes in %d fragments are left", bytes, len(numbers))
		}
	}
}

func TestWhatOneCapacityTookIsNotTakenForAnother(t *testing.T) {
	y := newYard(t)
	y.stream("a", map[string]string{"site": "yard"})
	y.stream("b", map[string]string{"site": "yard"})
	y.put(15, "a")
	y.put(5, "a", "b")
	rules := []retention.Rule{{Streams: "a", Size: 6000}, {Tag: "site", Value: "yard", Size: 13_000}}
	if err := y.keeper(rules...).Pass(t.Context()); err != nil {
		t.Fatal(err)
	}
	a, _ := y.kept("a")
	b, _ := y.kept("b")
	if len(a) < 5 || len(b) != 5 {
		t.Errorf("%d and %d fragments are left, which are less than both capacities", len(a), len(b))
	}
}

func TestACapacityHoldsWhileMediaComeIn(t *testing.T) {
	y := newYard(t)
	y.stream("a", nil)
	k := y.keeper(retention.Rule{Streams: "a", Size: 8000})
	var last []millrace.FragmentNumber
	for round := range 10 {
		y.put(7, "a")
		if err := k.Pass(t.Context()); err != nil {
			t.Fatal(err)
		}
		numbers, bytes := y.kept("a")
		if bytes > 8000 || len(numbers) < 6 || slices.Equal(numbers, last) {
			t.Fatalf("round %d: %d bytes in %d fragments", round, bytes, len(numbers))
		}
		last = numbers
	}
}
