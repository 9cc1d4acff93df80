package playback_test

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
)

// A shelf is an index over entries in memory.
type shelf struct {
	store.Archive
	entries []store.Entry
	asked   int // entries that were given out
}

func (s *shelf) add(number uint64, server, producer, duration time.Duration) store.Entry {
	e := store.Entry{
		Number: millrace.NewFragmentNumber(number, epoch.Add(server), 0), ProducerTime: epoch.Add(producer),
		Duration: duration, Size: 1000, Position: store.Position{Pack: 1, Offset: int64(number)},
	}
	s.entries = append(s.entries, e)
	return e
}

func (s *shelf) Newest(ctx context.Context, scope store.Scope, limit int) ([]store.Entry, error) {
	list, err := s.List(ctx, scope, store.Listing{})
	return list[max(len(list)-limit, 0):], err
}

// epoch is when the tests' streams begin.
var epoch = time.Date(2026, 1, 28, 7, 0, 0, 0, time.UTC)

func (s *shelf) List(_ context.Context, _ store.Scope, l store.Listing) ([]store.Entry, error) {
	list := slices.Clone(s.entries)
	start := func(e store.Entry) time.Time {
		if l.Clock == store.ProducerClock {
			return e.ProducerTime
		}
		return e.ServerTime()
	}
	list = slices.DeleteFunc(list, func(e store.Entry) bool {
		key := store.KeyOf(l.Clock, e.Number, e.ProducerTime)
		return start(e).Before(l.From) || !l.To.IsZero() && !start(e).Before(l.To) || slices.Compare(key[:], l.After[:]) <= 0
	})
	slices.SortFunc(list, func(a, b store.Entry) int {
		if l.Clock == store.ProducerClock {
			return cmp.Or(a.ProducerTime.Compare(b.ProducerTime), a.Number.Compare(b.Number))
		}
		return a.Number.Compare(b.Number)
	})
	if l.Limit > 0 {
		list = list[:min(l.Limit, len(list))]
	}
	s.asked += len(list)
	return list, nil
}
