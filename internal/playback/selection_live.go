package playback

import (
	"context"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
)

// LiveAge is how old the newest fragment of a stream may be for the stream to be
// live.
const LiveAge = 30 * time.Second

// longestFragment is what one fragment lasts at most, as far as it matters for how
// far back the newest are looked for.
const longestFragment = 20 * time.Second

// Newest returns the fragments with which live playback begins at now, in the
// order in which they came: the newest n, without those that lie behind a pause of
// more than LiveAge. By the producer's clock one that another with the same
// time and a greater number replaces is not among them. A stream that is not live
// has none.
func Newest(ctx context.Context, ix store.Index, s store.Scope, c store.Clock, now time.Time, n int) ([]store.Entry, error) {
	most := LiveAge + time.Duration(n)*longestFragment
	for span := min(LiveAge+time.Duration(n)*2*time.Second, most); ; span = min(2*span, most) {
		list, err := newestSince(ctx, ix, s, now.Add(-span), n)
		if err != nil {
			return nil, err
		}
		live := trimLive(list, now)
		if len(list) == n || len(live) < len(list) || span == most {
			return withoutTwins(c, live), nil
		}
	}
}

// newestSince returns the last n fragments that came at from or later.
func newestSince(ctx context.Context, ix store.Index, s store.Scope, from time.Time, n int) ([]store.Entry, error) {
	var list []store.Entry
	err := each(ctx, ix, s, store.Listing{From: from, Limit: pageSize}, func(e store.Entry) bool {
		if len(list) == 2*n {
			list = append(list[:0], list[n:]...)
		}
		list = append(list, e)
		return true
	})
	return list[max(len(list)-n, 0):], err
}

// trimLive returns the end of a list that is live: each is no older than LiveAge
// and what it and those behind it last.
func trimLive(list []store.Entry, now time.Time) []store.Entry {
	allowed := LiveAge
	for i := len(list) - 1; i >= 0; i-- {
		age := now.Sub(list[i].ServerTime())
		if i < len(list)-1 {
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
