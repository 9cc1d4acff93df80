package store_test

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
)

// A channel is one stream of a season, and all that was ever kept of it. What of
// that there must be is written down here once more, in the simplest way.
type channel struct {
	key     millrace.StreamKey
	policy  store.Policy
	header  *millrace.Header
	skew    time.Duration // of the producer's clock
	late    time.Duration // how much later than it was taken a fragment may come
	silent  bool          // nothing comes any more
	dropped bool
	next    time.Time // when the next fragment comes
	shots   []shot    // in order of number and so of server time
	first   int       // all before have gone
	stale   store.Entry
}

// A shot is what is remembered of a fragment. Times are in milliseconds of Unix
// time.
type shot struct {
	number   millrace.FragmentNumber
	at       int64 // server time
	producer int64
	size     int64
	gone     int64 // when it went, 0 if it has not
	value    byte  // of which its media are
	class    store.Class
}

// expire notes what has gone by the retention.
func (c *channel) expire(now time.Time) {
	length := c.policy.Retention.Milliseconds()
	for i := c.first; i < len(c.shots); i++ {
		s := &c.shots[i]
		if s.at >= now.UnixMilli()-length {
			break
		}
		if s.gone == 0 {
			s.gone = s.at + length + 1
		}
	}
	for c.first < len(c.shots) && c.shots[c.first].gone != 0 {
		c.first++
	}
}

// takes notes that what which says has gone now.
func (c *channel) takes(now time.Time, which func(*shot) bool) {
	c.expire(now)
	for i := c.first; i < len(c.shots); i++ {
		if s := &c.shots[i]; s.gone == 0 && which(s) {
			s.gone = now.UnixMilli()
		}
	}
}

// live lists what must be found.
func (c *channel) live(now time.Time) (list []*shot) {
	c.expire(now)
	for i := c.first; i < len(c.shots); i++ {
		if s := &c.shots[i]; s.gone == 0 {
			list = append(list, s)
		}
	}
	return list
}

// find returns what is remembered under a number, nil if nothing is.
func (c *channel) find(n millrace.FragmentNumber) *shot {
	i, there := slices.BinarySearchFunc(c.shots, n, func(s shot, n millrace.FragmentNumber) int { return s.number.Compare(n) })
	if !there {
		return nil
	}
	return &c.shots[i]
}

// retain sets the retention, as the control state does it.
func (c *channel) retain(now time.Time, retention time.Duration) {
	c.expire(now)
	if since := now.Add(-c.policy.Retention); retention > c.policy.Retention && since.After(c.policy.KeptSince) {
		c.policy.KeptSince = since
	}
	c.policy.Retention = retention
	c.takes(now, func(s *shot) bool { return s.at < now.Add(-retention).UnixMilli() })
}

// keepSince takes away what is older.
func (c *channel) keepSince(now, since time.Time) {
	c.takes(now, func(s *shot) bool { return s.at < since.UnixMilli() })
	c.policy.KeptSince = since
}

// erase deletes a range.
func (c *channel) erase(now time.Time, d store.Deletion) {
	d.Stream, d.Last = c.key, c.shots[len(c.shots)-1].number
	c.policy.Deletions = append(slices.Clone(c.policy.Deletions), d)
	c.takes(now, func(s *shot) bool {
		at := s.at
		if d.Clock == store.ProducerClock {
			at = s.producer
		}
		return at >= d.From.UnixMilli() && at < d.To.UnixMilli()
	})
}

// compare says how a list of a channel differs from what it must be.
func (c *channel) compare(got []store.Entry, now time.Time, clock store.Clock) error {
	want := c.live(now)
	if clock == store.ProducerClock {
		slices.SortFunc(want, func(a, b *shot) int {
			return cmp.Or(cmp.Compare(a.producer, b.producer), a.number.Compare(b.number))
		})
	}
	for i, s := range want {
		if i == len(got) {
			return fmt.Errorf("%v is missing in a list by clock %v of %d, which must have %d", s.number, clock, len(got), len(want))
		}
		if e := &got[i]; e.Number != s.number || e.ProducerTime.UnixMilli() != s.producer || e.Size != s.size {
			return fmt.Errorf("a list by clock %v has %v of %v at %d, want %v of %v",
				clock, e.Number, e.ServerTime(), i, s.number, time.UnixMilli(s.at).UTC())
		}
	}
	if len(got) > len(want) {
		return fmt.Errorf("a list by clock %v of %d has %v of %v, which has gone", clock, len(got), got[len(want)].Number, got[len(want)].ServerTime())
	}
	return nil
}

// check says how a fragment that was read differs from what was kept.
func (s *shot) check(f *millrace.Fragment) error {
	if f.Number != s.number || f.ProducerTime.UnixMilli() != s.producer || int64(f.Size()) != s.size {
		return fmt.Errorf("facts of %v", s.number)
	}
	for _, p := range f.Cluster {
		if bytes.Count(p, []byte{s.value}) != len(p) {
			return fmt.Errorf("media of %v", s.number)
		}
	}
	return nil
}

// isGone reports whether an error says that a fragment has gone.
func isGone(err error) bool { return errors.Is(err, millrace.ErrNotFound) }
