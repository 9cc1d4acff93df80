package producer

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/millrace/millrace/internal/wire"
	"github.com/millrace/millrace/media"
	"github.com/millrace/millrace/mkv"
)

// blockHead is more than what stands around a frame's data, in bytes.
const blockHead = 32

// release sends a frame, and begins a fragment with it if it cuts.
func (p *packager) release(ctx context.Context, f *frame, cuts bool) error {
	if cuts {
		if err := p.beginWith(ctx, f); err != nil {
			return err
		}
	}
	return p.place(ctx, f)
}

// begins reports whether a fragment begins with f, if nothing has to be waited for.
func (p *packager) begins(f *frame) bool { return p.must(f) || p.may(f) }

// must reports whether f cannot go into the open fragment.
func (p *packager) must(f *frame) bool { return p.forced || !p.fits(f) }

// fits reports whether f can go into the open fragment.
func (p *packager) fits(f *frame) bool { return p.open.going && f.as == f.track.in && !p.full(f) }

// full reports whether the open fragment has no room for f.
func (p *packager) full(f *frame) bool {
	o := &p.open
	return f.at-o.first >= p.rules.maxDuration ||
		o.size+int64(len(f.data))+blockHead > p.rules.maxBytes
}

// may reports whether f is where a fragment should begin.
func (p *packager) may(f *frame) bool {
	return f.key && p.open.frames > 0 && p.leads(f.track) && f.at-p.open.first >= p.shortest(f)
}

// shortest is how long a fragment has to be before a key frame ends it.
func (p *packager) shortest(f *frame) time.Duration {
	switch {
	case p.rules.minDuration > 0:
		return p.rules.minDuration
	case !f.track.video || standsAlone(f.as.Codec):
		return shortFragment
	}
	return videoFragment
}

// standsAlone reports whether every frame of the codec is a key frame.
func standsAlone(codec media.Codec) bool { return codec == media.MJPEG || codec == media.PNG }

// beginWith begins a fragment whose first frame is f.
func (p *packager) beginWith(ctx context.Context, f *frame) error {
	o := &p.open
	if o.going && !f.key && f.track.video && f.as == f.track.in && f.at-o.last < p.rules.maxDuration {
		p.once(oddGOP, &Notice{Track: f.track.number, Err: ErrLongGOP})
	}
	follows := int64(len(f.data)) + blockHead
	if err := p.endCluster(ctx, o.going && p.stream.waits(follows+blockHead)); err != nil {
		return err
	}
	first := f.at
	if p.declare(f) || p.renew {
		p.setHeader()
	}
	for _, t := range p.tracks {
		if g := t.queue.first(); t != f.track && t.in != nil && g != nil && g.at > f.at-p.rules.startHold {
			first = min(first, g.at)
		}
	}
	timecode := p.rules.ticks(first)
	if o.any {
		timecode = max(timecode, o.timecode+1) // K2; the frames keep their times
	}
	head := mkv.AppendUnknownSize(mkv.AppendID(make([]byte, 0, 24), mkv.IDCluster), 0)
	head = mkv.AppendUint(head, mkv.IDTimecode, uint64(timecode))
	err := p.stream.begin(ctx, fragmentHead{
		timecode: uint64(timecode), scale: uint64(p.rules.tick), first: first, cluster: head,
		follows: follows,
	})
	if err != nil {
		f.track.needsKey = f.track.video
		return fmt.Errorf("begin fragment: %w", err)
	}
	p.forced = false
	p.open = openFragment{going: true, any: true, timecode: timecode, first: first, last: first, size: int64(len(head))}
	p.tags.begin()
	return nil
}

// declare decides which tracks the fragment has that begins with f, and reports
// whether that makes another header.
func (p *packager) declare(f *frame) bool {
	changed := false
	size := int64(len(f.data))
	for _, t := range p.tracks {
		as := (*media.Track)(nil)
		g := t.queue.first()
		switch {
		case t == f.track:
			as = f.as
		case !p.expects(t, f.at):
		case g == nil:
			as = t.as
		case size+int64(len(g.data))+maxTracks*blockHead <= p.rules.maxBytes:
			as = g.as
			size += int64(len(g.data))
		}
		if as == nil && g == nil && !t.absent && (t.in != nil || !t.heard) {
			t.absent = true
			p.notice(&Notice{Track: t.number, Err: ErrSilent})
		}
		changed = changed || as != t.in
		t.in, t.inOpen = as, 0
	}
	return changed
}

// setHeader sets the header to one for the tracks that are declared.
func (p *packager) setHeader() {
	b, _ := p.header(func(*packed) bool { return true })
	if p.renew {
		p.stream.renewHeader(b)
	} else {
		p.stream.setHeader(b)
	}
	p.renew = false
}

// header is one for those of the declared tracks that are to be in it, and how
// many they are.
func (p *packager) header(has func(*packed) bool) (b []byte, tracks int) {
	var list []mkv.Track
	for _, t := range p.tracks {
		if t.in != nil && has(t) {
			list = append(list, matroskaTrack(t.in))
		}
	}
	b = mkv.AppendEBML(nil, mkv.EBML{})
	b = mkv.AppendUnknownSize(mkv.AppendID(b, mkv.IDSegment), 0)
	b = mkv.AppendInfo(b, mkv.Info{TimecodeScale: uint64(p.rules.tick), MuxingApp: "millrace", WritingApp: "millrace"})
	return mkv.AppendTracks(b, list), len(list)
}

// leaveSilent has the open fragment, which ends, declare no track that fell silent
// under it, unless some of it was sent already.
func (p *packager) leaveSilent() {
	silent := slices.ContainsFunc(p.tracks, func(t *packed) bool { return t.in != nil && t.inOpen == 0 })
	if !silent || p.rules.silent == SilentKeep {
		return
	}
	if b, n := p.header(func(t *packed) bool { return t.inOpen > 0 }); n > 0 {
		p.stream.redeclare(b)
	}
}

func matroskaTrack(t *media.Track) mkv.Track {
	return mkv.Track{
		Number:          uint64(t.Number),
		UID:             t.UID,
		Type:            mkv.TrackType(t.Type),
		CodecID:         t.CodecID,
		CodecPrivate:    t.Private,
		Name:            t.Name,
		DefaultDuration: uint64(t.DefaultDuration),
		Video:           mkv.Video{PixelWidth: uint64(t.Width), PixelHeight: uint64(t.Height)},
		Audio: mkv.Audio{
			SamplingFrequency: t.SampleRate,
			Channels:          uint64(t.Channels),
			BitDepth:          uint64(t.BitDepth),
		},
	}
}

// place adds a frame to the open fragment.
func (p *packager) place(ctx context.Context, f *frame) error {
	rel := max(p.rules.ticks(f.at)-p.open.timecode, math.MinInt16) // the rules keep it from being less
	p.block = mkv.AppendSimpleBlockHeader(p.block[:0], uint64(f.track.number), int16(rel), f.flags(), len(f.data))
	if err := p.stream.appendFrame(ctx, frameInfo{at: f.at, key: f.key || !f.track.video}, p.block, f.data); err != nil {
		f.track.needsKey = f.track.video && f.track.inOpen == 0
		return fmt.Errorf("write frame: %w", err)
	}
	o := &p.open
	o.frames++
	o.first, o.last = min(o.first, f.at), max(o.last, f.at)
	o.size += int64(len(p.block) + len(f.data))
	f.track.inOpen++
	return nil
}

func (f *frame) flags() (flags mkv.BlockFlags) {
	if f.key {
		flags |= mkv.FlagKeyframe
	}
	if f.discardable {
		flags |= mkv.FlagDiscardable
	}
	return flags
}

// finish sends what is held and ends the open fragment; told says so to the
// server. What comes next begins anew.
func (p *packager) finish(ctx context.Context, told bool) error {
	if err := p.flush(ctx); err != nil {
		return err
	}
	for _, t := range p.tracks {
		t.needsKey = t.video
	}
	return p.endCluster(ctx, told)
}

// endCluster ends the open fragment, if there is one, with its tags.
func (p *packager) endCluster(ctx context.Context, told bool) error {
	if !p.open.going {
		return nil
	}
	var b []byte
	if tags := p.tags.end(); len(tags) > 0 {
		b = mkv.AppendTags(b, []mkv.Tag{{Simple: tags}}, 0)
	}
	if told {
		b = mkv.AppendTags(b, []mkv.Tag{{Simple: []mkv.SimpleTag{{Name: wire.TagEndOfFragment}}}}, 0)
	}
	p.open.going = false
	p.leaveSilent()
	defer p.stream.end() // without its tags, if there is no room for them: it has to end for room to come
	if len(b) > 0 {
		if err := p.stream.appendTags(ctx, b); err != nil {
			return fmt.Errorf("write tags: %w", err)
		}
	}
	return nil
}
