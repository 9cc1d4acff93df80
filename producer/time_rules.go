package producer

import (
	"context"
	"time"

	"github.com/millrace/millrace/media"
)

// Bounds of times.
const (
	// reorderSpan is how far a picture may be shown before one that was decoded
	// before it.
	reorderSpan = time.Second
	// maxApart is how far the first frame of a track, or one behind a jump, may be
	// from the frames of the first video track.
	maxApart = 20 * time.Second
	// restartPause is how long a call lasts before another is begun because time
	// has gone back: time that runs backwards must not make a call of each frame.
	restartPause = 5 * time.Second
	// maxMediaTime is the latest time that there is: the year 2200, with room for
	// what is added.
	maxMediaTime = 7_258_118_400 * time.Second
)

// A trackClock knows where a track's time stands.
type trackClock struct {
	going  bool
	latest time.Duration // of all times so far
	step   time.Duration // from the latest time but one to the latest
	loose  bool          // the next time may be any: another track has gone back
}

func (c *trackClock) accept(at time.Duration) {
	switch {
	case !c.going || c.loose:
		c.latest, c.step = at, 0
	case at > c.latest:
		c.latest, c.step = at, at-c.latest
	}
	c.going, c.loose = true, false
}

// stamp returns a frame's time: its own, or one a little later so that times
// grow. Where time goes back it begins a new call, or refuses the frame.
func (p *packager) stamp(ctx context.Context, t *packed, f media.Frame) (time.Duration, error) {
	if f.PTS < 0 || f.PTS > maxMediaTime || p.tooFar(t, f.PTS) {
		return 0, timeFault(f)
	}
	at, ok := p.rules.follow(t, f.PTS)
	if ok && !p.before(t, at) {
		return at, nil
	}
	if p.rules.regress == RegressReject || ok && !p.leads(t) {
		return 0, timeFault(f)
	}
	now := time.Now()
	if now.Sub(p.restarted) < restartPause {
		return 0, timeFault(f)
	}
	p.restarted = now
	return f.PTS, p.restart(ctx, t)
}

// follow returns the time of a frame that follows others of its track; false if
// it goes back.
func (r *packingRules) follow(t *packed, pts time.Duration) (time.Duration, bool) {
	c := &t.clock
	back := c.latest - pts
	switch {
	case !c.going || c.loose || back < 0:
		return pts, true
	case t.video && back > 0 && back <= r.reorder:
		return pts, true
	case back == 0 && !t.timed():
		return pts, true
	}
	if next := c.latest - c.latest%r.tick + r.tick; next-pts <= r.nudge {
		return next, true
	}
	if back < r.nudge {
		return c.latest + 1, true
	}
	return pts, false
}

// timed reports whether no two frames of the track have one time: of data any
// number may.
func (t *packed) timed() bool {
	return t.as != nil && (t.as.Type == media.Video || t.as.Type == media.Audio)
}

// before reports whether a frame is too early for the open fragment, or for the
// one that it would begin.
func (p *packager) before(t *packed, at time.Duration) bool {
	switch {
	case p.open.going:
		return p.open.last-at > p.rules.span()
	case p.open.any:
		return p.open.first-at > p.rules.reorder
	}
	return false
}

// tooFar reports whether a frame belongs to another time than those of the first
// video track: its producer mixes clocks.
func (p *packager) tooFar(t *packed, at time.Duration) bool {
	lead := p.lead()
	if lead == nil || lead == t || !lead.heard || !lead.clock.going || lead.clock.loose {
		return false
	}
	if t.clock.going && !t.clock.loose && (at-t.clock.latest).Abs() <= maxApart {
		return false
	}
	return (at - lead.clock.latest).Abs() > maxApart
}

// restart begins a new call, in which all times may be earlier, before a frame
// of t that is earlier than those before.
func (p *packager) restart(ctx context.Context, t *packed) error {
	if err := p.flush(ctx); err != nil {
		return err
	}
	if err := p.endCluster(ctx, false); err != nil {
		return err
	}
	p.notice(&Notice{Track: t.number, Err: ErrRegress})
	p.renew, p.open = true, openFragment{}
	p.newest = 0
	for _, o := range p.tracks {
		o.clock.loose = true
	}
	return nil
}

func timeFault(f media.Frame) error {
	return &FrameError{Track: f.Track, PTS: f.PTS, Part: "time", Err: ErrTime}
}
