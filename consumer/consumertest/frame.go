package consumertest

import (
	"cmp"

	"github.com/millrace/millrace/mkv"
)

// A Frame is one block of a Fragment: one frame, or several that are laced.
type Frame struct {
	Track       uint64 // 0 is 1
	Time        int16  // ticks behind the Cluster's Timecode
	Key         bool
	Invisible   bool
	Discardable bool
	Data        []byte
	// Group puts it into a BlockGroup; else it is a SimpleBlock.
	Group    bool
	Duration uint64 // ticks; for a Group
	// More are further frames of the same block, by Lacing. With LacingFixed all of
	// them must have the length of Data.
	More   [][]byte
	Lacing mkv.Lacing
}

func (f Frame) track() uint64 { return cmp.Or(f.Track, 1) }

// all are the frames of the block.
func (f Frame) all() [][]byte {
	if f.Lacing == mkv.LacingNone {
		return [][]byte{f.Data}
	}
	return append([][]byte{f.Data}, f.More...)
}

// append appends the block.
func (f Frame) append(b []byte) []byte {
	payload := f.payload()
	flags := mkv.BlockFlags(f.Lacing << 1)
	if f.Invisible {
		flags |= mkv.FlagInvisible
	}
	if !f.Group {
		if f.Key {
			flags |= mkv.FlagKeyframe
		}
		if f.Discardable {
			flags |= mkv.FlagDiscardable
		}
		return append(mkv.AppendSimpleBlockHeader(b, f.track(), f.Time, flags, len(payload)), payload...)
	}
	block := mkv.AppendSize(nil, int64(f.track()), 0)
	block = append(block, byte(uint16(f.Time)>>8), byte(f.Time), byte(flags))
	group := mkv.AppendBytes(nil, mkv.IDBlock, append(block, payload...))
	if f.Duration > 0 {
		group = mkv.AppendUint(group, mkv.IDBlockDuration, f.Duration)
	}
	if !f.Key {
		group = mkv.AppendInt(group, mkv.IDReferenceBlock, -1)
	}
	return mkv.AppendBytes(b, mkv.IDBlockGroup, group)
}

// payload is what follows the flags of the block.
func (f Frame) payload() []byte {
	frames := f.all()
	var b []byte
	if f.Lacing != mkv.LacingNone {
		b = append(b, byte(len(frames)-1))
		b = f.appendSizes(b, frames[:len(frames)-1])
	}
	for _, data := range frames {
		b = append(b, data...)
	}
	return b
}

// appendSizes appends the sizes of all laced frames but the last.
func (f Frame) appendSizes(b []byte, frames [][]byte) []byte {
	for i, data := range frames {
		switch {
		case f.Lacing == mkv.LacingXiph:
			for n := len(data); ; n -= 255 {
				b = append(b, byte(min(n, 255)))
				if n < 255 {
					break
				}
			}
		case f.Lacing == mkv.LacingEBML && i == 0:
			b = mkv.AppendSize(b, int64(len(data)), 4)
		case f.Lacing == mkv.LacingEBML: // the difference, with the bias of four bytes
			b = mkv.AppendSize(b, int64(len(data)-len(frames[i-1]))+1<<27-1, 4)
		}
	}
	return b
}
