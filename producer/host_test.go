package producer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/wire"
)

const crowd = 200 // streams of one client

// away is what a call to a host fails with that is not there.
func away() error {
	return fmt.Errorf("put media: %w", &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED})
}

// refusal is an answer that is no success.
func refusal(status int, code millrace.Code, after time.Duration) error {
	return fmt.Errorf("put media: %w", &millrace.Error{Code: code, Err: &wire.RemoteError{Status: status, RetryAfter: after}})
}

// mustEnter enters and returns how long that took.
func mustEnter(t *testing.T, h *host) (*visit, time.Duration) {
	t.Helper()
	began := time.Now()
	v, err := h.enter(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return v, time.Since(began)
}

// within fails the test if a time is out of its bounds.
func within(t *testing.T, what string, got, least, most time.Duration) {
	t.Helper()
	if got < least || got > most {
		t.Errorf("%s took %v, not %v to %v", what, got, least, most)
	}
}

func TestAHostThatIsUpIsVisitedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h host
		visits := make([]*visit, crowd)
		for i := range visits {
			var took time.Duration
			visits[i], took = mustEnter(t, &h)
			within(t, "a visit", took, 0, 0)
		}
		for _, v := range visits {
			v.done(nil)
		}
	})
}

// An outage of ten minutes with a crowd in front of the host, which all its
// connections notice at once.
func TestACrowdMakesOneProbeAtATimeAndComesBackOneByOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h host
		var mu sync.Mutex // guards what follows
		var probes, releases []time.Time
		var under int
		back := time.Now().Add(10 * time.Minute)
		visitor := func() {
			h.broke()
			for {
				v, err := h.enter(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				now := time.Now()
				mu.Lock()
				if now.Before(back) {
					probes = append(probes, now)
					if under++; under > 1 {
						t.Errorf("%d probes at once", under)
					}
				} else {
					releases = append(releases, now)
				}
				mu.Unlock()
				time.Sleep(3 * time.Second)
				mu.Lock()
				if now.Before(back) {
					under--
				}
				mu.Unlock()
				if !now.Before(back) {
					v.done(nil)
					return
				}
				v.done(away())
			}
		}
		began := time.Now()
		var all sync.WaitGroup
		for range crowd {
			all.Go(visitor)
		}
		all.Wait()

		bound, last := minAbsence, began
		for i, at := range probes {
			within(t, fmt.Sprint("the wait before probe ", i), at.Sub(last), minAbsence/2, minAbsence/2+bound)
			bound, last = min(2*bound, maxAbsence), at.Add(3*time.Second)
		}
		if n := len(probes); n < 20 || n > 80 {
			t.Errorf("%d probes in 10 minutes", n)
		}
		if len(releases) != crowd {
			t.Fatalf("%d came back", len(releases))
		}
		for i, at := range releases[1:] {
			if i == 0 {
				at = at.Add(-3 * time.Second) // the probe's own time
			}
			within(t, fmt.Sprint("the release of ", i+1), at.Sub(releases[i]), releaseEvery/2, releaseEvery*3/2)
		}
		within(t, "the release of all", releases[crowd-1].Sub(releases[1]), (crowd-2)*releaseEvery*8/10, (crowd-2)*releaseEvery*12/10)
	})
}

func TestThoseInLineAreLetInInTheOrderOfArrival(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h host
		var mu sync.Mutex
		var order []int
		var all sync.WaitGroup
		arrive := func(n int) {
			all.Go(func() {
				v, _ := mustEnter(t, &h)
				mu.Lock()
				order = append(order, n)
				mu.Unlock()
				v.done(nil)
			})
			synctest.Wait()
		}
		h.broke()
		probe, _ := mustEnter(t, &h)
		for n := range 10 {
			arrive(n)
		}
		probe.done(nil)
		time.Sleep(releaseEvery * 3)
		for n := 10; n < 20; n++ { // while others stand in line
			arrive(n)
		}
		mu.Lock()
		if len(order) >= 10 {
			t.Errorf("%d were let in within %v", len(order), releaseEvery*3)
		}
		mu.Unlock()
		all.Wait()
		for i, n := range order {
			if i != n {
				t.Fatalf("let in as %v", order)
			}
		}
		time.Sleep(releaseEvery * 2)
		for range 5 {
			_, took := mustEnter(t, &h)
			within(t, "a visit after all that", took, 0, 0)
		}
	})
}

// What is known already makes the wait no longer: only a probe that fails does.
func TestOnlyProbesMakeTheWaitLonger(t *testing.T) {
	for name, events := range map[string]func(*host, []*visit){
		"breaks": func(h *host, _ []*visit) {
			for range crowd {
				h.broke()
			}
		},
		"failures of visits from before": func(_ *host, visits []*visit) {
			for _, v := range visits {
				v.done(away())
			}
		},
		"both": func(h *host, visits []*visit) {
			for _, v := range visits {
				h.broke()
				v.done(away())
				v.broke()
			}
		},
		"answers from before": func(h *host, visits []*visit) {
			h.broke()
			for _, v := range visits {
				v.done(nil)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var h host
				visits := make([]*visit, crowd)
				for i := range visits {
					visits[i], _ = mustEnter(t, &h)
				}
				events(&h, visits)
				probe, took := mustEnter(t, &h)
				within(t, "the first wait", took, minAbsence/2, minAbsence*3/2)
				events(&h, visits) // and while the probe is under way
				probe.done(away())
				_, took = mustEnter(t, &h)
				within(t, "the second wait", took, minAbsence/2, minAbsence*5/2)
			})
		})
	}
}

func TestAnOldVisitDoesNotTakeAHostDownThatIsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h host
		old, _ := mustEnter(t, &h)
		broken, _ := mustEnter(t, &h)
		broken.done(nil)
		h.broke()
		probe, _ := mustEnter(t, &h)
		probe.done(nil)
		time.Sleep(releaseEvery * 2)
		old.done(away())
		broken.broke()
		_, took := mustEnter(t, &h)
		within(t, "a visit", took, 0, 0)
		probe.broke()
		_, took = mustEnter(t, &h)
		within(t, "a visit after the probe's connection broke", took, minAbsence/2, minAbsence*3/2)
	})
}

func TestWhatShowsThatAHostIsThere(t *testing.T) {
	for name, tc := range map[string]struct {
		err error
		up  bool
	}{
		"success":                  {nil, true},
		"400":                      {refusal(400, millrace.CodeInvalidArgument, 0), true},
		"403":                      {refusal(403, millrace.CodeAccessDenied, 0), true},
		"429, later":               {refusal(429, millrace.CodeRateLimit, time.Hour), true},
		"500":                      {refusal(500, millrace.CodeInternal, 0), true},
		"an answer without a head": {millrace.Errorf(millrace.CodeNotFound, "gone"), true},
		"502":                      {refusal(502, millrace.CodeInternal, 0), false},
		"503":                      {refusal(503, millrace.CodeUnavailable, 0), false},
		"504":                      {refusal(504, millrace.CodeInternal, 0), false},
		"unavailable":              {millrace.Errorf(millrace.CodeUnavailable, "overloaded"), false},
		"nobody there":             {away(), false},
		"cut off":                  {io.ErrUnexpectedEOF, false},
		"a time-out of the call":   {context.DeadlineExceeded, false},
		"cancelled by who asked":   {fmt.Errorf("dial: %w", context.Canceled), true},
		"no handshake":             {errors.New("tls: internal error"), false},
		"no such name":             {&net.DNSError{Err: "no such host", Name: "media.test"}, false},

		"a gateway without a cause": {&wire.RemoteError{Status: 502}, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var h host
				v, _ := mustEnter(t, &h)
				v.done(tc.err)
				if _, took := mustEnter(t, &h); (took == 0) != tc.up {
					t.Errorf("the next visit had to wait %v", took)
				}
			})
		})
	}
}

func TestAHostIsLeftAloneAsLongAsItAsks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h host
		first, _ := mustEnter(t, &h)
		second, _ := mustEnter(t, &h)
		first.done(refusal(503, millrace.CodeUnavailable, 5*time.Second))
		time.Sleep(time.Second)
		second.done(refusal(503, millrace.CodeUnavailable, 7*time.Second))
		probe, took := mustEnter(t, &h)
		within(t, "the wait", took, 7*time.Second, 7*time.Second)
		probe.done(refusal(503, millrace.CodeUnavailable, time.Minute))
		probe, took = mustEnter(t, &h)
		within(t, "the wait after the probe", took, time.Minute, time.Minute)
		probe.done(nil)
		time.Sleep(releaseEvery * 2)
		_, took = mustEnter(t, &h)
		within(t, "the visit after that", took, 0, 0)
	})
}

func TestWhoStopsWaitingHoldsNobodyUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h host
		h.broke()
		probe, _ := mustEnter(t, &h)
		gone := errors.New("the stream is closed")
		var all sync.WaitGroup
		var mu sync.Mutex
		var stayed, left int
		for i := range 20 {
			ctx, cancel := context.WithCancelCause(t.Context())
			all.Go(func() {
				v, err := h.enter(ctx)
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					if left++; !errors.Is(err, gone) {
						t.Error(err)
					}
					return
				}
				stayed++
				v.done(nil)
			})
			synctest.Wait()
			if i%2 == 0 { // the first in line among them
				time.AfterFunc(time.Second, func() { cancel(gone) })
			} else {
				defer cancel(nil)
			}
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if left != 10 || len(h.line) != 10 {
			t.Errorf("%d left, %d stand in line", left, len(h.line))
		}
		began := time.Now()
		probe.done(nil)
		all.Wait()
		if stayed != 10 {
			t.Errorf("%d were let in", stayed)
		}
		within(t, "the release", time.Since(began), 5*releaseEvery, 15*releaseEvery)
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(gone)
		if _, err := h.enter(ctx); !errors.Is(err, gone) {
			t.Errorf("who is gone gets %v", err)
		}
	})
}

func TestAProbeThatItsCallerEndsIsFollowedAtOnce(t *testing.T) {
	for name, tc := range map[string]struct {
		end         func(context.Context) (context.Context, context.CancelFunc)
		least, most time.Duration
	}{
		"cancelled": {context.WithCancel, 0, 0},
		"out of time": {func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, time.Second)
		}, minAbsence / 2, minAbsence * 5 / 2}, // the host was waited for
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var h host
				h.broke()
				ctx, cancel := tc.end(t.Context())
				defer cancel()
				probe, err := h.enter(ctx)
				if err != nil {
					t.Fatal(err)
				}
				time.AfterFunc(time.Second, func() {
					cancel()
					probe.done(fmt.Errorf("read response: %w", context.Cause(ctx)))
				})
				next, took := mustEnter(t, &h)
				within(t, "the next probe", took, time.Second+tc.least, time.Second+tc.most)
				next.done(away())
				_, took = mustEnter(t, &h)
				within(t, "the one after that", took, minAbsence/2, minAbsence*9/2)
			})
		})
	}
}

// Whatever comes together, there is one probe at most while a host is down, and
// everybody is let in in the end.
func TestBreaksAnswersAndEndsAtOnce(t *testing.T) {
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			var h host
			var all sync.WaitGroup
			for n := range uint64(30) {
				rnd := rand.New(rand.NewPCG(seed, n))
				all.Go(func() {
					for range 30 {
						ctx, cancel := context.WithTimeout(t.Context(), time.Duration(rnd.Int64N(int64(20*time.Second))))
						v, err := h.enter(ctx)
						if err != nil {
							cancel()
							continue
						}
						h.mu.Lock()
						if h.down && h.probe != v && h.outages == v.outages { // it began while the host was down
							t.Errorf("seed %d: a visit beside the probe", seed)
						}
						h.mu.Unlock()
						if rnd.IntN(3) == 0 {
							time.Sleep(time.Duration(rnd.Int64N(int64(time.Second))))
						}
						v.done([]error{nil, away(), context.Cause(ctx), refusal(503, millrace.CodeUnavailable, time.Second)}[rnd.IntN(4)])
						if rnd.IntN(4) == 0 {
							h.broke()
						}
						cancel()
					}
				})
			}
			all.Wait()
			if len(h.line) > 0 || h.probe != nil {
				t.Errorf("seed %d: %d stand in line, probe %v", seed, len(h.line), h.probe)
			}
			v, took := mustEnter(t, &h)
			within(t, "a visit in the end", took, 0, maxAbsence*3/2)
			v.done(nil)
		})
	}
}

func TestHostsAreKnownByName(t *testing.T) {
	var all hosts
	a, b := all.of("a.test:80"), all.of("b.test:80")
	if a == b || a != all.of("a.test:80") {
		t.Error("hosts are mixed up")
	}
	b.broke()
	for n := range 3 * maxHosts {
		all.of(fmt.Sprint(n, ".test:443"))
		if len(all.known) > maxHosts {
			t.Fatalf("%d hosts are known", len(all.known))
		}
	}
	if b != all.of("b.test:80") {
		t.Error("a host that is down was forgotten")
	}
	for n := range 3 * maxHosts {
		all.of(fmt.Sprint(n, ".test:443")).broke()
	}
	if n := len(all.known); n > maxHosts {
		t.Errorf("%d hosts are known", n)
	}
}

func TestWhoComesStandsBehindWhoIsInLine(t *testing.T) {
	var h host
	h.line = append(h.line, make(chan struct{}, 1)) // woken, but it did not get to run yet
	if h.arrive(t.Context(), make(chan struct{}, 1)) != nil || len(h.line) != 2 {
		t.Error("somebody was let in before who was there first")
	}
}

func TestTheNextKeepsTheTimeWhenTheFirstInLineGoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h host
		v, _ := mustEnter(t, &h)
		v.done(refusal(503, millrace.CodeUnavailable, time.Minute))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		gone := make(chan error)
		go func() {
			_, err := h.enter(ctx)
			gone <- err
		}()
		synctest.Wait()
		took := make(chan time.Duration)
		go func() {
			_, d := mustEnter(t, &h)
			took <- d
		}()
		if err := <-gone; !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		within(t, "the wait of the second", <-took, time.Minute, time.Minute)
	})
}

func TestEveryOutageBeginsWithAShortWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h host
		for range 20 {
			h.broke()
			for n := range 8 {
				v, took := mustEnter(t, &h)
				if n == 0 {
					within(t, "the first wait", took, minAbsence/2, minAbsence*3/2)
				}
				v.done(away())
			}
			v, _ := mustEnter(t, &h)
			v.done(nil)
		}
	})
}
