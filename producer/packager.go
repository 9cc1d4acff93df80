package producer

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/millrace/millrace/media"
)

// A packager makes fragments of frames. One begins with every key frame of the
// first video track, with all tracks that have frames; where there is no video,
// or no key frame for too long, the rules say when.
//
//	K1: a fragment is never longer, larger or of more tracks than servers take,
//	    and each of its tracks has a frame in it. Where nothing is held the last
//	    cannot be promised of a fragment that is sent while it is written: a
//	    track that falls silent under it was declared. A server that minds gets
//	    it once more under another header.
//	K2: timecodes grow from fragment to fragment of a call. Frames keep their
//	    times, to the tick, but for what TimeRules.MaxNudge allows.
//	K3: frames of one track go out in the order in which they were written, once.
//	K4: what is refused is refused by Write, by itself, and at once.
//
// Its methods may be called by any number of goroutines. They take turns: the
// turn is handed on through a channel, so that who waits for it still heeds its
// context, and it is kept while a full buffer makes its holder wait, because the
// order of frames depends on it. Locks are taken in the order turn, tags.mu,
// Stream.mu; nothing that has one of the latter waits for the turn. Tags have a
// lock of their own because SetTag must not wait.
type packager struct {
	stream *Stream
	rules  packingRules
	turn   chan struct{} // full while somebody has the turn
	tags   tagBook

	frames, refused atomic.Int64 // that were taken, and that were not for their own fault

	// Only who has the turn may use what is below.
	tracks []*packed
	over   bool          // the stream is closed
	block  []byte        // memory for a block's head
	spare  [][]byte      // memory for frames that are held
	held   int           // frames
	stored int           // bytes of them
	newest time.Duration // the latest time of a frame that was written
	forced bool          // the lead's next frame begins a fragment
	odd    oddity        // what there have been notices of
	open   openFragment
	renew  bool // the next header is another one even if it has the same bytes
	watch  watch

	restarted time.Time // when a call was begun because time went back
}

// An openFragment is what the packager knows of the fragment that it writes,
// and, while none is open, of the last one.
type openFragment struct {
	going    bool          // it is open
	any      bool          // there was a fragment in this call
	timecode int64         // in ticks
	first    time.Duration // the earliest time of a frame
	last     time.Duration // the latest one
	size     int64         // bytes
	frames   int
}

// A packed track is one that frames are written of.
type packed struct {
	number    media.TrackNumber
	video     bool
	shape     *conditioner
	successor *conditioner // takes over with the next key frame; nil if none
	as        *media.Track // how it is declared from the frame on that was written last; nil if not known
	in        *media.Track // how the open fragment declares it; nil if it does not
	scratch   []byte       // for frames that have to change
	needsKey  bool         // what comes before a key frame cannot be decoded
	heard     bool         // it has had frames
	absent    bool         // it is not waited for until it has frames again
	late      bool         // it was waited for in vain
	inOpen    int          // frames in the open fragment
	arrived   time.Time    // when the last frame was written
	clock     trackClock
	queue     frameQueue
}

// A frame is one that is ready to be sent.
type frame struct {
	track       *packed
	as          *media.Track  // how its track is to be declared
	at          time.Duration // media time
	arrived     time.Time
	key         bool
	discardable bool
	data        []byte
	ours        bool // data are in memory of the packager's own
}

// newPackager returns a packager for the tracks, which may be none. An error is
// about the settings.
func newPackager(s *Stream, tracks []media.Track) (*packager, error) {
	rules, err := resolveRules(&s.config)
	if err != nil {
		return nil, err
	}
	p := &packager{stream: s, rules: rules, turn: make(chan struct{}, 1)}
	return p, p.adopt(tracks)
}

// enter waits for the turn.
func (p *packager) enter(ctx context.Context) error {
	select {
	case p.turn <- struct{}{}:
	default:
		select {
		case p.turn <- struct{}{}:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	if p.over {
		p.leave()
		return ErrClosed
	}
	return nil
}

func (p *packager) leave() { <-p.turn }

// adopt begins with other tracks.
func (p *packager) adopt(tracks []media.Track) error {
	list := make([]*packed, len(tracks))
	for i, t := range tracks {
		shape, err := newConditioner(t)
		if err != nil {
			return err
		}
		now, known := shape.track()
		list[i] = &packed{number: now.Number, video: now.Type == media.Video, shape: shape, needsKey: now.Type == media.Video}
		if known {
			list[i].as = &now
		}
		if number := t.Number; p.find(list[:i], number) != nil || number == 0 {
			return &TrackError{Track: number, Part: "number", Err: errTrackTwice}
		}
	}
	if len(list) > maxTracks {
		return &TrackError{Track: list[maxTracks].number, Part: fmt.Sprintf("more than %d tracks", maxTracks)}
	}
	p.tracks = list
	return nil
}

func (p *packager) find(list []*packed, number media.TrackNumber) *packed {
	for _, t := range list {
		if t.number == number {
			return t
		}
	}
	return nil
}

// setTracks ends the open fragment and begins with other tracks.
func (p *packager) setTracks(ctx context.Context, tracks []media.Track) error {
	if err := p.enter(ctx); err != nil {
		return err
	}
	defer p.leave()
	if err := p.finish(ctx, true); err != nil {
		return err
	}
	if err := p.adopt(tracks); err != nil {
		return err
	}
	for _, n := range unplayable(p.declared()) {
		p.notice(n)
	}
	return nil
}

// setPrivate has a track go on with other codec private data.
func (p *packager) setPrivate(ctx context.Context, number media.TrackNumber, private []byte) (err error) {
	if err := p.enter(ctx); err != nil {
		return err
	}
	defer p.leave()
	t := p.find(p.tracks, number)
	if t == nil {
		return &TrackError{Track: number, Part: "number", Err: ErrUnknownTrack}
	}
	t.successor, err = t.shape.replaced(private)
	return err
}

// write takes a frame.
func (p *packager) write(ctx context.Context, f media.Frame) error {
	if err := p.enter(ctx); err != nil {
		return err
	}
	defer p.leave()
	err := p.take(ctx, f)
	p.count(err)
	return err
}

// count counts what became of a frame.
func (p *packager) count(err error) {
	if err == nil {
		p.frames.Add(1)
		return
	}
	var fault *FrameError
	if errors.As(err, &fault) {
		p.refused.Add(1)
	}
}

// take makes a frame fit, finds its time, and sends it or holds it.
func (p *packager) take(ctx context.Context, in media.Frame) error {
	t := p.find(p.tracks, in.Track)
	if t == nil {
		return &FrameError{Track: in.Track, PTS: in.PTS, Part: "track", Err: ErrUnknownTrack}
	}
	before := t.as
	c, err := p.condition(t, in)
	if err != nil || c.Skip {
		return err
	}
	if t.needsKey && !c.Key {
		return &FrameError{Track: in.Track, PTS: in.PTS, Part: "key frame", Err: ErrNeedKeyFrame}
	}
	at, err := p.stamp(ctx, t, in)
	if err != nil {
		t.needsKey = t.needsKey || t.video && t.as != before
		return err
	}
	f := frame{
		track: t, as: t.as, at: at, arrived: time.Now(),
		key: c.Key, discardable: c.Discardable, data: c.Payload,
	}
	clock := t.clock
	t.clock.accept(at)
	if len(p.tracks) == 1 {
		err = p.release(ctx, &f, p.begins(&f))
	} else {
		p.newest = max(p.newest, at)
		err = p.queueUp(ctx, f)
	}
	if err != nil {
		t.clock = clock
		return err
	}
	t.heard, t.needsKey = true, false
	p.watch.note(p, f.arrived)
	return nil
}

// condition has the codec's part done, and notes how the track is declared from
// this frame on.
func (p *packager) condition(t *packed, in media.Frame) (conditioned, error) {
	switch next := t.successor; {
	case next == nil:
	case next.starts(in):
		next.succeed(t.shape)
		t.shape, t.successor, t.as = next, nil, nil
	default:
		next.overhear(in)
	}
	c, err := t.shape.condition(t.scratch, in)
	if c.Notice != nil {
		p.notice(c.Notice)
	}
	if err != nil {
		return c, err
	}
	if c.Copied {
		t.scratch = c.Payload
	}
	if c.Changed || t.as == nil {
		if now, known := t.shape.track(); known {
			if t.as != nil || t.in != nil {
				p.notice(&Notice{Track: t.number, Err: ErrCodecChanged})
			}
			t.as = &now
		}
	}
	if t.as == nil && !c.Skip {
		return c, &FrameError{Track: in.Track, PTS: in.PTS, Part: "codec private data", Err: ErrNeedKeyFrame}
	}
	return c, nil
}

// endFragment sends what is held, and ends the open fragment so that the server
// knows.
func (p *packager) endFragment(ctx context.Context) error {
	if err := p.enter(ctx); err != nil {
		return err
	}
	defer p.leave()
	return p.finish(ctx, true)
}

// sendHeld sends what is held, within the open fragment wherever that has room:
// a fragment that began without the tracks that are behind would need another
// header, and a call of its own.
func (p *packager) sendHeld(ctx context.Context) error {
	if err := p.enter(ctx); err != nil {
		return err
	}
	defer p.leave()
	return p.drain(ctx, time.Time{}, hurried)
}

// close sends what is held, and the tags. It does not tell the server that the
// fragment has ended: the end of the call does.
func (p *packager) close(ctx context.Context) error {
	if err := p.enter(ctx); err != nil {
		return err
	}
	defer p.leave()
	return p.finish(ctx, false)
}

// shut ends everything when the stream takes no more, so that nobody has the
// turn for long. Write returns ErrClosed from then on.
func (p *packager) shut() {
	p.turn <- struct{}{}
	p.over = true
	p.watch.stop()
	p.leave()
	p.watch.running.Wait()
}

// notice tells something, outside of everything that the packager has locked.
func (p *packager) notice(err error) {
	told := p.stream.config.Events.Notice
	if told == nil {
		return
	}
	p.stream.mu.Lock()
	defer p.stream.mu.Unlock()
	p.stream.tell(func() { told(err) })
}
