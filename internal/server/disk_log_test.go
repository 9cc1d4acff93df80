package server_test

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"
)

// A diskLog is what a server's log says of its disk.
type diskLog struct {
	mu      sync.Mutex // guards what follows
	evicted []evictedPack
	givenUp int // packs
	lines   []string
}

// An evictedPack is what the log says of an eviction.
type evictedPack struct {
	oldest, newest time.Time
	fragments      int
}

// Enabled, WithAttrs, WithGroup and Handle implement slog.Handler.
func (l *diskLog) Enabled(context.Context, slog.Level) bool { return true }
func (l *diskLog) WithAttrs([]slog.Attr) slog.Handler       { return l }
func (l *diskLog) WithGroup(string) slog.Handler            { return l }

func (l *diskLog) Handle(_ context.Context, r slog.Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.keep(r)
	switch r.Message {
	case "pack given up":
		l.givenUp++
	case "the oldest media went to make room":
		l.evicted = append(l.evicted, evictionOf(r))
	}
	return nil
}

// keep remembers what an operator would see, but for what producers are told too.
func (l *diskLog) keep(r slog.Record) {
	if r.Level < slog.LevelInfo || r.Message == "fragment could not be stored" || r.Message == "request" {
		return
	}
	line := r.Time.UTC().Format("15:04:05.000 ") + r.Message
	r.Attrs(func(a slog.Attr) bool {
		line += " " + a.String()
		return true
	})
	l.lines = append(l.lines, line)
}

// tell prints the log of a test that has failed.
func (l *diskLog) tell(t *testing.T) {
	if !t.Failed() {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, line := range l.lines {
		t.Log(line)
	}
}

func evictionOf(r slog.Record) (e evictedPack) {
	r.Attrs(func(a slog.Attr) bool {
		switch a.Key {
		case "oldest":
			e.oldest = a.Value.Time()
		case "newest":
			e.newest = a.Value.Time()
		case "fragments":
			e.fragments = int(a.Value.Int64())
		}
		return true
	})
	return e
}

func (l *diskLog) evictions() []evictedPack {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.evicted)
}

func (l *diskLog) packsGivenUp() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.givenUp
}
