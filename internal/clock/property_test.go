package clock_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/millrace/millrace/internal/clock"
)

// A witness of a clock remembers what it must not contradict.
type witness struct {
	*machine
	t      *rapid.T
	last   time.Time // server time
	bound  time.Time // the latest that it may be (C2)
	held   []reading // of the wall clock in the last minute
	since  map[time.Duration]time.Time
	shots  []shot
	calm   time.Duration // boot time of the last thing that somebody did to the clock
	starts int
}

// A reading is a second of the wall clock, or the end of a longer time.
type reading struct {
	offset time.Duration // against the time since boot
	seen   time.Duration // what it shows
}

// A shot is a fragment: when it was stamped, and what it was stamped with.
type shot struct {
	boot  time.Duration
	stamp time.Time
}

// The retentions that are watched.
func retentions() []time.Duration { return []time.Duration{time.Hour, day, 7 * day, 30 * day} }

// second lets one second pass, or many that nobody sees, and checks C1 and C2.
func (w *witness) second(unseen time.Duration) {
	d := unseen + time.Second
	w.pass(d)
	w.held = append(w.held, reading{w.wall.Sub(noon()) - w.boot, min(d, 10*time.Second)})
	w.bound = w.bound.Add(d + d/20)
	// The wall clock was never less far on in the last minute than this. The
	// first reading of it may not be here.
	seen, least := time.Duration(0), w.held[len(w.held)-1].offset
	for i := len(w.held) - 1; i >= 0 && seen < 59*time.Second; i-- {
		seen += w.held[i].seen
		least = min(least, w.held[i].offset)
	}
	if seen >= 59*time.Second {
		w.bound = later(w.bound, noon().Add(least+w.boot+time.Minute))
	}
	w.check()
}

func (w *witness) check() {
	now := w.c.Now()
	if now.Before(w.last) {
		w.t.Fatalf("C1: time went back from %v to %v", w.last, now)
	}
	if now.After(w.bound) {
		w.t.Fatalf("C2: time is %v, and may be %v at most", now, w.bound)
	}
	w.last = now
	if e := w.c.Status().Expiry; e.After(now) {
		w.t.Fatalf("expiry %v is ahead of the time %v", e, now)
	}
	for r, before := range w.since {
		since := w.c.Since(r)
		if since.Before(before) {
			w.t.Fatalf("what had expired at a retention of %v is back: %v after %v", r, since, before)
		}
		w.since[r] = since
	}
}

// shoot stamps a fragment.
func (w *witness) shoot() { w.shots = append(w.shots, shot{w.boot, w.c.Now()}) }

// judge checks C3 for all fragments. Nobody has accepted anything, and the wall
// clock was never looked at for a day.
func (w *witness) judge() {
	for _, r := range retentions() {
		since := w.c.Since(r)
		for _, s := range w.shots {
			age := w.boot - s.boot
			expired := s.stamp.Before(since)
			if lost := r - age; expired && lost > time.Hour*time.Duration(1+w.starts)+w.boot/10 {
				w.t.Fatalf("C3: a fragment is gone after %v of %v", age, r)
			}
			if over := age - r; !expired && over > time.Hour+w.boot/10 && w.boot-w.calm > r+time.Hour {
				w.t.Fatalf("C3: a fragment is kept for %v instead of %v", age, r)
			}
		}
	}
}

func TestTheClockKeepsItsPromises(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := &witness{machine: newMachine(t), t: rt, since: map[time.Duration]time.Time{}}
		w.machine.start(time.Time{}, clock.Stamp{})
		w.last, w.bound = w.c.Now(), w.c.Now()
		for _, r := range retentions() {
			w.since[r] = w.c.Since(r)
		}
		span := rapid.Int64Range(int64(-3*time.Minute), int64(3*time.Minute))
		leap := rapid.Int64Range(int64(-400*day), int64(400*day))
		for range rapid.IntRange(1, 8).Draw(rt, "acts") {
			w.shoot()
			switch rapid.IntRange(0, 6).Draw(rt, "act") {
			case 0:
				w.step(time.Duration(span.Draw(rt, "small step")))
			case 1, 2:
				w.step(time.Duration(leap.Draw(rt, "step")))
			case 3:
				w.wall = w.last // it is mended
			case 4:
				w.drift = time.Duration(rapid.Int64Range(-5e5, 5e5).Draw(rt, "drift"))
			case 5:
				w.second(time.Duration(rapid.Int64Range(0, int64(3*day)).Draw(rt, "sleep")))
			case 6:
				w.restart(time.Duration(rapid.Int64Range(0, int64(3*day)).Draw(rt, "off")))
			}
			w.calm = w.boot
			for range rapid.IntRange(0, 100).Draw(rt, "seconds") {
				w.second(0)
			}
			w.judge()
		}
		w.rest(rt)
	})
}

// restart starts the server anew. The packs may know of the last fragment or not.
func (w *witness) restart(off time.Duration) {
	var newest time.Time
	if n := len(w.shots); n > 0 {
		newest = w.shots[n-1].stamp
	}
	w.machine.restart(off, newest)
	w.starts++
	w.held = nil
	if ahead := w.wall.Sub(w.last); ahead > 0 && ahead <= 31*day {
		w.bound = later(w.bound, w.wall) // it is believed at a start
	}
	w.bound = w.bound.Add(off)
	w.check()
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// rest lets a long time pass without steps and looks whether all that is due
// has gone.
func (w *witness) rest(rt *rapid.T) {
	w.drift = 0
	w.calm = w.boot
	for range 40 {
		for range 10 {
			w.second(0)
		}
		w.second(3 * time.Hour)
	}
	w.judge()
}
