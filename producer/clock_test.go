package producer

import (
	"errors"
	"testing"
	"time"
)

// A turned clock is a machine's whose wall clock somebody sets.
type turned struct {
	passed time.Duration
	by     time.Duration // by how much it was set
}

func (c *turned) read() (time.Time, time.Duration) {
	return time.Unix(1_800_000_000, 0).Add(c.passed + c.by), c.passed
}

func TestClockGoesOnWhenTheWallClockIsSet(t *testing.T) {
	for name, tc := range map[string]struct {
		follow  bool
		by      time.Duration
		notices int
		after   time.Duration // the clock's time a second later, from the start
	}{
		"backwards":               {by: -time.Hour, notices: 1, after: 2 * time.Second},
		"forwards":                {by: time.Hour, notices: 1, after: 2 * time.Second},
		"by next to nothing":      {by: 900 * time.Millisecond, after: 2 * time.Second},
		"forwards, and it goes":   {follow: true, by: time.Hour, notices: 1, after: time.Hour + 2*time.Second},
		"backwards, and it goes":  {follow: true, by: -time.Hour, notices: 1, after: 2*time.Second - time.Hour},
		"a little, which is kept": {follow: true, by: 900 * time.Millisecond, after: 2 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			var wall turned
			var notices []error
			c := &Clock{Follow: tc.follow, Notice: func(err error) { notices = append(notices, err) }, read: wall.read}
			start := c.Now()
			if start != epoch {
				t.Errorf("began at %v", start)
			}
			wall.passed += time.Second
			wall.by = tc.by
			c.Now()
			wall.passed += time.Second
			if got := c.Now() - start; got != tc.after {
				t.Errorf("two seconds later it is %v", got)
			}
			if len(notices) != tc.notices {
				t.Fatalf("notices %v", notices)
			}
			var step *ClockStepError
			if tc.notices > 0 && (!errors.As(notices[0], &step) || step.By != tc.by || step.Followed != tc.follow) {
				t.Errorf("notice %v", notices[0])
			}
		})
	}
}

func TestClockIsTheMachinesAtFirst(t *testing.T) {
	var c Clock
	before := time.Now().UnixNano()
	now := int64(c.Now())
	if after := time.Now().UnixNano(); now < before || now > after {
		t.Errorf("%d is not between %d and %d", now, before, after)
	}
}
