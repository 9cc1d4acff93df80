package consumer_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/consumer"
	"github.com/millrace/millrace/consumer/checkpoint"
)

// A refusal is a server that lets nobody in.
type refusal struct{}

func (refusal) RoundTrip(r *http.Request) (*http.Response, error) {
	return respond(r, 403, strings.NewReader("{}")), nil
}

// inYard runs a test in a bubble with a yard.
func inYard(t *testing.T, streams int, f func(t *testing.T, y *yard)) {
	t.Helper()
	y := newYard(t, streams)
	synctest.Test(t, func(t *testing.T) {
		y.t = t
		f(t, y)
	})
}

// wantNobody checks that nothing is left of workers that have stopped.
func (y *yard) wantNobody() {
	y.t.Helper()
	y.wantHolds(map[string]int{})
	for e, err := range y.store.List(context.Background(), "plates/workers") {
		y.t.Errorf("a worker is left: %+v, %v", e, err)
	}
}

// wantSaved checks that everything that was handled is saved.
func (y *yard) wantSaved() {
	y.t.Helper()
	y.mu.Lock()
	defer y.mu.Unlock()
	for name, steps := range y.steps {
		if last := steps[len(steps)-1].n; y.saved[string(name)] != last {
			y.t.Errorf("%s: %d was handled last, and %d is saved", name, last, y.saved[string(name)])
		}
	}
}

func TestWorkersShareStreamsEvenlyAsTheyComeAndGo(t *testing.T) {
	inYard(t, 20, func(t *testing.T, y *yard) {
		first := y.hire("a", nil)
		time.Sleep(10 * time.Second)
		y.wantHolds(map[string]int{"a": 20})
		second := y.hire("b", nil)
		time.Sleep(30 * time.Second)
		y.wantHolds(map[string]int{"a": 10, "b": 10})
		third := y.hire("c", nil)
		time.Sleep(40 * time.Second)
		got := []int{y.holds()["a"], y.holds()["b"], y.holds()["c"]}
		if slices.Sort(got); !slices.Equal(got, []int{6, 7, 7}) {
			t.Errorf("three workers have %v", got)
		}
		taken := func() int { return len(first.was().taken) + len(second.was().taken) + len(third.was().taken) }
		before := taken()
		time.Sleep(2 * time.Minute)
		if again := taken(); again != before {
			t.Errorf("streams were moved %d times, although everybody had enough", again-before)
		}
		second.fire()
		time.Sleep(20 * time.Second)
		y.wantHolds(map[string]int{"a": 10, "c": 10})
		small := y.hire("s", func(_ *hand, o *consumer.RunnerOptions) { o.MaxStreams = 2 })
		time.Sleep(30 * time.Second)
		y.wantHolds(map[string]int{"a": 9, "c": 9, "s": 2})
		y.wantSteps(20, 15*time.Second, 0)
		if n := y.overlaps(); n != 0 {
			t.Errorf("%d steps of a stream were made by two at once", n)
		}
		first.fire()
		third.fire()
		time.Sleep(20 * time.Second)
		y.wantHolds(map[string]int{"s": 2})
		small.fire()
		y.wantNobody()
		y.wantSaved()
		for _, h := range []*hand{first, second, third, small} {
			if trouble := h.was().trouble; len(trouble) != 0 {
				t.Errorf("%s had trouble: %v", h.name, trouble)
			}
		}
	})
}

// A worker dies: it does nothing any more, and gives nothing back.
func TestOthersGoOnWhereADeadWorkerStopped(t *testing.T) {
	inYard(t, 20, func(t *testing.T, y *yard) {
		a, b, dead := y.hire("a", nil), y.hire("b", nil), y.hire("dead", nil)
		time.Sleep(time.Minute)
		if n := y.holds()["dead"]; n < 6 {
			t.Fatalf("the third worker has %d streams", n)
		}
		dead.freeze()
		time.Sleep(15 * time.Second) // renewed a third of the TTL ago at most, they are good for longer
		if n := y.holds()["dead"]; n < 6 {
			t.Errorf("the dead worker has %d streams before its leases have expired", n)
		}
		time.Sleep(45 * time.Second)
		y.wantHolds(map[string]int{"a": 10, "b": 10})
		y.wantSteps(20, 10*time.Second, 4)
		if n := y.overlaps(); n > 20 {
			t.Errorf("%d steps of a stream were made by two at once", n)
		}
		dead.stop()
		dead.thaw()
		<-dead.done
		a.fire()
		b.fire()
		y.wantNobody()
	})
}

// A worker is paused and comes back late: it is told, and can save nothing of what
// others have now.
func TestAWorkerThatComesBackLateIsFenced(t *testing.T) {
	inYard(t, 6, func(t *testing.T, y *yard) {
		a, late := y.hire("a", nil), y.hire("late", nil)
		time.Sleep(time.Minute)
		y.wantHolds(map[string]int{"a": 3, "late": 3})
		late.freeze()
		time.Sleep(2 * time.Minute)
		y.wantHolds(map[string]int{"a": 6})
		late.thaw() // what it was about to save arrives, and moves nothing backwards
		time.Sleep(time.Second)
		lost := 0
		for _, err := range late.was().left {
			if errors.Is(err, consumer.ErrLeaseLost) {
				lost++
			}
		}
		if lost != 3 {
			t.Errorf("its handlers ended with %v", late.was().left)
		}
		time.Sleep(time.Minute)
		y.wantHolds(map[string]int{"a": 3, "late": 3})
		a.fire()
		late.fire()
		y.wantNobody()
		y.wantSaved()
	})
}

func TestStreamsThatComeAreFoundAndThoseThatGoAreDropped(t *testing.T) {
	inYard(t, 3, func(t *testing.T, y *yard) {
		h := y.hire("a", func(_ *hand, o *consumer.RunnerOptions) { o.Prefix = "cam-" })
		time.Sleep(10 * time.Second)
		y.wantHolds(map[string]int{"a": 3})
		y.add(camera(3), nil)
		y.add("gate", nil)
		time.Sleep(10 * time.Second)
		y.wantHolds(map[string]int{"a": 4})
		y.remove(camera(0))
		time.Sleep(10 * time.Second)
		y.wantHolds(map[string]int{"a": 3})
		gone, there := y.handled(camera(0)), y.handled(camera(3))
		time.Sleep(10 * time.Second)
		if y.handled(camera(0)) != gone || y.handled(camera(3)) == there {
			t.Error("another stream was dropped than the one that has gone")
		}
		if left := h.was().left; !slices.Equal(left, []error{nil}) {
			t.Errorf("handlers ended with %v", left)
		}
		if n := y.handled("gate"); n != 0 {
			t.Errorf("%d fragments of a stream with another name were read", n)
		}
		h.fire()
		y.wantNobody()
	})
}

func TestStreamsAreChosenByTheirTags(t *testing.T) {
	inYard(t, 2, func(t *testing.T, y *yard) {
		y.add("door", map[string]string{"site": "north", "kind": "door"})
		y.add("roof", map[string]string{"site": "south"})
		y.add("yard", map[string]string{"site": "north"})
		h := y.hire("a", func(_ *hand, o *consumer.RunnerOptions) { o.Tags = map[string]string{"site": "north"} })
		time.Sleep(10 * time.Second)
		y.wantHolds(map[string]int{"a": 2})
		y.add("yard", map[string]string{"site": "south"}) // tags change
		y.add("gate", map[string]string{"site": "north"}) // a stream comes
		time.Sleep(time.Minute)
		y.wantHolds(map[string]int{"a": 3})
		time.Sleep(10 * time.Minute)
		y.wantHolds(map[string]int{"a": 2})
		if door, gate, roof := y.handled("door"), y.handled("gate"), y.handled("roof"); door == 0 || gate == 0 || roof != 0 {
			t.Errorf("%d, %d and %d fragments were read", door, gate, roof)
		}
		h.fire()
	})
}

func TestAHandlerThatFailsIsCalledAgainLaterAndLater(t *testing.T) {
	inYard(t, 1, func(t *testing.T, y *yard) {
		const failures = 8
		var failing atomic.Bool // again
		h := y.hire("a", func(h *hand, _ *consumer.RunnerOptions) {
			h.handle = func(millrace.StreamName) error {
				if n := len(h.was().taken); n <= failures || failing.Load() {
					return fmt.Errorf("failure %d", n)
				}
				return nil
			}
		})
		time.Sleep(10 * time.Minute)
		was := h.was()
		for i := 1; i < len(was.taken); i++ {
			bound := min(time.Second<<(i-1), time.Minute)
			if wait := was.taken[i].Sub(was.taken[i-1]); wait < time.Second/2 || wait > bound+2*yardPeriod+time.Second {
				t.Errorf("wait %d is %v", i, wait)
			}
		}
		if len(was.taken) != failures+1 || len(was.left) != failures || was.left[failures-1].Error() != "failure 8" {
			t.Errorf("streams were taken %v and left with %v", was.taken, was.left)
		}
		y.wantSteps(1, time.Second, 0)
		failing.Store(true)
		time.Sleep(2 * yardPeriod)
		failing.Store(false)
		time.Sleep(6 * yardPeriod) // it may have failed more than once
		if now := h.was(); len(now.left) < failures+1 || len(now.taken) != len(now.left)+1 {
			t.Errorf("a failure after a long time was not forgiven soon: taken %d times, left %d", len(now.taken), len(now.left))
		}
		h.fire()
		y.wantSaved()
	})
}

// While a stream rests with one worker another may take it.
func TestWhatFailsHereMayWorkThere(t *testing.T) {
	inYard(t, 2, func(t *testing.T, y *yard) {
		bad := y.hire("bad", func(h *hand, _ *consumer.RunnerOptions) {
			h.handle = func(millrace.StreamName) error { return errors.New("the disk is full") }
		})
		time.Sleep(time.Second)
		good := y.hire("good", nil)
		time.Sleep(time.Hour / 20)
		if y.handled(camera(0))+y.handled(camera(1)) == 0 {
			t.Error("nobody has read anything")
		}
		bad.fire()
		time.Sleep(30 * time.Second)
		y.wantSteps(2, time.Second, 0)
		good.fire()
	})
}

// A handler that never began to read gives its stream back as well.
func TestAHandlerThatReadsNothingKeepsNothing(t *testing.T) {
	inYard(t, 1, func(t *testing.T, y *yard) {
		bad := y.hire("bad", func(h *hand, _ *consumer.RunnerOptions) {
			h.open = func(millrace.StreamName) error { return errors.New("there is no disk") }
		})
		time.Sleep(100 * time.Millisecond)
		if was := bad.was(); len(was.left) != 1 {
			t.Errorf("handlers ended with %v", was.left)
		}
		y.wantHolds(map[string]int{})
		bad.fire()
	})
}

func TestAHandlerThatReturnsIsCalledAgainWhenItIsTime(t *testing.T) {
	inYard(t, 1, func(t *testing.T, y *yard) {
		h := y.hire("a", func(_ *hand, o *consumer.RunnerOptions) {
			o.Live.Until = consumer.Until{Time: serverTime(10)}
		})
		time.Sleep(62 * time.Second)
		if calls := len(h.was().taken); calls < 9 || calls > 13 {
			t.Errorf("the handler was called %d times in a minute", calls)
		}
		if n := y.handled(camera(0)); n != 9 {
			t.Errorf("%d fragments were handled", n)
		}
		h.fire()
	})
}

// A handler that ends its goroutine, as tests do, does not keep its stream.
func TestAHandlerThatExitsLetsItsStreamGo(t *testing.T) {
	inYard(t, 1, func(t *testing.T, y *yard) {
		h := y.hire("a", func(h *hand, _ *consumer.RunnerOptions) {
			h.handle = func(millrace.StreamName) error {
				if len(h.was().taken) == 1 {
					runtime.Goexit()
				}
				return nil
			}
		})
		time.Sleep(time.Minute)
		y.wantSteps(1, time.Second, 0)
		if left := h.was().left; len(left) != 1 || left[0] == nil {
			t.Errorf("handlers ended with %v", left)
		}
		h.fire()
		y.wantNobody()
	})
}

func TestARunnerBearsWithServersAndStoresThatAreAway(t *testing.T) {
	inYard(t, 4, func(t *testing.T, y *yard) {
		y.breakLists(1000)
		h := y.hire("a", nil)
		time.Sleep(time.Minute)
		if trouble := h.was().trouble; len(trouble) == 0 || !errors.Is(trouble[0], errNetwork) {
			t.Errorf("trouble was %v", trouble)
		}
		y.breakLists(0)
		time.Sleep(20 * time.Second)
		y.wantHolds(map[string]int{"a": 4})
		y.breakLists(1000)
		time.Sleep(time.Minute)
		y.wantSteps(4, time.Second, 0)
		if left := h.was().left; len(left) != 0 {
			t.Errorf("handlers ended with %v", left)
		}
		y.breakLists(0)
		h.fire()
		y.wantSaved()
	})
}

func TestARunnerThatCannotBeginSaysSo(t *testing.T) {
	inYard(t, 1, func(t *testing.T, y *yard) {
		handle := func(context.Context, millrace.StreamName, *consumer.Reader) error { return nil }
		store := new(checkpoint.Memory)
		for name, o := range map[string]consumer.RunnerOptions{
			"no name": {Store: store}, "no store": {App: "plates"},
			"a name that no store takes":    {App: "plates\x00", Store: store},
			"a server that does not let it": {App: "plates", Store: store},
		} {
			c := &consumer.Client{
				Endpoint:    "http://control",
				Credentials: millrace.StaticCredentials(millrace.Credentials{AccessKeyID: "AKIDTEST", SecretAccessKey: "secret"}),
				HTTPClient:  &http.Client{Transport: refusal{}},
			}
			if err := c.Run(t.Context(), o, handle); err == nil || errors.Is(err, context.Canceled) {
				t.Errorf("%s: it has ended with %v", name, err)
			}
		}
		for e := range store.List(t.Context(), "plates/workers") {
			t.Errorf("a worker is left: %+v", e)
		}
	})
}
