package playback

import (
	"context"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
)

// LiveAge is how old the newest fragment of a stream may be for the stream to be
// live. Where fragments last long it may be older: see awaited.
const LiveAge = 30 * time.Second

// lateness is how much later than it should be there a fragment is waited for.
const lateness = 5 * time.Second

// awaited is how old the newest fragment may be if that is to be age. One that
// lasts d is there d after its start, and the next one d after that: only then
// can be said that none came.
func awaited(age, d time.Duration) time.Duration { return max(age, 2*d+lateness) }

// Newest returns the fragments with which live playback begins at now, in the
// order in which they came: the newest n, without those that lie behind a pause of
// more than LiveAge. By the producer's clock one that another with the same
// time and a greater number replaces is not among them. A stream that is not live
// has none.
func Newest(ctx context.Context, ix Recent, s store.Scope, c store.Clock, now time.Time, n int) ([]store.Entry, error) {
	list, err := ix.Newest(ctx, s, n)
	if err != nil {
		return nil, err
	}
	return withoutTwins(c, trimLive(list, now)), nil
}

// Recent finds what came last, as store.Archive does.
type Recent interface {
	Newest(ctx context.Context, s store.Scope, limit int) ([]store.Entry, error)
}

// trimLive returns the end of a list that is live: each is no older than the newest
// one may be, and what it and those behind it last.
func trimLive(list []store.Entry, now time.Time) []store.Entry {
	var allowed time.Duration
	for i := len(list) - 1; i >= 0; i-- {
		age := now.Sub(list[i].ServerTime())
		if i == len(list)-1 {
			allowed = awaited(LiveAge, list[i].Duration)
		} else {
			allowed += list[i].Duration
		}
		if age > allowed {
			return list[i+1:]
		}
	}
	return list
}

// withoutTwins leaves out what another with the same producer time replaces. It
// changes the list.
func withoutTwins(c store.Clock, list []store.Entry) []store.Entry {
	if c == store.ServerClock {
		return list
	}
	greatest := make(map[int64]millrace.FragmentNumber, len(list))
	for _, e := range list {
		greatest[e.ProducerTime.UnixMilli()] = e.Number // they come in the order of their numbers
	}
	kept := list[:0]
	for _, e := range list {
		if greatest[e.ProducerTime.UnixMilli()] == e.Number {
			kept = append(kept, e)
		}
	}
	return kept
}
