package playback

import (
	"context"
	"errors"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/fmp4"
	"github.com/millrace/millrace/internal/hls"
	"github.com/millrace/millrace/internal/timeline"
	"github.com/millrace/millrace/internal/ts"
	"github.com/millrace/millrace/media"
)

// make reads a fragment, once there is memory for it and fewer others are being
// read, and packages it if it is to be a transport stream.
func (all *segmentCache) make(ctx context.Context, from *source, key mediaKey) (u *cachedMedia, err error) {
	select {
	case all.places <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	defer func() { <-all.places }()
	u = &cachedMedia{key: key, size: needs(&from.stored, key), readers: map[*Segment]struct{}{}, segments: map[trackKey]*fmp4.Segment{}}
	if u.loan, err = all.budget.Borrow(ctx, u.size, func(idle time.Duration) bool { return all.cut(u, idle) }); err != nil {
		return nil, err
	}
	made, loan := false, u.loan
	defer func() {
		if !made { // also after a panic, which ends a request alone
			loan.Return()
		}
	}()
	media, err := all.load(ctx, from, u)
	if err != nil {
		return nil, err
	}
	made = true
	all.mu.Lock()
	u.bytes = media
	all.mu.Unlock()
	return u, nil
}

// load returns the bytes of cachedMedia.
func (all *segmentCache) load(ctx context.Context, from *source, u *cachedMedia) ([]byte, error) {
	f, err := all.archive.Read(ctx, from.scope, from.stored, nil)
	if err != nil {
		return nil, err
	}
	if err := timeline.Unlace(f, from.format); err != nil {
		return nil, err
	}
	cluster := timeline.Cluster(f)
	if !u.key.ts {
		u.fragment = f
		return cluster, nil
	}
	segment, err := newTransportStream(f, cluster, from.entry)
	if err != nil {
		return nil, err
	}
	u.size = int64(cap(segment)) + mediaCost
	u.loan.Shrink(u.size)
	all.events.Packaged(int64(len(segment)))
	return segment, nil
}

func newTransportStream(f *millrace.Fragment, cluster []byte, e *hls.Entry) ([]byte, error) {
	var tracks []*timeline.Track
	var runs []timeline.Run
	var delay int64
	for i := range e.Tracks {
		if t := e.Tracks[i].Track; t != nil {
			tracks, runs = append(tracks, t), append(runs, t.Run(f, e.Hint(i)))
			delay = max(delay, ts.Delay(t))
		}
	}
	return ts.NewSegment(tracks, runs, cluster, delay)
}

// packaged returns the segment of a track of a fragment, which is made if it is not
// there, by one of those who ask at once.
func (all *segmentCache) packaged(ctx context.Context, u *cachedMedia, e *hls.Entry, key trackKey) (s *fmp4.Segment, made bool, err error) {
	if s := u.find(key); s != nil {
		return s, false, nil
	}
	return u.packaged.do(ctx, key, func(context.Context) (*fmp4.Segment, error) {
		if s := u.find(key); s != nil {
			return s, nil
		}
		t := e.Tracks[key.track].Track
		run, frames := timeline.Run{}, u.bytes
		if span := e.Tracks[key.track].Span; span.Bytes == 0 && t.SilentFrame() != nil {
			run, frames = t.SilentRun(span, key.hint), t.SilentFrame()
		} else {
			run = t.Run(u.fragment, key.hint)
		}
		s, err := fmp4.NewSegment(t, &run, frames)
		if err != nil {
			return nil, err
		}
		all.events.Packaged(s.Size())
		u.keep(key, s)
		return s, nil
	})
}

func (u *cachedMedia) find(key trackKey) *fmp4.Segment {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.segments[key]
}

func (u *cachedMedia) keep(key trackKey, s *fmp4.Segment) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.segments) < mostEndings {
		u.segments[key] = s
	}
}

// explainPackaging turns what package fmp4 and ts say into what a player is told.
func explainPackaging(err error) error {
	exception := func(code millrace.Code, text string) error {
		return &millrace.Error{Code: code, Message: text, Err: err}
	}
	var frame *fmp4.FrameError
	switch {
	case err == nil:
		return nil
	case millrace.CodeOf(err) != millrace.CodeInternal, errors.Is(err, millrace.ErrNotFound), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.As(err, &frame), errors.Is(err, media.ErrTruncated):
		return exception(millrace.CodeInvalidFrame, "A frame of the fragment is not what its codec private data say.")
	case errors.Is(err, fmp4.ErrCodec), errors.Is(err, media.ErrUnsupported), errors.Is(err, ts.ErrTracks):
		return exception(millrace.CodeUnsupportedMedia, "The type of the media is not supported.")
	case errors.Is(err, fmp4.ErrEmpty):
		return exception(millrace.CodeNotFound, "The fragment has nothing of the track.")
	case errors.Is(err, fmp4.ErrAnnexB), errors.Is(err, media.ErrInvalid), errors.Is(err, media.ErrMissing), errors.Is(err, media.ErrLimit):
		return exception(millrace.CodeInvalidPrivateData, "The codec private data of the fragment cannot be used.")
	}
	return err
}
