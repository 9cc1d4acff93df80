package server

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/config"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/storetest"
	"github.com/millrace/millrace/internal/upkeep"
)

// TestANewStreamHasNothingOfAnOlderOne: control.db alone was put back from a copy
// that does not know the last stream, and the next one gets its key.
func TestANewStreamHasNothingOfAnOlderOne(t *testing.T) {
	cfg := config.Server{Data: t.TempDir()}
	control := filepath.Join(cfg.Data, upkeep.ControlFile)
	var s *state
	boot := time.Duration(0)
	options := Options{
		Now:  func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC).Add(boot) },
		Boot: func() time.Duration { return boot }, Logger: slog.New(slog.DiscardHandler),
	}
	during := func(work func()) {
		t.Helper()
		var err error
		if s, err = openState(t.Context(), cfg, options); err != nil {
			t.Fatal(err)
		}
		work()
		boot += time.Second
		if err := s.close(); err != nil {
			t.Fatal(err)
		}
	}
	create := func(name millrace.StreamName) millrace.Stream {
		t.Helper()
		now := s.clock.Now()
		c, err := s.streams.Create(t.Context(), millrace.Stream{
			Name: name, Version: "v0", Retention: time.Hour, Created: now,
			ARN: millrace.StreamARN{Partition: "aws", Region: "r", Account: "000000000000", Name: name, Created: now},
		}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	put := func(key millrace.StreamKey, sequence uint64) {
		t.Helper()
		f := storetest.NewFragments(sequence).Make(key, 1000)
		f.Number = millrace.NewFragmentNumber(uint64(s.epoch)<<32|sequence, s.clock.Now(), 1)
		done := make(chan error, 1)
		if err := errors.Join(s.media.Submit(t.Context(), f, func(err error) { done <- err }), <-done); err != nil {
			t.Fatal(err)
		}
	}
	var lost, found millrace.Stream
	during(func() { create("first") })
	copied, err := os.ReadFile(control)
	if err != nil {
		t.Fatal(err)
	}
	during(func() {
		lost = create("lost")
		put(lost.Key, 1)
	})
	if err := os.WriteFile(control, copied, 0o600); err != nil {
		t.Fatal(err)
	}
	during(func() {
		found = create("found")
		put(found.Key, 2)
	})
	if lost.Key != found.Key {
		t.Fatalf("streams have the keys %v and %v", lost.Key, found.Key)
	}
	if err := os.Remove(filepath.Join(cfg.Data, upkeep.IndexFile)); err != nil {
		t.Fatal(err)
	}
	during(func() {
		list, err := s.media.List(t.Context(), store.Scope{Stream: found.Key}, store.Listing{})
		if err != nil || len(list) != 1 {
			t.Errorf("it has %d fragments, want 1, %v", len(list), err)
		}
	})
}
