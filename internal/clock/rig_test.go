package clock_test

import (
	"testing"
	"time"

	"github.com/millrace/millrace/internal/clock"
)

// noon is when every test's machine was started.
func noon() time.Time { return time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC) }

// A machine has the two clocks that a test turns.
type machine struct {
	t       *testing.T
	boot    time.Duration
	wall    time.Time
	c       *clock.Clock
	notices []clock.Notice
	drift   time.Duration // what the wall clock gains in a second
}

func newMachine(t *testing.T) *machine { return &machine{t: t, boot: time.Hour, wall: noon()} }

// started is a machine whose server starts for the first time.
func started(t *testing.T) *machine {
	m := newMachine(t)
	m.start(time.Time{}, clock.Stamp{})
	return m
}

func (m *machine) start(last time.Time, stamp clock.Stamp) {
	m.c = clock.New(clock.Config{
		Wall: func() time.Time { return m.wall }, Boot: func() time.Duration { return m.boot },
		Last: last, Stamp: stamp,
		Events: clock.Events{Notice: func(n clock.Notice) { m.notices = append(m.notices, n) }},
	})
}

// restart ends the server and starts it again after a while. last is the newest
// server time in its packs.
func (m *machine) restart(off time.Duration, last time.Time) {
	stamp := m.c.Stamp()
	m.pass(off)
	m.start(last, stamp)
}

// pass lets time pass without anybody looking at the clock.
func (m *machine) pass(d time.Duration) {
	m.boot += d
	m.wall = m.wall.Add(d + d/time.Second*m.drift)
}

// run lets time pass with the clock being read every second, as it is.
func (m *machine) run(d time.Duration) {
	m.t.Helper()
	last := m.c.Now()
	for ; d > 0; d -= time.Second {
		m.pass(min(d, time.Second))
		now := m.c.Now()
		if now.Before(last) {
			m.t.Fatalf("time went back from %v to %v", last, now)
		}
		last = now
	}
}

// step sets the wall clock.
func (m *machine) step(by time.Duration) { m.wall = m.wall.Add(by) }

// want checks the server's time against the first moment, and the state.
func (m *machine) want(state clock.State, since time.Duration) {
	m.t.Helper()
	s := m.c.Status()
	if got := s.Server.Sub(noon()); s.State != state || (got-since).Abs() > time.Millisecond {
		m.t.Fatalf("%v at %v after noon, want %v at %v", s.State, got, state, since)
	}
}

// wantAge checks how old a fragment from noon looks to retention.
func (m *machine) wantAge(retention, age time.Duration) {
	m.t.Helper()
	if got := m.c.Since(retention).Add(retention).Sub(noon()); (got - age).Abs() > time.Second {
		m.t.Fatalf("with a retention of %v a fragment from noon looks %v old, want %v", retention, got, age)
	}
}

func (m *machine) alarms() int { return m.c.Status().Alarms }

// accept is what an operator does who looks and finds the wall clock right.
func (m *machine) accept() (before, after clock.Status) {
	m.t.Helper()
	before, after, err := m.c.Accept(m.c.Status().Difference)
	if err != nil {
		m.t.Fatal(err)
	}
	return before, after
}
