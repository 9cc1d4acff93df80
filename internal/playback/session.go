package playback

import (
	"context"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/hls"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/timeline"
)

// A session is the state of one HLS session. Who has its turn uses it; there is one
// at a time, so that it is refreshed once however many ask.
type session struct {
	id   TokenID
	turn chan struct{} // holds a token while nobody has it

	admission *admission // of the first fragment; nil until the session was described
	roles     roles
	master    hls.Master
	window    *hls.Window // nil until a media playlist or a segment was asked for
	damage    uint64      // how much was known of it
	place     place
}

// A place is how far a session has looked at the stream.
type place struct {
	picker Picker                  // of the sessions that have a range
	cursor millrace.FragmentNumber // of LIVE, the last that was looked at
	newest time.Time               // when the last fragment came
	lasted time.Duration           // how long that was
	sound  *timeline.Track         // the last that there was of the second role
	usual  [hls.MaxTracks]int64    // ticks between the frames of the last one
}

// The roles of a session say which track of a session is which: what the first fragment has.
type roles [hls.MaxTracks]role

// A role is what a track of a session is.
type role uint8

const (
	roleNone role = iota
	rolePicture
	roleSound
)

// roles is that of a session that begins with the admission.
func (c *admission) roles() (l roles) {
	i := 0
	if c.Video != nil {
		l[i] = rolePicture
		i++
	}
	if c.Audio != nil {
		l[i] = roleSound
	}
	return l
}

// facts are what the window is told of a fragment.
func (l roles) facts(o *Order, e store.Entry, known *fact) hls.Facts {
	f := hls.Facts{Number: e.Number, Start: startOf(o.Clock, &e), Damaged: known.admission == nil, Whole: e.ServerTime().Add(e.Duration)}
	for i := range l {
		if !f.Damaged {
			f.Tracks[i].Track, f.Tracks[i].Span = known.of(l[i])
		}
	}
	if o.Container == hls.FragmentedMP4 {
		l.hush(&f)
	}
	return f
}

// hush has silence played where a fragment has pictures and nothing of a track of
// sound: players with a buffer for each do not begin, or pass over the pictures,
// where the playlist of the sound has a gap.
func (l roles) hush(f *hls.Facts) {
	pictures, sound := &f.Tracks[0], &f.Tracks[1]
	if l[0] != rolePicture || l[1] != roleSound || pictures.Span.Samples == 0 || sound.Track == nil || sound.Span.Samples > 0 {
		return
	}
	sound.Span = sound.Track.Silence(pictures.Track.Time(pictures.Span.Start), pictures.Track.Time(pictures.Span.Duration))
}

// of returns the track that plays a role, nil if there is none.
func (known *fact) of(r role) (*timeline.Track, timeline.Span) {
	switch r {
	case rolePicture:
		return known.admission.Video, known.spans[0]
	case roleSound:
		return known.admission.Audio, known.spans[1]
	}
	return nil, timeline.Span{}
}

func newSession(id TokenID) *session {
	s := &session{id: id, turn: make(chan struct{}, 1)}
	s.turn <- struct{}{}
	return s
}

// enter waits for the turn, which leave gives back.
func (s *session) enter(ctx context.Context) error {
	select {
	case <-s.turn:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (s *session) leave() { s.turn <- struct{}{} }

// has reports whether the session has a track, from 0. Transport streams have all
// of them in the first.
func (s *session) has(track int) bool {
	return 0 <= track && track < hls.MaxTracks && s.roles[track] != roleNone && (track == 0 || s.master.Container == hls.FragmentedMP4)
}

// size is about how many bytes the session takes.
func (s *session) size() int64 {
	if s.window == nil {
		return sessionSize
	}
	return sessionSize + 2*entrySize*int64(len(s.window.Listed())) + s.window.Private()
}
