package store_test

import (
	"testing"
	"time"

	"github.com/millrace/millrace/internal/store"
)

const aDay = 24 * time.Hour

// ninety is 50 streams of all classes, and what happens to some of them.
func ninety(s *season) []event {
	for i := range 14 {
		s.add([]time.Duration{time.Hour, 2 * time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour, 20 * time.Hour, aDay}[i%7])
	}
	for i := range 14 {
		s.add(time.Duration(2+i%7) * aDay)
	}
	for i := range 12 {
		s.add(time.Duration(10+2*i) * aDay)
	}
	for i := range 9 {
		s.add(time.Duration(40+8*i) * aDay)
	}
	s.add(0)
	change := func(id int, f func(s *season, c *channel)) func(*season) {
		return func(s *season) {
			c := s.channels[id]
			f(s, c)
			s.tell(c)
		}
	}
	retain := func(id int, d time.Duration) func(*season) {
		return change(id, func(s *season, c *channel) { c.retain(s.now, d) })
	}
	erase := func(id int, clock store.Clock, from, to time.Duration) func(*season) {
		return change(id, func(s *season, c *channel) {
			s.erasures++
			c.erase(s.now, store.Deletion{ID: s.erasures, Clock: clock, From: s.now.Add(-from), To: s.now.Add(-to)})
		})
	}
	d := s.length / 90
	return []event{
		{20 * d, retain(41, 12*time.Hour)},                      // from 48 days
		{21 * d, retain(5, 60*aDay)},                            // from 20 hours
		{22 * d, retain(15, 0)},                                 // from 3 days
		{25 * d, retain(15, 8*aDay)},                            // and back
		{27 * d, func(s *season) { s.restart(false) }},          //
		{30 * d, erase(35, store.ServerClock, 9*aDay, 3*aDay)},  // in the middle
		{31 * d, erase(44, store.ProducerClock, 90*aDay, aDay)}, // almost all
		{31 * d, erase(20, store.ProducerClock, 50*time.Hour, 20*time.Hour)},
		{40 * d, func(s *season) { s.drop(30); s.drop(3) }},
		{50 * d, func(s *season) { s.restart(true) }},
		{60 * d, change(42, func(s *season, c *channel) { c.keepSince(s.now, s.now.Add(-30*aDay)) })}, // a capacity
		{70 * d, func(s *season) { s.drop(47) }},
		{71 * d, func(s *season) { s.restart(false) }},
	}
}

// drop deletes a stream.
func (s *season) drop(id int) {
	c := s.channels[id]
	c.takes(s.now, func(*shot) bool { return true })
	c.dropped = true
	if err := s.engine.Drop(s.Context(), c.key); err != nil {
		s.Fatal(err)
	}
}

// most is the part of what is live that packs may take beside it.
const most = 0.02

// days is how long a season lasts: with the race detector, which makes it slow
// and finds nothing in one goroutine, a fifteenth of what it should.
func days(n time.Duration) time.Duration {
	if raced {
		return n * aDay / 15
	}
	return n * aDay
}

// TestNinetyDays keeps 50 streams for 90 days: what is due is out of reach at
// once, its bytes are free within an eighth of its class, nothing else goes, and
// packs take little more than what is live.
func TestNinetyDays(t *testing.T) {
	t.Parallel()
	s := newSeason(t, 1, days(90), 500_000, time.Hour)
	s.run(ninety(s))
	t.Log(&s.toll)
	if s.toll.worst > most && !raced { // in six days there is too little that is live
		t.Errorf("after %v packs took %.2f %% more than was live", s.toll.when, 100*s.toll.worst)
	}
}

// TestThirtyDaysOfSmallFragments does the same with fragments of which a hole
// leaves a quarter. That aside, and headers, packs take no more than with large
// ones.
func TestThirtyDaysOfSmallFragments(t *testing.T) {
	t.Parallel()
	s := newSeason(t, 2, days(30), 20_000, 30*time.Minute)
	s.run(ninety(s))
	t.Log(&s.toll)
	if r := &s.toll.rest; !raced && r.part(r.due+r.frames) > most {
		t.Errorf("beside headers and edges packs take %.2f %% more than is live", 100*r.part(r.due+r.frames))
	}
}
