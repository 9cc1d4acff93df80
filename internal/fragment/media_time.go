package fragment

import (
	"math"
	"math/bits"
	"time"

	"github.com/millrace/millrace"
)

// latest is the last producer time that is taken for one: the end of the year
// 9999, in milliseconds.
const latest = 253402300799999

// producerTime maps a timecode to the producer's clock.
func (a *Assembler) producerTime(timecode uint64) (time.Time, error) {
	hi, lo := bits.Mul64(timecode, a.header.scale)
	if hi >= 1_000_000 {
		return time.Time{}, fault(millrace.CodeProducerTimestamp, "timecode %d is beyond any time", timecode)
	}
	ms, _ := bits.Div64(hi, lo, 1_000_000)
	base := int64(0)
	if a.relative {
		base = a.start.UnixMilli()
	}
	if ms > latest || base+int64(ms) > latest || base+int64(ms) < 0 {
		return time.Time{}, fault(millrace.CodeProducerTimestamp, "timecode %d is beyond any time", timecode)
	}
	return time.UnixMilli(base + int64(ms)).UTC(), nil
}

// duration is the media time from the first block to the end of the last: the
// span of times plus one usual interval between blocks of the leading track.
func duration(tracks []track, samples []millrace.Sample, scale uint64) time.Duration {
	lead := leadTrack(tracks)
	first, last := int32(math.MaxInt32), int32(math.MinInt32)
	leadFirst, leadLast, n := first, last, int32(0)
	for _, s := range samples {
		first, last = min(first, s.Time), max(last, s.Time)
		if s.Track == lead {
			leadFirst, leadLast = min(leadFirst, s.Time), max(leadLast, s.Time)
			n++
		}
	}
	if last < first {
		return 0
	}
	span := int64(last - first)
	if n > 1 {
		span += int64(leadLast-leadFirst) / int64(n-1)
	}
	return time.Duration(span) * time.Duration(scale)
}

// leadTrack is the first video track, else the first track.
func leadTrack(tracks []track) uint64 {
	for _, t := range tracks {
		if t.video {
			return t.number
		}
	}
	return tracks[0].number
}
