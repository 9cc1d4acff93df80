package consumer

import (
	"bytes"
	"slices"
	"time"

	"github.com/millrace/millrace/media"
)

// Flags say how a fragment came.
type Flags uint8

// The flags.
const (
	GapBefore  Flags = 1 << iota // its producer left a gap before it, or the reader a leap
	Backfilled                   // it was missing live, and came from the archive
	Resumed                      // frames of it were handed out before: by an earlier loop, or until the server ended it too soon
	Replayed                     // its first frame came before, under another number
)

// A screen is what stands between a source and the loop: it finds gaps, replays,
// lag and changes, and leaves out what the options say.
type screen struct {
	expired time.Time     // to be told with the next fragment
	header  *Header       // of the fragment before; nil at first
	end     time.Time     // of its media, on the producer's clock
	at      time.Time     // of the last frame
	step    time.Duration // between frames, 0 as long as that is not known
	paused  bool          // its producer said that it would pause

	offset     time.Duration       // the server's clock less ours, if they differ much
	lagging    bool                // told so
	leaping    bool                // the next head is to be the newest fragment
	landed     bool                // the fragment in hand is the first behind a leap
	tears      []media.TrackNumber // of which nothing is handed out before a key frame
	replays    replayWindow
	identities identityWindow
}

// begin is called when a loop begins.
func (s *screen) begin() { s.leaping, s.landed = false, false }

// leaps reports whether media are to be left out before the next fragment.
func (s *screen) leaps() bool {
	was := s.leaping
	s.leaping, s.landed = false, was
	return was
}

// enter is called before a fragment is handed out, and tells what comes with it.
func (s *screen) enter(r *Reader, f *Fragment) {
	if r.position.isOf(f.Number) {
		f.skipFrames = r.position.Done
		f.Flags |= Resumed
	}
	if !s.expired.IsZero() {
		r.tellExpired(s.expired, f)
		s.expired = time.Time{}
	}
	if s.header != nil && s.header != f.Header && !bytes.Equal(s.header.tracks, f.Header.tracks) {
		s.tears = nil
		if r.set.events.TracksChanged != nil {
			r.set.events.TracksChanged(s.header, f.Header)
		}
	}
	s.header = f.Header
	s.findGap(r, f)
}

// findGap compares the fragment's beginning with the end of the one before.
func (s *screen) findGap(r *Reader, f *Fragment) {
	defer func() { s.end, s.paused = f.ProducerTime, false }()
	if s.end.IsZero() || s.step == 0 || f.ProducerTime.IsZero() || f.Flags&Resumed != 0 || f.ProducerTime.Sub(s.end) <= r.set.gapTolerance {
		return
	}
	f.Flags |= GapBefore
	s.at = time.Time{} // the gap is no frame's length
	g := Gap{From: s.end, To: f.ProducerTime, Before: f.Number}
	switch {
	case s.landed:
		g.Cause = GapLeap
	case s.paused:
		g.Cause = GapPause
	}
	r.count(func(st *Stats) { st.Gaps++ })
	if r.set.events.Gap != nil {
		r.set.events.Gap(g)
	}
}

// leave is called when a fragment is over.
func (s *screen) leave(f *Fragment) { s.paused = f.service.pause }

// admit reports whether a frame is to be handed out, and completes it.
func (s *screen) admit(r *Reader, f *Fragment, frame *Frame) bool {
	if frame.Index < f.skipFrames || r.set.tracks != nil && !slices.Contains(r.set.tracks, frame.Track) {
		return false
	}
	if !s.passReplay(r, f, frame) || !s.passLag(r, f, frame) {
		return false
	}
	f.position.Done = frame.Index + 1
	r.countFrame(f, frame)
	return true
}

// countFrame is count for what happens most.
func (r *Reader) countFrame(f *Fragment, frame *Frame) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stats.Frames++
	r.stats.Bytes += int64(len(frame.Data))
	r.stats.Last = f.Number
}

// extend moves the end of the media behind a frame, whose length is what is said
// of it, or the time since the frame before.
func (s *screen) extend(frame *Frame) {
	if frame.Time.IsZero() {
		return
	}
	if step := frame.Time.Sub(s.at); step > 0 && !s.at.IsZero() {
		s.step = step
	}
	s.at = frame.Time
	length := frame.Duration
	if length == 0 && frame.Format != nil {
		length = frame.Format.DefaultDuration
	}
	if length == 0 {
		length = s.step
	} else {
		s.step = length
	}
	if end := frame.Time.Add(length); end.After(s.end) {
		s.end = end
	}
}
