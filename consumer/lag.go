package consumer

import (
	"slices"
	"time"
)

// passLag measures how far the loop is behind and does what the policy says about
// it. It reports whether the frame is to be handed out.
func (s *screen) passLag(r *Reader, f *Fragment, frame *Frame) bool {
	if f.ServerTime.IsZero() {
		return true
	}
	behind := s.behind(f, frame)
	r.noteBehind(behind)
	p := r.set.lag
	if p.Max <= 0 {
		return true
	}
	if over := behind > p.Max; over != s.lagging {
		s.lagging = over
		if r.set.events.Lag != nil {
			r.set.events.Lag(Lag{Behind: behind, Over: over})
		}
	}
	switch {
	case p.Mode == KeyFramesOnly && s.torn(frame):
	case !s.lagging:
		return true
	case p.Mode == SkipToLive && !s.landed:
		s.leaping = true
		f.state = left
	default:
		return true
	}
	r.count(func(st *Stats) { st.Skipped++ })
	return false
}

// torn reports whether a frame is one that KeyFramesOnly leaves out: each that is
// no key frame while the loop is behind, and then those of its track up to the
// next key frame, for they refer to what was left out. Tracks that the header does
// not name are not remembered, so that their number is the header's.
func (s *screen) torn(frame *Frame) bool {
	i := slices.Index(s.tears, frame.Track)
	switch {
	case frame.Key && i >= 0:
		s.tears = slices.Delete(s.tears, i, i+1)
	case !frame.Key && i < 0 && s.lagging && frame.Format != nil:
		s.tears = append(s.tears, frame.Track)
	}
	return !frame.Key && (i >= 0 || s.lagging)
}

// behind is from the time at which the server got the frame, as far as that can
// be known, to now. The server says when a fragment began; a frame came as much
// later as it is later in the media, unless they were sent faster than that.
func (s *screen) behind(f *Fragment, frame *Frame) time.Duration {
	now := time.Now().Add(s.offset)
	since := now.Sub(f.ServerTime)
	if !frame.Time.IsZero() {
		since -= max(frame.Time.Sub(f.ProducerTime), 0)
	}
	return max(since, 0)
}

// trustedOffset is how far the server's clock, of which answers tell the second,
// has to be off before it is taken for another than ours.
const trustedOffset = 2 * time.Second

// connected is called for each response that has begun, with the server's time.
func (r *Reader) connected(c Connection, at time.Time) {
	r.screen.offset = 0
	if off := time.Until(at); off.Abs() > trustedOffset {
		r.screen.offset = off
	}
	r.count(func(s *Stats) { s.Connections++ })
	if r.set.events.Connected != nil {
		r.set.events.Connected(c)
	}
}

// disconnected is called before the wait until another attempt.
func (r *Reader) disconnected(err error, wait time.Duration) {
	r.count(func(s *Stats) { s.Disconnections++ })
	if r.set.events.Disconnected != nil {
		r.set.events.Disconnected(err, wait)
	}
}

func (r *Reader) noteBehind(d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stats.Behind = d
}
