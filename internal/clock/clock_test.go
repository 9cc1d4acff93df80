package clock_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace/internal/clock"
)

const (
	day  = 24 * time.Hour
	year = 365 * day
)

func TestStart(t *testing.T) {
	for name, tc := range map[string]struct {
		last, trusted time.Duration // before or behind noon
		none          bool          // nothing is known from before
		lost          bool          // but what stands in the packs
		wall          time.Duration
		want          time.Duration // server's time at once
		state         clock.State
		later         time.Duration // and after two minutes
		age           time.Duration // how far expiry is then, for long retentions
	}{
		"the first one": {none: true, want: 0, later: 2 * time.Minute, age: 2 * time.Minute},
		"the first one, in 1970": {
			none: true, wall: -56 * year, want: -56 * year, later: -56*year + 2*time.Minute, age: -56*year + 2*time.Minute,
		},
		"at once": {last: -time.Second, trusted: -time.Minute, want: 0, later: 2 * time.Minute, age: 2 * time.Minute},
		"after half an hour": {
			last: -30 * time.Minute, trusted: -31 * time.Minute, want: 0, later: 2 * time.Minute, age: 2 * time.Minute,
		},
		"after five days": {
			last: -5 * day, trusted: -5 * day, want: 0, later: 2 * time.Minute, age: -5*day + 2*time.Minute,
		},
		"after five days, with a control state that knows no time": {
			last: -5 * day, lost: true, want: 0, later: 2 * time.Minute, age: -5*day + 2*time.Minute,
		},
		"after five weeks": {
			last: -35 * day, trusted: -35 * day, want: -35 * day, state: clock.Ahead,
			later: 2 * time.Minute, age: -35*day + 2*time.Minute,
		},
		"with a clock a second behind": {
			last: 10 * time.Second, trusted: -time.Minute, want: 10 * time.Second,
			later: 2*time.Minute + 4*time.Second, age: 2*time.Minute + 4*time.Second,
		},
		"with a clock an hour behind": {
			last: time.Hour, trusted: time.Hour, want: time.Hour, state: clock.Behind,
			later: time.Hour + 2*time.Minute, age: time.Hour + 2*time.Minute,
		},
		"with a clock in 1970": {
			last: 0, trusted: 0, wall: -56 * year, want: 0, state: clock.Behind, later: 2 * time.Minute, age: 2 * time.Minute,
		},
		"with a clock before 1970": {
			last: 0, trusted: 0, wall: -157 * year, want: 0, state: clock.Behind, later: 2 * time.Minute, age: 2 * time.Minute,
		},
		"with a clock in 2040": {
			last: 0, trusted: 0, wall: 14 * year, want: 0, state: clock.Ahead, later: 14*year + 2*time.Minute, age: 2 * time.Minute,
		},
		"with the control state of three days ago": {
			last: 0, trusted: -3 * day, want: 0, later: 2 * time.Minute, age: -3*day + 2*time.Minute,
		},
		"with a control state that knows no time": {
			last: -time.Minute, lost: true, want: 0, later: 2 * time.Minute, age: 2 * time.Minute,
		},
		"in the middle of a quarantine": {
			last: 14 * year, trusted: 0, wall: 14*year + time.Minute, want: 14*year + time.Minute,
			later: 14*year + 3*time.Minute, age: 2 * time.Minute,
		},
		"after a leap that was wrong": {
			last: 14 * year, trusted: 0, want: 14 * year, state: clock.Behind,
			later: 14*year + 2*time.Minute, age: 2 * time.Minute,
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMachine(t)
			m.step(tc.wall)
			switch {
			case tc.none:
				m.start(time.Time{}, clock.Stamp{})
			case tc.lost:
				m.start(noon().Add(tc.last), clock.Stamp{})
			default:
				m.start(noon().Add(tc.last), clock.Stamp{Server: noon().Add(tc.trusted)})
			}
			m.want(tc.state, tc.want)
			m.run(2 * time.Minute)
			if got := m.c.Now().Sub(noon()); (got - tc.later).Abs() > time.Second {
				t.Errorf("server time is %v after two minutes, want %v", got, tc.later)
			}
			m.wantAge(100*year, tc.age)
		})
	}
}

func TestItGoesOnWithoutBeingRead(t *testing.T) {
	m := started(t)
	m.pass(10 * time.Hour) // suspended, or nobody there
	m.want(clock.InStep, 10*time.Hour)
	if n := len(m.notices); n > 0 {
		t.Errorf("%d notices", n)
	}
}

func TestAClockThatMustNotGoBackAndDoes(t *testing.T) {
	m := started(t)
	m.run(time.Minute)
	m.boot -= 30 * time.Second
	m.want(clock.InStep, time.Minute)
	m.run(time.Minute)
	m.want(clock.InStep, 90*time.Second+time.Second+500*time.Millisecond)
}

// Where the clock stands still while the machine sleeps, waking up is a step.
func TestASleepThatIsNotCounted(t *testing.T) {
	m := started(t)
	m.run(time.Minute)
	m.step(3 * time.Hour)
	m.run(59 * time.Second)
	m.want(clock.Ahead, 119*time.Second)
	m.run(61 * time.Second)
	m.want(clock.InStep, 3*time.Hour+3*time.Minute)
	m.wantAge(day, 3*time.Minute)
}

func TestSmallDifferencesAreSlewed(t *testing.T) {
	for name, tc := range map[string]struct {
		by   time.Duration
		wait time.Duration
		want time.Duration // what is left of it
	}{
		"a second forward":       {time.Second, 10 * time.Second, time.Second / 2},
		"a second backward":      {-time.Second, 10 * time.Second, -time.Second / 2},
		"a second forward, all":  {time.Second, 20 * time.Second, 0},
		"a second backward, all": {-time.Second, 22 * time.Second, 0},
		"a minute forward":       {time.Minute, 10 * time.Minute, 30 * time.Second},
		"a minute backward":      {-time.Minute, 10 * time.Minute, -30 * time.Second},
		"a minute forward, all":  {time.Minute, 20 * time.Minute, 0},
	} {
		t.Run(name, func(t *testing.T) {
			m := started(t)
			m.step(tc.by)
			m.run(tc.wait)
			m.want(clock.InStep, tc.wait+tc.by-tc.want)
			if m.alarms() > 0 {
				t.Error("an alarm")
			}
		})
	}
}

// A clock that is being led back is 500 millionths wrong.
func TestAClockThatIsSlewedIsFollowed(t *testing.T) {
	for _, drift := range []time.Duration{500 * time.Microsecond, -500 * time.Microsecond} {
		m := started(t)
		m.drift = drift
		m.run(3 * time.Hour)
		if d := m.c.Status().Difference.Abs(); d > time.Millisecond || m.alarms() > 0 {
			t.Errorf("%v away, %d alarms", d, m.alarms())
		}
	}
}

func TestAStepForwardIsFollowedOnceItHasHeld(t *testing.T) {
	m := started(t)
	m.run(time.Minute)
	m.step(10 * time.Minute)
	m.run(59 * time.Second)
	m.want(clock.Ahead, 119*time.Second)
	if s := m.c.Status(); s.Hold != time.Second {
		t.Errorf("%v to go", s.Hold)
	}
	m.run(time.Second)
	m.want(clock.InStep, 12*time.Minute)
	m.wantAge(day, 12*time.Minute)
	if s := m.c.Status(); s.Steps != 1 || s.Alarms != 1 || s.Quarantine != 0 {
		t.Errorf("%+v", s)
	}
}

func TestAStepForwardThatGoesBackIsForgotten(t *testing.T) {
	m := started(t)
	for range 5 {
		m.step(year)
		m.run(59 * time.Second)
		m.step(-year)
		m.run(time.Second)
	}
	m.want(clock.InStep, 5*time.Minute)
	m.wantAge(day, 5*time.Minute)
	if s := m.c.Status(); s.Steps != 0 || s.Alarms != 5 {
		t.Errorf("%+v", s)
	}
}

func TestAStepInAStepIsWatchedAnew(t *testing.T) {
	m := started(t)
	m.step(10 * time.Minute)
	m.run(50 * time.Second)
	m.step(10 * time.Minute)
	m.run(50 * time.Second)
	m.want(clock.Ahead, 100*time.Second)
	m.step(-12 * time.Minute)
	m.run(50 * time.Second)
	m.want(clock.Ahead, 150*time.Second)
	m.run(11 * time.Second)
	m.want(clock.InStep, 161*time.Second+8*time.Minute)
}

// Two readings far apart do not show that it was so in between.
func TestASteppedClockMustBeSeen(t *testing.T) {
	m := started(t)
	m.step(10 * time.Minute)
	for i := range 6 {
		m.want(clock.Ahead, time.Duration(i)*time.Hour)
		m.pass(time.Hour)
	}
	m.want(clock.InStep, 6*time.Hour+10*time.Minute)
}

func TestAStepBackwardIsNotFollowed(t *testing.T) {
	m := started(t)
	m.run(time.Minute)
	m.step(-2 * time.Hour)
	m.run(3 * time.Hour)
	m.want(clock.Behind, 3*time.Hour+time.Minute)
	m.wantAge(day, 3*time.Hour+time.Minute)
	m.step(2 * time.Hour) // it has been mended
	m.run(time.Second)
	m.want(clock.InStep, 3*time.Hour+time.Minute+time.Second)
}

func TestAStepBackwardThatIsAcceptedIsCaughtUpWith(t *testing.T) {
	m := started(t)
	m.run(time.Minute)
	m.step(-time.Hour)
	m.run(time.Minute)
	if before, after := m.accept(); before.State != clock.Behind || after.State != clock.CatchingUp {
		t.Errorf("from %v to %v", before.State, after.State)
	}
	m.want(clock.CatchingUp, 2*time.Minute)
	m.run(time.Hour)
	m.want(clock.CatchingUp, 32*time.Minute)
	m.run(time.Hour + 20*time.Minute)
	m.want(clock.InStep, time.Hour+22*time.Minute)
}

func TestAnotherStepBackwardNeedsAnotherAcceptance(t *testing.T) {
	m := started(t)
	m.step(-time.Hour)
	m.accept()
	m.run(time.Minute)
	m.step(-time.Hour)
	m.run(time.Minute)
	m.want(clock.Behind, 90*time.Second)
	if m.alarms() != 2 {
		t.Errorf("%d alarms", m.alarms())
	}
}

func TestAStepForwardThatIsAcceptedIsFollowedAtOnce(t *testing.T) {
	m := started(t)
	m.step(5 * day)
	m.run(time.Second)
	m.want(clock.Ahead, time.Second)
	m.accept()
	m.want(clock.InStep, 5*day+time.Second)
	m.wantAge(day, 5*day+time.Second)
}

// Nobody moves the server's clock by moving house.
func TestTimeZonesAndSummerTimeAreNoSteps(t *testing.T) {
	m := started(t)
	for _, zone := range []*time.Location{time.FixedZone("west", -8*3600), time.FixedZone("summer", -7*3600), time.UTC} {
		m.wall = m.wall.In(zone)
		m.run(time.Minute)
		if zone := m.c.Now().Location(); zone != time.UTC {
			t.Errorf("time is in %v", zone)
		}
	}
	m.want(clock.InStep, 3*time.Minute)
	if m.alarms() > 0 {
		t.Error("an alarm")
	}
}

func TestAClockThatStepsToAndFroDoesNotFillTheLog(t *testing.T) {
	var log bytes.Buffer
	m := newMachine(t)
	m.c = clock.New(clock.Config{
		Wall: func() time.Time { return m.wall }, Boot: func() time.Duration { return m.boot },
		Logger: slog.New(slog.NewTextHandler(&log, nil)),
	})
	for range 1800 {
		m.step(time.Hour)
		m.run(time.Second)
		m.step(-time.Hour)
		m.run(time.Second)
	}
	if n := strings.Count(log.String(), "\n"); n < 2 || n > 130 {
		t.Errorf("%d lines in an hour", n)
	}
	if n := m.alarms(); n != 1800 {
		t.Errorf("%d alarms", n)
	}
}

func TestWhatIsWrongIsToldAgainEveryHour(t *testing.T) {
	m := started(t)
	m.step(-day)
	m.run(5*time.Hour + time.Minute)
	if n := len(m.notices); n != 6 {
		t.Errorf("%d notices, want 6", n)
	}
	for _, n := range m.notices {
		if n.State != clock.Behind || n.Difference > -23*time.Hour {
			t.Errorf("notice %+v", n)
		}
	}
}

func TestRunReadsTheClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began, ahead := time.Now(), time.Duration(0)
		c := clock.New(clock.Config{
			Wall: func() time.Time { return time.Now().Add(ahead) }, Boot: func() time.Duration { return time.Since(began) },
		})
		ahead = time.Hour
		go c.Run(t.Context())
		time.Sleep(62 * time.Second)
		if got := c.Now().Sub(began); got < time.Hour {
			t.Errorf("time is %v after the beginning", got)
		}
	})
}

func TestThisMachinesClocks(t *testing.T) {
	c := clock.New(clock.Config{})
	a := c.Now()
	b := c.Now()
	if b.Before(a) || time.Since(a).Abs() > time.Second {
		t.Errorf("%v, %v", a, b)
	}
	boot := clock.Boot()
	if one, two := boot(), boot(); two < one {
		t.Errorf("%v, %v", one, two)
	}
}
