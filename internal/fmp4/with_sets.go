package fmp4

import (
	"encoding/binary"
	"slices"

	"github.com/millrace/millrace/internal/timeline"
	"github.com/millrace/millrace/media"
)

// WithSets returns the segment with the parameter sets of the track, of which it
// was made, at the start of its first frame, where the sample entry does not want
// them. Players that take no second init segment, as those with the demuxers of
// FFmpeg, follow a change of codec private data by these; others do not
// mind. Of tracks without parameter sets it is the segment itself.
func (s *Segment) WithSets(t *timeline.Track) *Segment {
	if t.Media.Codec != media.AVC && t.Media.Codec != media.HEVC {
		return s
	}
	record, startCodes, err := recordOf(t)
	if err != nil {
		return s
	}
	length := t.Parameters.LengthSize
	if startCodes {
		length = usualLength
	}
	sets, ok := behindLengths(setsOf(t.Media.Codec, record), length)
	if !ok {
		return s
	}
	with := *s
	with.head = slices.Clone(s.head)
	grow(with.head[firstSize:], len(sets))
	grow(with.head[len(with.head)-mdatHead:], len(sets))
	with.payload = slices.Concat([][]byte{sets}, s.payload)
	with.size += int64(len(sets))
	return &with
}

// behindLengths frames units. It reports false if there are none, or if one is
// longer than its length can say.
func behindLengths(units [][]byte, lengthSize int) (b []byte, ok bool) {
	for _, u := range units {
		if uint64(len(u)) >= 1<<(8*lengthSize) {
			return nil, false
		}
		var length [4]byte
		binary.BigEndian.PutUint32(length[:], uint32(len(u)))
		b = append(append(b, length[4-lengthSize:]...), u...)
	}
	return b, len(units) > 0
}

// grow adds n to the number that b begins with.
func grow(b []byte, n int) {
	binary.BigEndian.PutUint32(b, binary.BigEndian.Uint32(b)+uint32(n))
}
