package producer

import (
	"context"
	"slices"
	"time"
)

// Bounds of what a stream holds for the order of tracks. Beyond them the
// earliest frame goes out, whatever it waits for.
const (
	maxHeld      = 1024
	maxHeldBytes = 16 << 20
	maxPause     = 4 * time.Second // that a slow first video track is given
	maxSpare     = 64              // pieces of memory that lie ready
)

// A haste says how much of what is held goes out.
type haste uint8

const (
	patient haste = iota // what has nothing to wait for
	hurried              // all, without beginning a fragment for it where that can be
	lastly               // all, as fragments begin otherwise
)

// A frameQueue holds frames of one track in the order of writing.
type frameQueue struct {
	frames []frame
	head   int
}

func (q *frameQueue) first() *frame {
	if q.head == len(q.frames) {
		return nil
	}
	return &q.frames[q.head]
}

func (q *frameQueue) push(f frame) {
	if q.head > 0 && len(q.frames) == cap(q.frames) {
		q.frames = slices.Delete(q.frames, 0, q.head)
		q.head = 0
	}
	q.frames = append(q.frames, f)
}

// pop takes the first frame out.
func (q *frameQueue) pop() frame {
	f := q.frames[q.head]
	q.frames[q.head] = frame{}
	if q.head++; q.head == len(q.frames) {
		q.frames, q.head = q.frames[:0], 0
	}
	return f
}

// last returns the frame that was pushed last.
func (q *frameQueue) last() *frame {
	if q.head == len(q.frames) {
		return nil
	}
	return &q.frames[len(q.frames)-1]
}

// unpush takes the frame out that was pushed last.
func (q *frameQueue) unpush() {
	last := len(q.frames) - 1
	q.frames[last] = frame{}
	if q.frames = q.frames[:last]; q.head == last {
		q.frames, q.head = q.frames[:0], 0
	}
}

// queueUp puts a frame behind those of its track that are held, and sends what
// need not be held. After an error the frame was not taken. It is nil if the
// frame itself was sent and others were not: these are tried again.
func (p *packager) queueUp(ctx context.Context, f frame) error {
	t := f.track
	t.absent, t.late, t.heard, t.arrived = false, false, true, f.arrived
	t.queue.push(f)
	p.held++
	p.stored += len(f.data)
	err := p.drain(ctx, f.arrived, patient)
	last := t.queue.last()
	if last == nil || last.ours {
		return nil
	}
	if err != nil {
		t.queue.unpush()
		p.held--
		p.stored -= len(f.data)
		return err
	}
	last.data, last.ours = p.keep(f.data), true
	return nil
}

// keep copies a frame's data into memory that is used over and over.
func (p *packager) keep(data []byte) []byte {
	var b []byte
	if n := len(p.spare); n > 0 {
		b, p.spare = p.spare[n-1], p.spare[:n-1]
	}
	return append(b[:0], data...)
}

// flush sends everything that is held.
func (p *packager) flush(ctx context.Context) error { return p.drain(ctx, time.Time{}, lastly) }

// drain sends held frames as long as there is one that has nothing to wait for,
// or that may not wait.
func (p *packager) drain(ctx context.Context, now time.Time, how haste) error {
	for p.held > 0 {
		f, cuts := p.next(now, how)
		if f == nil {
			return nil
		}
		if err := p.release(ctx, f, cuts); err != nil {
			return err
		}
		p.let(f.track)
		if !cuts {
			continue
		}
		if err := p.complete(ctx); err != nil {
			return err
		}
	}
	return nil
}

// complete puts the first frame of every other track into a fragment that was
// begun, so that none lacks one (K1).
func (p *packager) complete(ctx context.Context) error {
	for _, t := range p.tracks {
		f := t.queue.first()
		if f == nil || t.in == nil || t.inOpen > 0 || f.as != t.in {
			continue
		}
		if err := p.place(ctx, f); err != nil {
			return err
		}
		p.let(t)
	}
	return nil
}

// let takes out the first frame of a track, which was sent.
func (p *packager) let(t *packed) {
	f := t.queue.pop()
	p.held--
	p.stored -= len(f.data)
	if f.ours && len(p.spare) < maxSpare {
		p.spare = append(p.spare, f.data)
	}
}

// next returns the frame that goes out next, and whether a fragment begins with
// it; nil if all have to wait. Frames of the first video track go as they come,
// but where a fragment may begin they wait for tracks that are behind; other
// tracks wait until their time has come on that one.
func (p *packager) next(now time.Time, how haste) (f *frame, cuts bool) {
	lead := p.lead()
	switch {
	case how == lastly, p.held > maxHeld, p.stored > maxHeldBytes:
		f = p.earliest()
		return f, p.begins(f)
	case how == hurried:
		f = p.earliest()
		return f, p.must(f)
	}
	head := lead.queue.first()
	if f, cuts = p.follower(lead, head, now); f != nil {
		return f, cuts
	}
	if head == nil {
		return nil, false
	}
	switch must := p.must(head); {
	case !must && !p.may(head):
		return head, false
	case p.ready(head):
		return head, true
	case !p.expired(head, now) && p.worth(must):
		return nil, false
	default:
		p.giveUpWaiting(head)
		return head, must
	}
}

// follower returns a frame of a track other than the lead that goes out next, if
// there is one: the earliest, because one that a fragment begins with may leave
// no room for others that are earlier.
func (p *packager) follower(lead *packed, head *frame, now time.Time) (best *frame, cuts bool) {
	for _, t := range p.tracks {
		f := t.queue.first()
		if t == lead || f == nil {
			continue
		}
		fits := p.fits(f)
		switch expired := p.expired(f, now); {
		case fits && !expired && !p.passed(f, lead, head):
			continue
		case fits:
		case !expired:
			continue
		case head != nil && head.at-f.at <= p.rules.startHold, head == nil && p.coming(lead, now):
			p.forced = p.forced || p.open.going
			continue
		}
		if best == nil || f.at < best.at { // the lead, if f does not fit, is not coming, or is too late for it
			best, cuts = f, !fits
		}
	}
	return best, cuts
}

// passed reports whether the lead's time has come to f.
func (p *packager) passed(f *frame, lead *packed, head *frame) bool {
	if head != nil {
		return f.at < head.at
	}
	return lead.inOpen > 0 && f.at <= lead.clock.latest
}

// coming reports whether a frame of the lead is to be expected soon: within the
// time that frames may be held, or that two frames of it take.
func (p *packager) coming(lead *packed, now time.Time) bool {
	if !lead.heard || p.holdNow() == 0 {
		return false
	}
	soon := max(p.holdNow(), min(2*lead.clock.step, maxPause))
	return p.newest-lead.clock.latest < soon && (p.rules.byMedia || now.Sub(lead.arrived) < soon)
}

// ready reports whether the fragment that begins with f would have frames of all
// tracks that have any.
func (p *packager) ready(f *frame) bool {
	for _, t := range p.tracks {
		if t == f.track || t.absent || p.rules.silent == SilentKeep && t.as != nil {
			continue
		}
		if !p.expects(t, f.at) {
			return false
		}
		if p.open.going && p.holdNow() == 0 && t.in != nil && t.inOpen == 0 {
			return false
		}
	}
	return true
}

// expects reports whether a fragment that begins at a time will have frames of t.
func (p *packager) expects(t *packed, at time.Duration) bool {
	switch {
	case t.as == nil:
		return false
	case p.rules.silent == SilentKeep:
		return true
	}
	if f := t.queue.first(); f != nil {
		return (f.at - at).Abs() < p.rules.maxDuration
	}
	return p.rules.hold == 0 && t.heard && !t.absent && !t.clock.loose && t.clock.latest > at-p.rules.patience
}

// worth reports whether waiting for other tracks may help: it does not if one
// was waited for in vain.
func (p *packager) worth(must bool) bool {
	return !slices.ContainsFunc(p.tracks, func(t *packed) bool {
		return t.late && t.queue.first() == nil && (must || t.in != nil)
	})
}

// giveUpWaiting notes which tracks were waited for in vain.
func (p *packager) giveUpWaiting(f *frame) {
	for _, t := range p.tracks {
		if t != f.track && t.queue.first() == nil {
			t.late = true
		}
	}
}

// expired reports whether f was held for as long as it may be.
func (p *packager) expired(f *frame, now time.Time) bool {
	hold := p.holdNow()
	return hold == 0 || p.newest-f.at > hold || !p.rules.byMedia && now.Sub(f.arrived) >= hold
}

// holdNow is for how long frames may be held.
func (p *packager) holdNow() time.Duration {
	if p.open.going {
		return p.rules.hold
	}
	return p.rules.startHold
}

// lead returns the track that says where fragments begin: the first video track,
// or the first track if there is none or if it has gone silent. It is nil if
// there are no tracks.
func (p *packager) lead() *packed {
	for _, t := range p.tracks {
		if t.video && !t.absent {
			return t
		}
	}
	for _, t := range p.tracks {
		if !t.absent {
			return t
		}
	}
	if len(p.tracks) > 0 {
		return p.tracks[0]
	}
	return nil
}

func (p *packager) leads(t *packed) bool { return p.lead() == t }

// earliest returns the held frame that comes first.
func (p *packager) earliest() *frame {
	var best *frame
	for _, t := range p.tracks {
		if f := t.queue.first(); f != nil && (best == nil || f.at < best.at) {
			best = f
		}
	}
	return best
}

// deadline returns when the next held frame was held for long enough; zero if
// nothing is held by the clock.
func (p *packager) deadline() (at time.Time) {
	if p.rules.byMedia {
		return at
	}
	for _, t := range p.tracks {
		f := t.queue.first()
		if f == nil {
			continue
		}
		if due := f.arrived.Add(p.holdNow()); at.IsZero() || due.Before(at) {
			at = due
		}
	}
	return at
}
