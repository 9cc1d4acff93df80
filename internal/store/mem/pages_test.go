package mem_test

import (
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/mem"
	"github.com/millrace/millrace/internal/store/storetest"
)

func TestPages(t *testing.T) {
	storetest.TestPages(t, storetest.PagesOptions{
		Open:   func(*testing.T) store.Pages { return mem.NewPages() },
		Reopen: func(_ *testing.T, p store.Pages) store.Pages { return p.(*mem.Pages).Kill() },
		Damage: func(_ *testing.T, p store.Pages) store.Pages { p.(*mem.Pages).Damage(); return p },
	})
}

// numbered applies a change with a page of its own.
func numbered(t *testing.T, p *mem.Pages, n int) error {
	t.Helper()
	page := storetest.PageOf(millrace.StreamKey{ID: 1}, store.ServerClock, 10*n, 5)
	return p.Apply(t.Context(), &store.PageChange{Put: []store.IndexPage{page}})
}

// count is how many of the pages are there, which must be the first ones.
func count(t *testing.T, p *mem.Pages) int {
	t.Helper()
	found, err := p.Find(t.Context(), store.PageQuery{Stream: millrace.StreamKey{ID: 1}, EndAfter: math.MinInt64})
	if err != nil {
		t.Fatal(err)
	}
	for i := range found {
		if want := storetest.PageOf(found[i].Stream, store.ServerClock, 10*i, 5); found[i].First != want.First {
			t.Errorf("page %d is another one", i)
		}
	}
	return len(found)
}

func TestACrashLeavesThePagesOfTheFirstChanges(t *testing.T) {
	p := mem.NewPages()
	for n := range 5 {
		if err := numbered(t, p, n); err != nil {
			t.Fatal(err)
		}
		if n == 1 {
			if err := p.Sync(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	if n := count(t, p.Kill()); n != 5 {
		t.Errorf("killed: %d pages", n)
	}
	var left []int
	for _, after := range mem.Outcomes(10, 0, p.Crash) {
		left = append(left, count(t, after))
	}
	slices.Sort(left)
	if want := []int{2, 3, 4, 5}; !slices.Equal(left, want) {
		t.Errorf("crashed: %v, want %v", left, want)
	}
	if n := count(t, p.Kill().Crash(func(int) int { return 0 })); n != 2 {
		t.Errorf("killed and crashed: %d pages", n)
	}
}

func TestTheChangeInWhichThePowerFailsIsThereOrNot(t *testing.T) {
	p := mem.NewPages()
	p.Power().FailAt(2)
	if err := numbered(t, p, 0); err != nil {
		t.Fatal(err)
	}
	if err := numbered(t, p, 1); !errors.Is(err, mem.ErrCrashed) {
		t.Errorf("second change: %v", err)
	}
	if err := numbered(t, p, 2); !errors.Is(err, mem.ErrCrashed) {
		t.Errorf("third change: %v", err)
	}
	var left []int
	for _, after := range mem.Outcomes(10, 0, p.Crash) {
		left = append(left, count(t, after))
	}
	slices.Sort(left)
	if want := []int{0, 1, 2}; !slices.Equal(left, want) {
		t.Errorf("crashed: %v, want %v", left, want)
	}
}

func TestASyncInWhichThePowerFailsMakesNothingDurable(t *testing.T) {
	p := mem.NewPages()
	p.Power().FailAt(2)
	if err := numbered(t, p, 0); err != nil {
		t.Fatal(err)
	}
	if err := p.Sync(t.Context()); !errors.Is(err, mem.ErrCrashed) {
		t.Errorf("sync: %v", err)
	}
	if n := count(t, p.Crash(func(int) int { return 0 })); n != 0 {
		t.Errorf("%d pages", n)
	}
}

func TestAResetInWhichThePowerFailsForgetsAllOrNothing(t *testing.T) {
	p := mem.NewPages()
	p.Power().FailAt(3)
	if err := errors.Join(numbered(t, p, 0), p.Sync(t.Context())); err != nil {
		t.Fatal(err)
	}
	if err := p.Reset(t.Context()); !errors.Is(err, mem.ErrCrashed) {
		t.Errorf("reset: %v", err)
	}
	var left []int
	for _, after := range mem.Outcomes(10, 0, p.Crash) {
		left = append(left, count(t, after))
	}
	if slices.Sort(left); !slices.Equal(left, []int{0, 1}) {
		t.Errorf("crashed: %v", left)
	}
}

func TestPagesAndFilesOfOneMachineDieTogether(t *testing.T) {
	power := mem.NewPower()
	d, p := mem.NewFSOn(power), mem.NewPagesOn(power)
	if err := numbered(t, p, 0); err != nil || power.Mutations() != 1 {
		t.Fatalf("%v, %d mutations", err, power.Mutations())
	}
	power.FailAt(1)
	if _, err := d.Create("a"); !errors.Is(err, mem.ErrCrashed) {
		t.Errorf("create: %v", err)
	}
	if err := numbered(t, p, 1); !errors.Is(err, mem.ErrCrashed) {
		t.Errorf("apply: %v", err)
	}
	if _, err := p.State(t.Context()); !errors.Is(err, mem.ErrCrashed) {
		t.Errorf("state: %v", err)
	}
}

func TestPagesThatOverlapAreRefused(t *testing.T) {
	key := millrace.StreamKey{ID: 1}
	for name, page := range map[string]store.IndexPage{
		"from the one before": storetest.PageOf(key, store.ServerClock, 12, 20),
		"into the next one":   storetest.PageOf(key, store.ServerClock, 18, 20),
		"over all":            storetest.PageOf(key, store.ServerClock, 0, 100),
	} {
		t.Run(name, func(t *testing.T) {
			p := mem.NewPages()
			if err := errors.Join(numbered(t, p, 0), numbered(t, p, 1), numbered(t, p, 2)); err != nil {
				t.Fatal(err)
			}
			if err := p.Apply(t.Context(), &store.PageChange{Put: []store.IndexPage{page}}); err == nil {
				t.Error("no error")
			}
			if n := count(t, p); n != 3 {
				t.Errorf("%d pages", n)
			}
		})
	}
}
