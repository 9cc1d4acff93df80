package clock_test

import (
	"errors"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/clock"
)

// leapt is a machine whose server has followed a leap two minutes ago, an hour
// after noon.
func leapt(t *testing.T, size time.Duration) *machine {
	m := started(t)
	m.run(time.Hour)
	m.step(size)
	m.run(61 * time.Second)
	m.want(clock.InStep, time.Hour+61*time.Second+size)
	m.run(59 * time.Second)
	return m
}

func TestNothingExpiresByALeapForADay(t *testing.T) {
	m := leapt(t, 10*day)
	m.wantAge(5*day, time.Hour+2*time.Minute)
	if q := m.c.Status().Quarantine; q < 23*time.Hour || q > day {
		t.Errorf("quarantine for %v", q)
	}
	m.run(23 * time.Hour)
	m.wantAge(5*day, day+2*time.Minute) // as if nothing had been
	m.run(time.Hour)
	m.wantAge(5*day, 11*day+time.Hour+2*time.Minute)
	if s := m.c.Status(); s.Quarantine != 0 || !s.Expiry.Equal(s.Server) {
		t.Errorf("%+v", s)
	}
}

func TestEachLeapHasADay(t *testing.T) {
	m := leapt(t, 10*day)
	m.run(20 * time.Hour)
	m.step(8 * day)
	m.run(3 * time.Hour)
	m.wantAge(5*day, 24*time.Hour+2*time.Minute)
	m.run(time.Hour)
	m.wantAge(5*day, 10*day+25*time.Hour+2*time.Minute)
	m.run(20*time.Hour + time.Minute)
	m.wantAge(5*day, 18*day+45*time.Hour+3*time.Minute)
}

// What runs for eight hours a day keeps for three times eight hours longer, and
// no more.
func TestAServerThatIsOffEveryNight(t *testing.T) {
	m := started(t)
	for range 60 {
		m.run(8 * time.Hour)
		m.restart(16*time.Hour, m.c.Now())
	}
	m.run(time.Minute)
	m.want(clock.InStep, 60*day+time.Minute)
	m.wantAge(100*day, 60*day+time.Minute-3*16*time.Hour)
}

// What is on so rarely that no day comes together has its oldest nights counted.
func TestAServerThatIsHardlyOn(t *testing.T) {
	m := started(t)
	for range 100 {
		m.run(10 * time.Minute)
		m.restart(day, m.c.Now())
	}
	m.wantAge(200*day, 100*(day+10*time.Minute)-32*day)
}

func TestALeapThatIsAcceptedCountsAtOnce(t *testing.T) {
	m := leapt(t, 10*day)
	m.accept()
	m.wantAge(5*day, 10*day+time.Hour+2*time.Minute)
}

func TestWhatHasChangedMeanwhileIsNotAccepted(t *testing.T) {
	m := leapt(t, 10*day)
	seen := m.c.Status().Difference
	m.step(30 * year)
	if before, after, err := m.c.Accept(seen); !errors.Is(err, clock.ErrChanged) || before != after {
		t.Errorf("%+v, then %+v, %v", before, after, err)
	}
	m.want(clock.Ahead, time.Hour+2*time.Minute+10*day)
	m.wantAge(5*day, time.Hour+2*time.Minute)
}

// A bad clock of some minutes must cost neither what is there nor the space of
// what comes, although nobody looks at it.
func TestALeapThatWasWrongHarmsNothing(t *testing.T) {
	m := leapt(t, 10*year)
	m.step(-10 * year)
	for range 20 {
		m.run(12 * time.Hour)
		m.wantAge(30*day, m.boot-time.Hour)
	}
	m.want(clock.Behind, m.boot-time.Hour+10*year)
	// All from before the leap would have gone by now; what came behind it is in
	// the server's time.
	m.wantAge(7*day, m.boot-time.Hour+10*year)
	m.run(time.Hour)
	m.wantAge(7*day, m.boot-time.Hour+10*year)
	m.wantAge(30*day, m.boot-time.Hour)
}

func TestALeapThatWasWrongAndIsGivenBack(t *testing.T) {
	m := leapt(t, day)
	m.step(-day)
	m.run(time.Minute)
	m.accept()
	m.run(day)
	m.want(clock.CatchingUp, time.Hour+3*time.Minute+day+12*time.Hour)
	m.wantAge(30*day, day+time.Hour+3*time.Minute) // it has not run slower
	m.run(day)
	if s := m.c.Status(); s.State != clock.InStep || s.Server.Sub(s.Expiry) > time.Minute {
		t.Errorf("%+v", s)
	}
}

func TestAQuarantineGoesOnOverARestart(t *testing.T) {
	m := leapt(t, 10*day)
	m.run(23 * time.Hour)
	m.restart(time.Minute, m.c.Now())
	m.wantAge(30*day, day+3*time.Minute)
	m.run(58 * time.Minute)
	m.wantAge(30*day, day+61*time.Minute)
	m.run(2 * time.Minute)
	m.wantAge(30*day, 11*day+63*time.Minute)
}

func TestAnAcceptanceHoldsOverARestart(t *testing.T) {
	m := started(t)
	m.step(-3 * time.Hour)
	m.accept()
	m.run(time.Hour)
	m.want(clock.CatchingUp, 30*time.Minute)
	m.restart(30*time.Minute, m.c.Now())
	m.want(clock.CatchingUp, 30*time.Minute)
	m.step(-time.Hour)
	m.restart(time.Minute, m.c.Now())
	m.want(clock.Behind, 30*time.Minute) // this is another one
}

// What has expired by a leap's time stays so.
func TestALeapThatWasWrongIsRememberedOverARestart(t *testing.T) {
	m := leapt(t, year)
	m.step(-year)
	m.run(2 * day)
	m.wantAge(day, m.boot-time.Hour+year)
	m.restart(time.Second, m.c.Now().Add(-time.Minute))
	m.run(time.Second)
	m.wantAge(day, m.boot-time.Hour+year)
	m.wantAge(30*day, m.boot-time.Hour)
}

func TestAStampThatMakesNoSenseIsNotBelieved(t *testing.T) {
	for name, s := range map[string]clock.Stamp{
		"a leap of nothing":        {Server: noon(), Leaps: []clock.Leap{{Ago: time.Hour}}},
		"a leap backward":          {Server: noon(), Leaps: []clock.Leap{{Ago: time.Hour, Size: -day}}},
		"a leap that is yet to be": {Server: noon(), Leaps: []clock.Leap{{Ago: -time.Hour, Size: day}}},
		"too many leaps":           {Server: noon(), Leaps: make([]clock.Leap, 100)},
		"no time":                  {Leaps: []clock.Leap{{Ago: time.Hour, Size: day}}},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMachine(t)
			m.start(noon(), s)
			m.want(clock.InStep, 0)
			m.wantAge(day, 0)
		})
	}
}

func TestAServerThatWasOffForDays(t *testing.T) {
	m := started(t)
	m.run(time.Hour)
	m.restart(9*day, m.c.Now())
	m.want(clock.InStep, 9*day+time.Hour)
	m.run(61 * time.Second)
	m.want(clock.InStep, 9*day+time.Hour+61*time.Second)
	m.wantAge(7*day, time.Hour+61*time.Second)
	m.run(day)
	m.wantAge(7*day, 10*day+time.Hour+61*time.Second)
}

// An hour may be believed once a day, and not again and again.
func TestManyStepsAreALeap(t *testing.T) {
	m := started(t)
	for range 10 {
		m.step(50 * time.Minute)
		m.run(2 * time.Minute)
	}
	m.want(clock.InStep, 500*time.Minute+20*time.Minute)
	m.wantAge(day, 50*time.Minute+20*time.Minute)
}

// However often it leaps, what it costs is bounded, and what has expired stays
// so.
func TestEndlessLeapsAreNotFollowed(t *testing.T) {
	m := started(t)
	last := m.c.Since(time.Hour)
	for range 100 {
		m.step(2 * time.Hour)
		m.run(2 * time.Minute)
		since := m.c.Since(time.Hour)
		if since.Before(last) {
			t.Fatalf("what had expired at %v has not at %v", last, since)
		}
		last = since
	}
	m.want(clock.Ahead, 32*2*time.Hour+200*time.Minute)
	m.accept()
	m.want(clock.InStep, 200*time.Hour+200*time.Minute)
}
