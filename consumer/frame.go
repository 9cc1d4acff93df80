package consumer

import (
	"fmt"
	"time"

	"github.com/millrace/millrace/media"
	"github.com/millrace/millrace/mkv"
)

// A Frame is one frame of a fragment.
type Frame struct {
	// Frame has the track, the data and the flags. Its PTS is on the media's
	// own clock: the Matroska timecode as a duration. Data is valid until the
	// next step of the loop; see Clone and Retain.
	media.Frame
	// Time is the PTS on the producer's clock, in UTC. It is the zero Time if
	// the fragment carries no producer time.
	Time time.Time
	// ServerTime is when the server began to receive the frame's fragment.
	ServerTime time.Time
	// Index counts the frames of the fragment, of all tracks, from 0.
	Index int
	// Fragment is the one that the frame is of.
	Fragment *Fragment
	// Format is what the header says of the frame's track, nil if it says nothing.
	Format *media.Track
	// Replay says that the frame came before, in a fragment with another number.
	Replay bool
	// Timecode is the PTS in ticks of the header's TimecodeScale.
	Timecode int64
	// Invisible says that the frame is to be decoded and not shown.
	Invisible bool
	// Padding is how much of the sound at the frame's end is decoded and not heard;
	// below 0 it is at its beginning.
	Padding time.Duration

	memory *retained // of the reader, for Retain; nil if there is none
}

// block is a SimpleBlock or a BlockGroup, told apart no more.
type block struct {
	mkv.Block
	key      bool
	duration uint64 // ticks, 0 if not said
	padding  int64  // nanoseconds

	// Of the element, for what cannot be read of it.
	id     mkv.ElementID
	offset int64
	size   int64
}

// parseBlock returns false for elements that carry no frame.
func parseBlock(e mkv.Element) (block, bool, error) {
	b := block{id: e.ID, offset: e.Offset, size: int64(len(e.Raw))}
	var err error
	switch e.ID {
	case mkv.IDSimpleBlock:
		b.Block, err = mkv.ParseBlock(e.Data())
		b.key = b.Keyframe()
	case mkv.IDBlockGroup:
		var g mkv.BlockGroup
		g, err = mkv.ParseBlockGroup(e.Data())
		b.Block, b.key, b.duration, b.padding = g.Block, g.Keyframe(), g.Duration, g.Padding
	default:
		return block{}, false, nil
	}
	if err != nil {
		return b, false, fmt.Errorf("read block: %w", err)
	}
	return b, true, nil
}

// unlace yields the frames of a block: one, unless the block is laced. It
// returns what yield returned last.
func (f *Fragment) unlace(b block, yield func(Frame, error) bool) bool {
	if b.Lacing() == mkv.LacingNone {
		return f.yieldFrame(b, b.Payload, 0, yield)
	}
	defer func(first int) { f.frames = first + b.Count() }(f.frames) // also of a loop that was left
	offset := time.Duration(0)                                       // from the first
	track, _ := f.Header.Track(b.Track)
	for data, err := range b.Frames() {
		if err != nil {
			if err := f.spoilt(b, fmt.Errorf("read laced block: %w", err)); err != nil {
				yield(Frame{}, err)
				return false
			}
			return true
		}
		if !f.yieldFrame(b, data, offset, yield) {
			return false
		}
		offset += time.Duration(track.DefaultDuration)
	}
	return true
}

// yieldFrame yields one frame, unless the reader's options leave it out.
func (f *Fragment) yieldFrame(b block, data []byte, offset time.Duration, yield func(Frame, error) bool) bool {
	frame := f.frame(b, offset)
	frame.Data = data
	f.frames++
	f.reader.screen.extend(&frame)
	if !f.reader.screen.admit(f.reader, f, &frame) {
		return true
	}
	return yield(frame, nil)
}

// frame is what a block says of a frame that begins so long after its time.
func (f *Fragment) frame(b block, offset time.Duration) Frame {
	scale := int64(f.Header.Info.TimecodeScale)
	ticks := int64(f.Timecode) + int64(b.RelTime)
	frame := Frame{
		Frame: media.Frame{
			Track:       media.TrackNumber(b.Track),
			PTS:         time.Duration(ticks*scale) + offset,
			Duration:    time.Duration(int64(b.duration) * scale),
			Key:         b.key,
			Discardable: b.Discardable(),
		},
		ServerTime: f.ServerTime,
		Timecode:   ticks + int64(offset)/max(scale, 1),
		Index:      f.frames,
		Invisible:  b.Invisible(),
		Format:     f.Header.Format(media.TrackNumber(b.Track)),
		Fragment:   f,
		memory:     f.reader.memory,
	}
	if !f.ProducerTime.IsZero() {
		frame.Time = f.ProducerTime.Add(time.Duration(int64(b.RelTime)*scale) + offset)
	}
	if b.Lacing() == mkv.LacingNone {
		frame.Padding = time.Duration(b.padding)
	}
	return frame
}
