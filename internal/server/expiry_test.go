package server

import (
	"log/slog"
	"testing"
	"testing/synctest"
	"time"
)

func TestNothingExpiresByAClockThatJumps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		step := time.Duration(0)
		wall := func() time.Time { return time.Now().Add(step) }
		began := time.Now()
		c := newExpiryClock(began.Add(-time.Minute), wall, slog.New(slog.DiscardHandler))
		want := func(after time.Duration) {
			t.Helper()
			if got := c.Now(); !got.Equal(began.Add(after)) {
				t.Fatalf("now is %v after the beginning, want %v", got.Sub(began), after)
			}
		}
		want(0)
		time.Sleep(10 * time.Hour)
		want(10 * time.Hour) // it goes on however seldom it is asked
		step = 48 * time.Hour
		want(10 * time.Hour)
		time.Sleep(23 * time.Hour)
		want(33 * time.Hour)
		step = 0 // somebody has mended the clock
		want(33 * time.Hour)
		step = 48 * time.Hour
		want(33 * time.Hour)
		time.Sleep(24 * time.Hour)
		want(57*time.Hour + 48*time.Hour) // it has held for a day
		step = 0
		want(57 * time.Hour)
	})
}

func TestAServerThatWasOffForLongStartsInQuarantine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newExpiryClock(time.Now().Add(-30*24*time.Hour), time.Now, slog.New(slog.DiscardHandler))
		if behind := time.Since(c.Now()); behind < 29*24*time.Hour {
			t.Errorf("only %v behind", behind)
		}
		time.Sleep(quarantine)
		if behind := time.Since(c.Now()); behind > time.Second {
			t.Errorf("still %v behind", behind)
		}
	})
}
