package producer

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/millrace/millrace/internal/wire"
	"github.com/millrace/millrace/media"
	"github.com/millrace/millrace/mkv"
)

// Lengths of the fragments that a packager makes.
const (
	soundFragment = 2 * time.Second  // without a video track
	maxFragment   = 15 * time.Second // even if no key frame comes
	ticksScale    = time.Millisecond
)

// A packager makes fragments of frames: one begins with every key frame of the
// first video track, or every two seconds if there is no video. It is for one
// goroutine at a time.
type packager struct {
	stream *Stream
	video  media.TrackNumber // 0 if there is none
	begun  bool              // there was a fragment
	open   bool              // it goes on
	start  int64             // its timecode
	tags   []mkv.SimpleTag
	block  []byte // memory for a block's head
}

// newPackager sets the stream's header to one for the tracks, if there are any.
func newPackager(s *Stream, tracks []media.Track) *packager {
	p := &packager{stream: s}
	if len(tracks) > 0 {
		p.declare(tracks)
	}
	return p
}

// setTracks ends the open fragment and begins with other tracks.
func (p *packager) setTracks(ctx context.Context, tracks []media.Track) error {
	if err := p.endFragment(ctx); err != nil {
		return err
	}
	p.declare(tracks)
	return nil
}

func (p *packager) declare(tracks []media.Track) {
	list := make([]mkv.Track, len(tracks))
	p.video = 0
	for i, t := range tracks {
		list[i] = matroskaTrack(t)
		if t.Type == media.Video && p.video == 0 {
			p.video = t.Number
		}
	}
	b := mkv.AppendEBML(nil, mkv.EBML{})
	b = mkv.AppendUnknownSize(mkv.AppendID(b, mkv.IDSegment), 0)
	b = mkv.AppendInfo(b, mkv.Info{MuxingApp: "millrace", WritingApp: "millrace"})
	p.stream.setHeader(mkv.AppendTracks(b, list))
}

func matroskaTrack(t media.Track) mkv.Track {
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

// write adds a frame.
func (p *packager) write(ctx context.Context, f media.Frame) error {
	at := int64(f.PTS / ticksScale)
	if p.cuts(f, at) {
		if err := p.begin(ctx, at); err != nil {
			return fmt.Errorf("begin fragment: %w", err)
		}
	}
	rel := at - p.start
	if rel < math.MinInt16 || rel > math.MaxInt16 {
		return fmt.Errorf("write frame at %v: %w", f.PTS, ErrTime)
	}
	p.block = mkv.AppendSimpleBlockHeader(p.block[:0], uint64(f.Track), int16(rel), blockFlags(f), len(f.Data))
	if err := p.stream.appendFrame(ctx, frameInfo{f.PTS, f.Key}, p.block, f.Data); err != nil {
		return fmt.Errorf("write frame: %w", err)
	}
	return nil
}

func blockFlags(f media.Frame) (flags mkv.BlockFlags) {
	if f.Key {
		flags |= mkv.FlagKeyframe
	}
	if f.Discardable {
		flags |= mkv.FlagDiscardable
	}
	return flags
}

// cuts reports whether a fragment begins with f.
func (p *packager) cuts(f media.Frame, at int64) bool {
	length := time.Duration(at-p.start) * ticksScale
	switch {
	case !p.open, length >= maxFragment:
		return true
	case p.video != 0:
		return f.Key && f.Track == p.video
	}
	return f.Key && length >= soundFragment
}

// begin starts a fragment. A server refuses one that starts before the last.
func (p *packager) begin(ctx context.Context, at int64) error {
	if at < 0 || p.begun && at < p.start+math.MinInt16 {
		return ErrTime
	}
	if p.begun {
		at = max(at, p.start)
	}
	if p.open {
		if err := p.writeTags(ctx); err != nil {
			return err
		}
	}
	b := mkv.AppendUnknownSize(mkv.AppendID(nil, mkv.IDCluster), 0)
	if err := p.stream.begin(ctx, fragmentHead{
		timecode: uint64(at), first: time.Duration(at) * ticksScale,
		cluster: mkv.AppendUint(b, mkv.IDTimecode, uint64(at)),
	}); err != nil {
		return err
	}
	p.begun, p.open, p.start = true, true, at
	return nil
}

func (p *packager) setTag(name, value string) {
	p.tags = append(p.tags, mkv.SimpleTag{Name: name, String: value})
}

func (p *packager) endFragment(ctx context.Context) error {
	if !p.open {
		return nil
	}
	if err := p.writeTags(ctx, mkv.SimpleTag{Name: wire.TagEndOfFragment}); err != nil {
		return err
	}
	p.stream.end()
	p.open = false
	return nil
}

// writeTags writes the tags that were set, and then others.
func (p *packager) writeTags(ctx context.Context, more ...mkv.SimpleTag) error {
	var b []byte
	if len(p.tags) > 0 {
		b = mkv.AppendTags(b, []mkv.Tag{{Simple: p.tags}}, 0)
	}
	if len(more) > 0 {
		b = mkv.AppendTags(b, []mkv.Tag{{Simple: more}}, 0)
	}
	if len(b) == 0 {
		return nil
	}
	if err := p.stream.appendTags(ctx, b); err != nil {
		return fmt.Errorf("write tags: %w", err)
	}
	p.tags = nil
	return nil
}
