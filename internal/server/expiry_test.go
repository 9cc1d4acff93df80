package server

import (
	"log/slog"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/config"
	"github.com/millrace/millrace/internal/store/storetest"
)

// TestBytesComeBackOnTimeAfterALeapThatWasWrong: what came after the leap carries
// its times, and expires by them, although nobody has accepted the clock.
func TestBytesComeBackOnTimeAfterALeapThatWasWrong(t *testing.T) {
	var boot, ahead time.Duration
	base := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	s, err := openState(t.Context(), config.Server{Data: t.TempDir()}, Options{
		Now:  func() time.Time { return base.Add(boot + ahead) },
		Boot: func() time.Duration { return boot }, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	run := func(d time.Duration) {
		for ; d > 0; d -= time.Second {
			boot += time.Second
			s.clock.Now()
		}
	}
	stream, err := s.streams.Create(t.Context(), millrace.Stream{
		Name: "cam", Version: "v0", Retention: time.Hour, Created: s.clock.Now(),
		ARN: millrace.StreamARN{Partition: "aws", Region: "r", Account: "000000000000", Name: "cam", Created: s.clock.Now()},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	g := storetest.NewFragments(1)
	put := func(sequence uint64) {
		f := g.Make(stream.Key, 1000)
		f.Number = millrace.NewFragmentNumber(uint64(s.epoch)<<32|sequence, s.clock.Now(), 1)
		done := make(chan error, 1)
		if err := s.media.Submit(t.Context(), f, func(err error) { done <- err }); err != nil {
			t.Fatal(err)
		}
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	live := func(want int) {
		t.Helper()
		if err := s.keeper.Pass(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := s.media.PackStats().LiveFragments; got != want {
			t.Errorf("%d fragments are live %v after the first one, want %d", got, boot, want)
		}
	}
	put(1)
	ahead = 30 * 24 * time.Hour
	run(10 * time.Minute) // it is followed after one
	put(2)
	ahead = 0 // somebody mends the clock, and nobody accepts it
	run(49 * time.Minute)
	live(2)
	run(2 * time.Minute)
	live(1)
	run(10 * time.Minute)
	live(0)
}
