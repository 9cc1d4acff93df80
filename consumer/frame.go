package consumer

import (
	"fmt"
	"iter"
	"time"

	"github.com/millrace/millrace/media"
	"github.com/millrace/millrace/mkv"
)

// A Frame is one frame of a fragment.
type Frame struct {
	// Frame has the track, the data and the flags. Its PTS is on the media's
	// own clock: the Matroska timecode as a duration. Data is valid until the
	// next step of the loop.
	media.Frame
	// Time is the PTS on the producer's clock, in UTC. It is the zero Time if
	// the fragment carries no producer time.
	Time time.Time
	// Timecode is the PTS in ticks of the header's TimecodeScale.
	Timecode int64
	// Invisible says that the frame is to be decoded and not shown.
	Invisible bool
}

// block is a SimpleBlock or a BlockGroup, told apart no more.
type block struct {
	mkv.Block
	key      bool
	duration uint64 // ticks, 0 if not said
}

// parseBlock returns false for elements that carry no frame.
func parseBlock(e mkv.Element) (block, bool, error) {
	switch e.ID {
	case mkv.IDSimpleBlock:
		b, err := mkv.ParseBlock(e.Data())
		if err != nil {
			return block{}, false, fmt.Errorf("read block: %w", err)
		}
		return block{Block: b, key: b.Keyframe()}, true, nil
	case mkv.IDBlockGroup:
		g, err := mkv.ParseBlockGroup(e.Data())
		if err != nil {
			return block{}, false, fmt.Errorf("read block group: %w", err)
		}
		return block{Block: g.Block, key: g.Keyframe(), duration: g.Duration}, true, nil
	}
	return block{}, false, nil
}

// frames yields the frames of a block: one, unless the block is laced.
func (f *Fragment) frames(b block) iter.Seq2[Frame, error] {
	return func(yield func(Frame, error) bool) {
		scale := int64(f.Header.Info.TimecodeScale)
		ticks := int64(f.Timecode) + int64(b.RelTime)
		track, _ := f.Header.Track(b.Track)
		offset := time.Duration(0) // of a laced frame from the first
		for data, err := range b.Frames() {
			if err != nil {
				yield(Frame{}, fmt.Errorf("read laced block: %w", err))
				return
			}
			frame := Frame{
				Frame: media.Frame{
					Track:       media.TrackNumber(b.Track),
					PTS:         time.Duration(ticks*scale) + offset,
					Duration:    time.Duration(int64(b.duration) * scale),
					Key:         b.key,
					Discardable: b.Discardable(),
					Data:        data,
				},
				Timecode:  ticks + int64(offset)/max(scale, 1),
				Invisible: b.Invisible(),
			}
			if !f.ProducerTime.IsZero() {
				frame.Time = f.ProducerTime.Add(time.Duration(int64(b.RelTime)*scale) + offset)
			}
			if !yield(frame, nil) {
				return
			}
			offset += time.Duration(track.DefaultDuration)
		}
	}
}
