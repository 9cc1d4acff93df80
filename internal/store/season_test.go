package store_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/mem"
	"github.com/millrace/millrace/internal/store/storetest"
)

// maxRest is how long a season goes without a pass of maintenance. A server
// rests for a minute.
const maxRest = 15 * time.Minute

// A season is a long time in the life of an engine: streams that come in, expire
// and change, and a pass of maintenance now and then. Nobody waits for it: time
// is what it says. The same seed does the same.
type season struct {
	*testing.T
	size     int           // bytes of media of a fragment, about
	every    time.Duration // how often a stream has one, about
	channels []*channel
	rand     *rand.Rand
	fs       *thinFS
	pages    *mem.Pages
	engine   *store.Driver
	start    time.Time
	length   time.Duration
	now      time.Time
	epoch    uint32
	sequence uint32
	erasures uint64
	pieces   [][]byte // of one value each
	buf      []byte   // into which fragments are read
	toll     toll
}

const pieceSize = 64 << 10

func newSeason(t *testing.T, seed uint64, length time.Duration, size int, every time.Duration) *season {
	s := &season{
		T: t, length: length, size: size, every: every, rand: rand.New(rand.NewPCG(seed, 9)), fs: newThinFS(), pages: mem.NewPages(),
		start: storetest.Epoch(), now: storetest.Epoch(), buf: make([]byte, 2*size),
	}
	for v := range 61 {
		s.pieces = append(s.pieces, bytes.Repeat([]byte{byte(v + 1)}, pieceSize))
	}
	return s
}

// add makes a stream.
func (s *season) add(retention time.Duration) {
	c := &channel{
		key: millrace.StreamKey{ID: uint64(len(s.channels) + 1)}, policy: store.Policy{Retention: retention},
		next: s.now.Add(time.Duration(s.rand.Int64N(int64(s.every)))),
		skew: time.Duration(s.rand.IntN(7200_000)-3600_000) * time.Millisecond,
	}
	if s.rand.IntN(3) == 0 {
		c.late = 3 * time.Hour
	}
	s.channels = append(s.channels, c)
}

// open starts the engine.
func (s *season) open(rebuild bool) {
	s.Helper()
	s.epoch, s.sequence = s.epoch+1, 0
	cfg := store.Config{
		FS: s.fs, Pages: s.pages, Epoch: s.epoch, Rebuild: rebuild, Policies: make(map[millrace.StreamKey]store.Policy),
		FeedAge: time.Hour,
		Now:     func() time.Time { return s.now }, Elapsed: func() time.Duration { return s.now.Sub(s.start) },
		Events: store.Events{
			Damaged: func(d store.Damage) { s.Errorf("damage: %+v", d) },
			Evicted: func(v store.Eviction) { s.Errorf("evicted: %+v", v) },
		},
	}
	for _, c := range s.channels {
		if !c.dropped {
			cfg.Policies[c.key] = c.policy
		}
	}
	e, err := store.OpenByHand(s.Context(), cfg)
	if err != nil {
		s.Fatal(err)
	}
	s.engine = e
}

// restart kills the program and starts it again, perhaps without its index.
func (s *season) restart(rebuild bool) {
	s.pages = s.pages.Kill()
	s.open(rebuild)
}

// tell says what has become of a stream's policy.
func (s *season) tell(c *channel) { s.engine.SetPolicy(c.key, c.policy) }

// scope is what queries of a stream see.
func (s *season) scope(c *channel) store.Scope {
	return store.Scope{Stream: c.key, Since: s.now.Add(-c.policy.Retention)}
}

// record keeps a fragment of each stream whose time has come.
func (s *season) record() {
	s.Helper()
	for _, c := range s.channels {
		for !c.dropped && !c.silent && !c.next.After(s.now) {
			s.submit(c)
			c.next = c.next.Add(s.pause())
		}
	}
	s.engine.Step()
}

// pause is how long it takes until a stream has a fragment again: now and then
// several come at once, or none for some hours.
func (s *season) pause() time.Duration {
	switch s.rand.IntN(20) {
	case 0:
		return 6 * s.every
	case 1, 2, 3, 4, 5, 6:
		return 0
	}
	return time.Duration(s.rand.Int64N(2 * int64(s.every)))
}

func (s *season) submit(c *channel) {
	s.Helper()
	s.sequence++
	late := time.Duration(s.rand.Int64N(int64(c.late + time.Second))).Truncate(time.Millisecond)
	f := &millrace.Fragment{
		Stream: c.key, Number: millrace.NewFragmentNumber(uint64(s.epoch)<<32|uint64(s.sequence), s.now, s.rand.Uint32()),
		ProducerTime: s.now.Add(c.skew - late), TimecodeScale: 1_000_000, Duration: 2 * time.Second, Sequence: uint64(len(c.shots)),
	}
	if len(c.shots)%50 == 0 {
		c.header = millrace.NewHeader(fmt.Appendf(bytes.Repeat([]byte("session"), 80), "%v", f.Number))
	}
	f.Header = c.header
	one := shot{
		number: f.Number, at: s.now.UnixMilli(), producer: f.ProducerTime.UnixMilli(),
		size: int64(s.size*4/5 + s.rand.IntN(s.size*2/5)), class: store.ClassOf(c.policy.Retention),
	}
	piece := s.pieces[s.rand.IntN(len(s.pieces))]
	one.value = piece[0]
	for left := int(one.size); left > 0; left -= pieceSize {
		f.Cluster = append(f.Cluster, piece[:min(left, pieceSize)])
	}
	for i := range 50 {
		n := int(one.size) / 50
		f.Samples = append(f.Samples, millrace.Sample{Track: 1, Offset: uint32(i * n), Size: uint32(n - 7), Time: int32(i * 40)})
	}
	c.shots = append(c.shots, one)
	err := s.engine.Submit(s.Context(), f, func(err error) {
		if err != nil {
			s.Errorf("fragment %v was not kept: %v", f.Number, err)
		}
	})
	if err != nil {
		s.Fatal(err)
	}
}

// maintain makes a pass, as the keeper of retention does.
func (s *season) maintain() {
	s.Helper()
	err := s.engine.FeedDue(s.Context())
	r, merr := s.engine.Maintain(s.Context(), storetest.ExpiryAt(s.now))
	if err := errors.Join(err, merr); err != nil {
		s.Fatal(err)
	}
	s.toll.add(r)
}

// rest lets time pass until the next pass. On the way it looks at what has just
// become due, at the millisecond.
func (s *season) rest() {
	s.Helper()
	until := s.now.Add(maxRest/3 + time.Duration(s.rand.Int64N(int64(maxRest*2/3))).Truncate(time.Millisecond))
	c := s.channels[s.rand.IntN(len(s.channels))]
	if live := c.live(s.now); len(live) > 0 && c.policy.Retention > 0 {
		last := time.UnixMilli(live[0].at).UTC().Add(c.policy.Retention)
		if last.Before(until) && last.After(s.now) {
			for range 2 {
				s.now = last
				s.glance(c)
				last = last.Add(time.Millisecond)
			}
			s.look(c)
		}
	}
	s.now = until
}

// glance looks whether the first of a stream is what it must be.
func (s *season) glance(c *channel) {
	s.Helper()
	got, err := s.engine.After(s.Context(), s.scope(c), millrace.FragmentNumber{}, 1)
	if err != nil {
		s.Fatal(err)
	}
	want := c.live(s.now)
	if len(want) == 0 && len(got) == 0 {
		return
	}
	if len(want) == 0 || len(got) == 0 || got[0].Number != want[0].number {
		s.Fatalf("%v: stream %v begins with %+v, and must have %d", s.age(), c.key, got, len(want))
	}
}

// look compares all of a stream by both clocks, and reads one of what there is
// and one of what was there the last time.
func (s *season) look(c *channel) {
	s.Helper()
	for _, clock := range []store.Clock{store.ProducerClock, store.ServerClock} {
		got, err := s.engine.List(s.Context(), s.scope(c), store.Listing{Clock: clock})
		if err == nil {
			err = c.compare(got, s.now, clock)
		}
		if err != nil {
			s.Fatalf("%v: stream %v: %v", s.age(), c.key, err)
		}
		if clock == store.ServerClock {
			s.read(c, got)
		}
	}
}

func (s *season) read(c *channel, list []store.Entry) {
	s.Helper()
	if was := c.find(c.stale.Number); was != nil {
		_, err := s.engine.Read(s.Context(), s.scope(c), c.stale, s.buf)
		if isGone(err) != (was.gone != 0) || err != nil && !isGone(err) {
			s.Fatalf("%v: stream %v: what went at %d can be read: %v", s.age(), c.key, was.gone, err)
		}
	}
	if len(list) == 0 {
		return
	}
	c.stale = list[s.rand.IntN(1+len(list)/10)]
	e := list[s.rand.IntN(len(list))]
	f, err := s.engine.Read(s.Context(), s.scope(c), e, s.buf)
	if err == nil {
		err = c.find(e.Number).check(f)
	}
	if err != nil {
		s.Fatalf("%v: stream %v: %v", s.age(), c.key, err)
	}
}

// age is how long the season has lasted.
func (s *season) age() time.Duration { return s.now.Sub(s.start) }

// An event is something that happens to the streams on the way.
type event struct {
	at   time.Duration
	what func(s *season)
}

// run goes through the season.
func (s *season) run(events []event) {
	s.Helper()
	s.open(false)
	for hour := time.Duration(0); s.age() < s.length; {
		for len(events) > 0 && events[0].at <= s.age() {
			events[0].what(s)
			events = events[1:]
			for _, c := range s.channels {
				s.look(c) // what has gone must be out of sight before any upkeep
			}
		}
		s.record()
		s.maintain()
		if s.age() >= hour {
			s.inspect(int(hour / time.Hour))
			hour = s.age().Truncate(time.Hour) + time.Hour
		}
		s.rest()
	}
	if len(events) > 0 {
		s.Errorf("%d events did not come", len(events))
	}
	s.engine.Close()
}

// inspect looks at some of everything each hour, and at all each day.
func (s *season) inspect(hour int) {
	s.Helper()
	for i, c := range s.channels {
		s.glance(c)
		if (hour+i)%24 == 0 || s.rand.IntN(12) == 0 {
			s.look(c)
		}
	}
	s.weigh()
	if hour%3 == 0 {
		s.audit(hour%24 == 0)
	}
}
