package producer

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/millrace/millrace/internal/wire"
	"github.com/millrace/millrace/media"
	"github.com/millrace/millrace/mkv"
)

// Lengths of the fragments that a FrameWriter makes.
const (
	soundFragment = 2 * time.Second  // without a video track
	maxFragment   = 15 * time.Second // even if no key frame comes
	ticksScale    = time.Millisecond
)

// ErrTime means that a frame's time is too far from those before it.
var ErrTime = errors.New("frame time is out of range")

// A FrameWriter makes fragments of frames: one begins with every key frame of
// the first video track, or every two seconds if there is no video. It is for
// one goroutine at a time.
type FrameWriter struct {
	upload *Upload
	video  media.TrackNumber // 0 if there is none
	begun  bool              // there was a fragment
	open   bool              // it goes on
	start  int64             // its timecode
	tags   []mkv.SimpleTag
}

// NewFrameWriter sets the upload's header to one for the tracks.
func NewFrameWriter(u *Upload, tracks []media.Track) *FrameWriter {
	w := &FrameWriter{upload: u}
	list := make([]mkv.Track, len(tracks))
	for i, t := range tracks {
		list[i] = matroskaTrack(t)
		if t.Type == media.Video && w.video == 0 {
			w.video = t.Number
		}
	}
	b := mkv.AppendEBML(nil, mkv.EBML{})
	b = mkv.AppendUnknownSize(mkv.AppendID(b, mkv.IDSegment), 0)
	b = mkv.AppendInfo(b, mkv.Info{MuxingApp: "millrace", WritingApp: "millrace"})
	u.SetHeader(mkv.AppendTracks(b, list))
	return w
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

// WriteFrame adds a frame. Its PTS counts from the epoch, or from the upload's
// Start if that is relative. The data are copied. WriteFrame waits while the
// upload's buffer is full.
func (w *FrameWriter) WriteFrame(ctx context.Context, f media.Frame) error {
	at := int64(f.PTS / ticksScale)
	if w.cuts(f, at) {
		if err := w.begin(ctx, at); err != nil {
			return fmt.Errorf("begin fragment: %w", err)
		}
	}
	rel := at - w.start
	if rel < math.MinInt16 || rel > math.MaxInt16 {
		return fmt.Errorf("write frame at %v: %w", f.PTS, ErrTime)
	}
	block := make([]byte, 0, len(f.Data)+24)
	block = mkv.AppendSimpleBlockHeader(block, uint64(f.Track), int16(rel), blockFlags(f), len(f.Data))
	if err := w.upload.Append(ctx, append(block, f.Data...)); err != nil {
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
func (w *FrameWriter) cuts(f media.Frame, at int64) bool {
	length := time.Duration(at-w.start) * ticksScale
	switch {
	case !w.open, length >= maxFragment:
		return true
	case w.video != 0:
		return f.Key && f.Track == w.video
	}
	return f.Key && length >= soundFragment
}

// begin starts a fragment. A server refuses one that starts before the last.
func (w *FrameWriter) begin(ctx context.Context, at int64) error {
	if at < 0 || w.begun && at < w.start+math.MinInt16 {
		return ErrTime
	}
	if w.begun {
		at = max(at, w.start)
	}
	if w.open {
		if err := w.writeTags(ctx); err != nil {
			return err
		}
	}
	b := mkv.AppendUnknownSize(mkv.AppendID(nil, mkv.IDCluster), 0)
	if err := w.upload.Begin(ctx, uint64(at), mkv.AppendUint(b, mkv.IDTimecode, uint64(at))); err != nil {
		return err
	}
	w.begun, w.open, w.start = true, true, at
	return nil
}

// SetTag attaches a name and a value to the open fragment, or to the next one
// if none is open.
func (w *FrameWriter) SetTag(name, value string) {
	w.tags = append(w.tags, mkv.SimpleTag{Name: name, String: value})
}

// EndFragment ends the open fragment and tells the server so, which otherwise
// learns it from the next one. The next frame begins another.
func (w *FrameWriter) EndFragment(ctx context.Context) error {
	if !w.open {
		return nil
	}
	if err := w.writeTags(ctx, mkv.SimpleTag{Name: wire.TagEndOfFragment}); err != nil {
		return err
	}
	w.upload.End()
	w.open = false
	return nil
}

// writeTags writes the tags that were set, and then others.
func (w *FrameWriter) writeTags(ctx context.Context, more ...mkv.SimpleTag) error {
	var b []byte
	if len(w.tags) > 0 {
		b = mkv.AppendTags(b, []mkv.Tag{{Simple: w.tags}}, 0)
	}
	if len(more) > 0 {
		b = mkv.AppendTags(b, []mkv.Tag{{Simple: more}}, 0)
	}
	if len(b) == 0 {
		return nil
	}
	if err := w.upload.Append(ctx, b); err != nil {
		return fmt.Errorf("write tags: %w", err)
	}
	w.tags = nil
	return nil
}
