package playback

import (
	"context"
	"errors"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/hls"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/media"
)

// begin looks at the first fragments of a session and makes the master playlist of
// them, which stays as it is. Where it begins stands in its token, so that a
// session that was let go becomes what it was. One without fragments is not begun.
func (s *session) begin(ctx context.Context, p *HLS, v *Visit) ([]hls.Facts, bool, error) {
	s.place = place{
		picker: *p.ranges.picker(p.config.Archive, v.Scope, &v.Order),
		cursor: v.Order.Start.Prev(),
	}
	s.roles, s.admission = roles{}, nil
	facts, whole, err := s.next(ctx, p, v, v.Order.Limit)
	switch {
	case err != nil:
		return nil, false, err
	case s.admission == nil:
		return nil, false, errNoFragments()
	}
	if s.master.Codecs == nil {
		s.describe(&v.Order, facts)
	}
	return facts, whole, nil
}

// open makes the window of a session.
func (s *session) open(ctx context.Context, p *HLS, v *Visit) error {
	facts, whole, err := s.begin(ctx, p, v)
	if err != nil {
		return err
	}
	at := v.Now
	if v.Order.Mode == hls.LiveReplay {
		at = p.sessions.firstVisit(v)
	}
	w := hls.NewWindow(v.Order.settings(p.config.Rules))
	w.Extend(s.momentOf(v, whole, at), facts, whole && v.Order.Mode != hls.Live)
	s.window, s.damage = w, 0
	return nil
}

// refresh brings the window up to now. After an error it stands where the last
// fragments were taken, and can be refreshed again.
func (s *session) refresh(ctx context.Context, p *HLS, v *Visit) error {
	if s.window == nil {
		if err := s.open(ctx, p, v); err != nil {
			return err
		}
	}
	for want := s.window.Extend(s.momentOf(v, false, v.Now), nil, false); want > 0; {
		facts, whole, err := s.next(ctx, p, v, want)
		if err != nil {
			return err
		}
		want = s.window.Extend(s.momentOf(v, whole, v.Now), facts, whole)
	}
	var damaged []millrace.FragmentNumber
	s.damage, damaged = p.damage.since(s.damage, v.Scope.Stream)
	for _, n := range damaged {
		s.window.MarkGap(n)
	}
	return nil
}

// momentOf is the time that the window is told with a part of the fragments. What
// a live session has not looked at for long is told as it came, so that it lists
// and forgets what it would have if it had been asked all the time.
func (s *session) momentOf(v *Visit, whole bool, now time.Time) time.Time {
	if v.Order.Mode != hls.Live || whole || !s.place.newest.Before(now) {
		return now
	}
	return s.place.newest
}

// next finds out what the window has to know of the fragments behind those that
// were looked at. whole says that there are no more at present.
func (s *session) next(ctx context.Context, p *HLS, v *Visit, want int) (facts []hls.Facts, whole bool, err error) {
	before := s.place
	list, whole, err := s.list(ctx, p, v, want)
	if err == nil {
		facts, err = s.gather(ctx, p, v, list)
	}
	if err != nil {
		s.place = before
	}
	return facts, whole, err
}

func (s *session) list(ctx context.Context, p *HLS, v *Visit, want int) (list []store.Entry, whole bool, err error) {
	if v.Order.Mode != hls.Live {
		list, err = s.place.picker.Next(ctx, v.Scope, want)
		return list, len(list) < want, err
	}
	list, err = p.config.Archive.After(ctx, v.Scope, s.place.cursor, want)
	whole = len(list) < want
	if len(list) > 0 {
		s.place.cursor = list[len(list)-1].Number
	}
	return withoutTwins(v.Order.Clock, list), whole, err
}

// gather finds out what is to be known of fragments. What has gone since is left out.
func (s *session) gather(ctx context.Context, p *HLS, v *Visit, list []store.Entry) ([]hls.Facts, error) {
	all := make([]hls.Facts, 0, len(list))
	for _, e := range list {
		known, err := p.facts.of(ctx, v.Scope, e, v.Order.use())
		if errors.Is(err, millrace.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if s.admission == nil && known.admission != nil {
			s.admission, s.roles = known.admission, known.admission.roles()
		}
		f := s.roles.facts(&v.Order, e, known)
		if !p.config.Rules.Strict {
			s.keepSound(&v.Order, &f)
		}
		if err := s.settle(ctx, p, v, e, &f); err != nil {
			return nil, err
		}
		all = append(all, f)
		s.place.newest, s.place.lasted = e.ServerTime(), e.Duration
	}
	return all, nil
}

// keepSound has the sound go on in silence where the header of a fragment has no
// track of it any more.
func (s *session) keepSound(o *Order, f *hls.Facts) {
	sound := &f.Tracks[1]
	switch {
	case s.roles[1] != roleSound || o.Container != hls.FragmentedMP4:
	case sound.Track != nil:
		s.place.sound = sound.Track
	case s.place.sound != nil:
		sound.Track = s.place.sound
		s.roles.hush(f)
	}
}

// settle times single frames by those of the fragment before.
func (s *session) settle(ctx context.Context, p *HLS, v *Visit, e store.Entry, f *hls.Facts) error {
	for i := range f.Tracks {
		t, usual := &f.Tracks[i], s.place.usual[i]
		if t.Span.Samples == 0 {
			continue
		}
		if t.Span.Samples == 1 && t.Span.Bytes > 0 && usual > 0 {
			span, err := p.facts.single(ctx, v.Scope, e, t.Track, usual)
			switch {
			case errors.Is(err, millrace.ErrNotFound), errors.Is(err, millrace.ErrCorrupt):
				continue // its segment will say so
			case err != nil:
				return err
			}
			t.Span, t.Usual = span, usual
		}
		s.place.usual[i] = t.Span.Usual
	}
	return nil
}

// describe says what the master playlist says.
func (s *session) describe(o *Order, first []hls.Facts) {
	s.master = hls.Master{Container: o.Container}
	m := hls.Measure(first)
	s.master.Bandwidth, s.master.FrameRate = m.Bandwidth, m.FrameRate
	for _, t := range s.admission.Tracks() {
		s.master.Codecs = append(s.master.Codecs, t.Parameters.CodecString)
	}
	if t := s.admission.Video; t != nil {
		s.master.Width, s.master.Height = t.Parameters.Width, t.Parameters.Height
	}
	if t := s.admission.Audio; t != nil {
		s.master.Channels = t.Parameters.Channels
		if t.Media.Codec == media.ALaw || t.Media.Codec == media.MuLaw {
			s.master.Silent = m.First // no browser plays it
		}
	}
}
