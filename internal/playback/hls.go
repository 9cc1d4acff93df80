package playback

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"runtime"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/fmp4"
	"github.com/millrace/millrace/internal/hls"
	"github.com/millrace/millrace/internal/memory"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/media"
)

// HLSConfig is what an HLS is made of.
type HLSConfig struct {
	Archive store.Archive
	Memory  *memory.Budget
	Rules   Rules

	Sessions  int           // sessions that are kept in memory; 1000 if zero
	Bytes     int64         // that segments may take in memory; 32 MiB if zero
	Packaging int           // fragments that are read and packaged at once, and long sessions that are looked at; twice the processors if zero
	Idle      time.Duration // after which a live session without a new fragment is no more, or later if its fragments last long; 0: it stays

	Events HLSEvents
	Logger *slog.Logger     // nil: nothing is logged
	Now    func() time.Time // wall clock, by which tokens are made; nil means time.Now
}

// HLSEvents are called when something happens. Any of them may be nil. They must
// not wait for anybody.
type HLSEvents struct {
	Packaged func(bytes int64) // a segment was packaged
	Began    func()            // the state of a session was made
	Evicted  func()            // and let go for others
}

// HLS serves HTTP Live Streaming sessions. Any number of goroutines may use it.
type HLS struct {
	config   HLSConfig
	facts    *facts
	damage   *damage
	ranges   *ranges
	sessions *sessions
	cache    *segmentCache
	long     chan struct{} // holds a token for each long session or range that is looked at now
}

// longSession is from how many fragments on a session is long: what is found out of
// 5,000, and their playlist, are megabytes.
const longSession = 100

// NewHLS returns an HLS without sessions. What it keeps in memory it gives back on
// shortage.
func NewHLS(c HLSConfig) *HLS {
	c.Sessions = cmp.Or(c.Sessions, 1000)
	c.Bytes = cmp.Or(c.Bytes, 32<<20)
	c.Packaging = cmp.Or(c.Packaging, 2*runtime.GOMAXPROCS(0))
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Memory == nil {
		c.Memory = memory.New(0)
	}
	c.Events = c.Events.withDefaults()
	p := &HLS{config: c, long: make(chan struct{}, c.Packaging), damage: newDamage(), ranges: newRanges(), facts: newFacts(&c, c.Bytes/4)}
	p.sessions = newSessions(&c)
	p.cache = newSegmentCache(&c)
	c.Memory.OnShortage(p.cache.shed)
	return p
}

func (v HLSEvents) withDefaults() HLSEvents {
	if v.Packaged == nil {
		v.Packaged = func(int64) {}
	}
	if v.Began == nil {
		v.Began = func() {}
	}
	if v.Evicted == nil {
		v.Evicted = func() {}
	}
	return v
}

// errNoFragments says in the service's words that nothing is in a range.
func errNoFragments() error {
	return millrace.Errorf(millrace.CodeNotFound, "No fragments found in the stream for the streaming request.")
}

// attempts is how many fragments are looked at to find a first one that can be
// read.
const attempts = 64

// Begin finds what a new session begins with at now, and completes the order with
// it. Where there is nothing to be played that is CodeNotFound; where it may not
// be, the errors are those of Rules.Admit.
func (p *HLS) Begin(ctx context.Context, s store.Scope, o Order, now time.Time) (Order, error) {
	o.Anchor, o.Start = time.Time{}, millrace.FragmentNumber{}
	list, err := p.beginning(ctx, s, &o, now)
	if err != nil {
		return o, err
	}
	for _, e := range list {
		known, err := p.facts.of(ctx, s, e, o.use())
		if errors.Is(err, millrace.ErrNotFound) || err == nil && known.admission == nil {
			continue // it has gone since, or is damaged
		}
		if err != nil {
			return o, err
		}
		if known.admission.refused != nil {
			return o, known.admission.refused
		}
		f := known.admission.roles().facts(&o, e, known)
		if o.Mode == hls.Live {
			o.Start = e.Number
		}
		o.Anchor = hls.Anchor(&f)
		return o, nil
	}
	return o, errNoFragments()
}

// beginning lists the first fragments of a session.
func (p *HLS) beginning(ctx context.Context, s store.Scope, o *Order, now time.Time) ([]store.Entry, error) {
	if o.Mode == hls.Live {
		return Newest(ctx, p.config.Archive, s, o.Clock, now, o.Limit)
	}
	leave, err := p.enterLong(ctx, longSession) // by the producer's clock all of the range is looked at, however long
	if err != nil {
		return nil, err
	}
	defer leave()
	picker := p.ranges.picker(p.config.Archive, s, o)
	list, err := picker.Next(ctx, s, attempts)
	if err == nil {
		p.ranges.note(s, o, picker)
	}
	return list, err
}

// A Visit is one request within a session.
type Visit struct {
	ID      TokenID
	Text    string // the token as it is written into addresses
	Created time.Time
	Order   Order
	Scope   store.Scope // what there is of the stream now
	Now     time.Time   // by the clock that fragments are stamped with
}

// Master returns the session's master playlist. It is to be closed.
func (p *HLS) Master(ctx context.Context, v Visit) (*List, error) {
	s := p.sessions.of(&v)
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.leave()
	if s.master.Codecs == nil { // also of a session whose beginning was looked at in part
		done, err := p.enterLong(ctx, v.Order.Limit)
		if err != nil {
			return nil, err
		}
		defer done()
		if _, _, err := s.begin(ctx, p, &v); err != nil {
			return nil, err
		}
	}
	m := s.master
	m.Token = v.Text
	return newList(ctx, p.config.Memory, m.Append(nil))
}

// Playlist returns the media playlist of a track, from 0. It is to be closed. The
// call waits for memory while others have it.
func (p *HLS) Playlist(ctx context.Context, v Visit, track int) (*List, error) {
	return visit(ctx, p, &v, func(s *session) (*List, error) {
		if !s.has(track) {
			return nil, errNoTrack(track)
		}
		if p.config.Idle > 0 && v.Order.Mode == hls.Live && v.Now.Sub(s.place.newest) > awaited(p.config.Idle, s.place.lasted) {
			return nil, errNoFragments()
		}
		return newList(ctx, p.config.Memory, s.window.AppendMedia(nil, hls.Rendition{
			Container: v.Order.Container, Track: track, Token: v.Text, Timestamps: v.Order.Timestamps,
		}))
	})
}

// Init returns the init segment of a track and a generation of codec private data,
// and whether the track is sound.
func (p *HLS) Init(ctx context.Context, v Visit, track, generation int) (b []byte, sound bool, err error) {
	b, err = visit(ctx, p, &v, func(s *session) ([]byte, error) {
		t := s.window.Init(generation, track)
		if t == nil || v.Order.Container != hls.FragmentedMP4 {
			return nil, millrace.Errorf(millrace.CodeNotFound, "There is no initialization fragment %d of track %d in the session.", generation, track+1)
		}
		sound = t.Media.Type == media.Audio
		b, err := fmp4.AppendInit(nil, t)
		return b, explainPackaging(err)
	})
	return b, sound, err
}

// Segment returns the segment of a fragment: of one track, from 0, or of a
// transport stream of all. It is to be closed. What is not in the session is
// CodeNotFound, and so is what has gone, or turns out to be damaged.
func (p *HLS) Segment(ctx context.Context, v Visit, n millrace.FragmentNumber, track int) (*Segment, error) {
	var first *admission
	e, err := visit(ctx, p, &v, func(s *session) (hls.Entry, error) {
		first = s.admission
		if e, ok := s.window.Find(n); ok && s.has(track) {
			return e, nil
		}
		return hls.Entry{}, errNoFragment(n)
	})
	if err != nil {
		return nil, err
	}
	segment, err := p.segment(ctx, &v, &e, first, track)
	switch {
	case errors.Is(err, millrace.ErrCorrupt):
		p.config.Logger.Error("fragment is damaged and cannot be played", "fragment", n, "err", err)
		p.facts.forget(v.Scope.Stream, n)
		p.damage.note(v.Scope.Stream, n)
		return nil, &millrace.Error{Code: millrace.CodeNotFound, Message: errNoFragment(n).Message, Err: err}
	case errors.Is(err, millrace.ErrNotFound):
		return nil, errNoFragment(n)
	}
	return segment, explainPackaging(err)
}

func (p *HLS) segment(ctx context.Context, v *Visit, e *hls.Entry, first *admission, track int) (*Segment, error) {
	entry, err := store.Find(ctx, p.config.Archive, v.Scope, e.Number) // one that was deleted is gone, whatever is in memory of it
	if err != nil {
		return nil, err
	}
	known, err := p.facts.of(ctx, v.Scope, entry, v.Order.use())
	switch {
	case err != nil:
		return nil, err
	case known.admission == nil:
		return nil, millrace.ErrCorrupt
	case known.admission.refused != nil:
		return nil, known.admission.refused
	case p.config.Rules.Strict && !known.admission.SameCodecs(first.Program):
		return nil, millrace.Errorf(millrace.CodeUnsupportedMedia, "The tracks of fragment %v are not those with which the session began.", e.Number)
	}
	return p.cache.segment(ctx, v, &source{v.Scope, entry, e, known.admission.format}, track)
}

func errNoFragment(n millrace.FragmentNumber) *millrace.Error {
	return millrace.Errorf(millrace.CodeNotFound, "Fragment %v is not in the session, or not there any more.", n)
}

func errNoTrack(track int) error {
	return millrace.Errorf(millrace.CodeNotFound, "There is no track %d in the session.", track+1)
}

// visit does something with a session that is up to date.
func visit[T any](ctx context.Context, p *HLS, v *Visit, do func(*session) (T, error)) (out T, err error) {
	s := p.sessions.of(v)
	if err := s.enter(ctx); err != nil {
		return out, err
	}
	defer s.leave()
	done, err := p.enterLong(ctx, v.Order.Limit)
	if err != nil {
		return out, err
	}
	defer done()
	if err := s.refresh(ctx, p, v); err != nil {
		return out, err
	}
	p.sessions.weigh(s)
	return do(s)
}

// enterLong waits while as many long sessions as may be are looked at, so that what
// these have in memory beside what is kept is bounded. Who calls has the session's
// turn, and keeps nobody from leaving while he waits: those who are in wait for
// memory and the disk alone. Others never wait.
func (p *HLS) enterLong(ctx context.Context, limit int) (leave func(), err error) {
	if limit < longSession {
		return func() {}, nil
	}
	select {
	case p.long <- struct{}{}:
		return func() { <-p.long }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}
