package store_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/millrace/millrace/internal/store/mem"
)

// Of a crash there are as many outcomes as this at most, besides a kill.
const (
	crashOutcomes   = 3
	tortureOutcomes = 8
)

// crashSeeds is how many programs of each scenario are tried, and tortureShare
// what makes more of them out of MILLRACE_TORTURE.
const (
	crashSeeds   = 1
	tortureShare = 5
)

// leastCrashPoints is how many calls in which the power fails make a test.
const leastCrashPoints = 1000

// TestCrash cuts the power in each mutating call of every scenario, goes on
// from what that may leave, crashes again on the way, and checks I1 to I7. With
// MILLRACE_TORTURE it does so for more seeds and outcomes.
func TestCrash(t *testing.T) {
	if r, mine, asked := replayed("crash"); asked {
		if !mine {
			t.Skip("another test is replayed")
		}
		if err := replayCrash(t, r); err != nil {
			t.Fatalf("%v: %v", r, err)
		}
		return
	}
	seeds, limit := crashSeeds, crashOutcomes
	if n := torture(t); n > 0 {
		seeds, limit = max(crashSeeds, n/tortureShare), tortureOutcomes
	}
	var points, outcomes, ran atomic.Int64
	t.Run("all", func(t *testing.T) {
		for _, s := range scenarios() {
			t.Run(s.name, func(t *testing.T) {
				t.Parallel()
				for seed := range uint64(seeds) {
					c := crashes{scenario: s, seed: seed, limit: limit}
					if err := c.all(); err != nil {
						t.Fatalf("%v\nreplay: %s", err, c.at.command("TestCrash"))
					}
					points.Add(int64(c.points))
					outcomes.Add(int64(c.outcomes))
				}
				ran.Add(1)
			})
		}
	})
	t.Logf("%d crash points, %d outcomes", points.Load(), outcomes.Load())
	whole := int(ran.Load()) == len(scenarios()) // not if only some of them were asked for
	if n := points.Load(); whole && n < leastCrashPoints && !raced {
		t.Errorf("only %d crash points", n)
	}
}

// torture is what MILLRACE_TORTURE says, 0 if it says nothing.
func torture(t *testing.T) int {
	t.Helper()
	text := os.Getenv("MILLRACE_TORTURE")
	if text == "" {
		return 0
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("MILLRACE_TORTURE: %v", err)
	}
	return n
}

// crashes are all those of one scenario and seed.
type crashes struct {
	scenario scenario
	seed     uint64
	limit    int  // of outcomes
	lies     bool // the disk confirms syncs that it does not make

	at       replay // the one under way
	points   int
	outcomes int
}

// all tries every one.
func (c *crashes) all() error {
	last, err := c.last()
	if err != nil {
		return err
	}
	for k := 1; k <= last+1; k++ {
		if leftOut(k) {
			continue
		}
		if err := c.point(k, -1); err != nil {
			return err
		}
	}
	return nil
}

// last runs the scenario without a crash, and returns how many mutations it
// makes.
func (c *crashes) last() (int, error) {
	c.at = c.line(0, 0)
	w := c.begin()
	if err := guarded(c.at, func() error { return c.run(w) }); err != nil {
		return 0, fmt.Errorf("without a crash: %w", err)
	}
	if w.count(kept) == 0 {
		return 0, fmt.Errorf("scenario %s keeps nothing", c.scenario.name)
	}
	return w.mutations(), nil
}

func (c *crashes) begin() *world {
	m := newMachine()
	m.lies = c.lies
	return c.scenario.begin(c.seed, m)
}

// run runs the scenario and closes the engine.
func (c *crashes) run(w *world) error {
	return w.do(func() error { return c.scenario.run(w) }, w.close)
}

func (c *crashes) line(k, outcome int) replay {
	r := replay{kind: "crash"}.with("scenario", c.scenario.name).with("seed", c.seed).with("k", k).
		with("outcome", outcome).with("of", c.limit)
	if c.lies {
		r = r.with("lies", "sync")
	}
	return r
}

// point crashes in the k-th mutation, and goes on from each outcome, or from
// one only.
func (c *crashes) point(k, only int) error {
	c.at = c.line(k, 0)
	w := c.begin()
	w.crashAt(k)
	if err := guarded(c.at, func() error { return c.run(w) }); err != nil {
		return fmt.Errorf("before the crash: %w", err)
	}
	left := mem.Outcomes(c.limit, c.seed<<32|uint64(k), w.machine.crash)
	left = append(left, w.machine.kill())
	c.points++
	for i, m := range left {
		if only >= 0 && i != only {
			continue
		}
		c.at = c.line(k, i)
		c.outcomes++
		after := w.fork(c.seed<<32|uint64(k)<<8|uint64(i), m)
		if err := guarded(c.at, after.goOn); err != nil {
			return err
		}
	}
	return nil
}

// goOn starts again, once for a look and without the index, crashes on the way,
// and starts again.
func (w *world) goOn() error {
	if err := w.checkFork(1); err != nil {
		return fmt.Errorf("after the crash: %w", err)
	}
	w.crashAt(1 + w.rand.IntN(24))
	if err := w.again(); err != nil {
		return fmt.Errorf("after the crash: %w", err)
	}
	choose := rand.New(rand.NewPCG(w.rand.Uint64(), 1))
	w.move(w.machine.crash(choose.IntN))
	if err := w.again(); err != nil {
		return fmt.Errorf("after the second crash: %w", err)
	}
	return w.checkBare()
}

// again opens what a crash has left, checks it, and uses it.
func (w *world) again() error {
	w.machine.fs.SetCapacity(0)
	return w.do(
		w.open, w.check,
		func() error { return w.learn(true) },
		func() error { return w.mustPut(batch{n: 3, size: 2000}) },
		w.maintain, w.checkAccounts, w.checkFiles,
	)
}

// checkBare has another engine make the index from the packs alone, as a kill
// leaves them, and checks that it finds the same.
func (w *world) checkBare() error { return w.checkFork(w.rand.Uint64()) }

// checkFork is checkBare with a seed, so that it changes nothing of what comes.
func (w *world) checkFork(seed uint64) error {
	bare := w.fork(seed, w.machine.bare())
	if err := bare.do(bare.open, bare.check, bare.maintain, bare.checkAccounts); err != nil {
		return fmt.Errorf("with a new index: %w", err)
	}
	return nil
}

// mustPut puts fragments of which every one must be confirmed, if there can be
// room for it.
func (w *world) mustPut(b batch) error {
	before, full := w.count(failed), w.full
	if err := w.put(b); err != nil {
		return err
	}
	refused := w.count(failed) - before
	if w.tight {
		refused -= w.full - full
	}
	if refused > 0 {
		return fmt.Errorf("a healthy disk refused %d fragments (I8)", refused)
	}
	return nil
}

// replayCrash does what one line says.
func replayCrash(t *testing.T, r replay) error {
	t.Helper()
	for _, s := range scenarios() {
		if s.name != r.text("scenario") {
			continue
		}
		c := crashes{scenario: s, seed: uint64(r.number("seed")), limit: r.number("of"), lies: r.text("lies") != ""}
		if k := r.number("k"); k > 0 {
			return c.point(k, r.number("outcome"))
		}
		_, err := c.last()
		return err
	}
	t.Fatalf("no scenario is called %q", r.text("scenario"))
	return nil
}
