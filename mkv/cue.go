package mkv

import (
	"cmp"
	"slices"
)

// cue says where a key frame is.
type cue struct {
	time    int64 // ticks
	track   uint64
	cluster int64 // position of the Cluster in the Segment's payload
	block   int64 // position of the block in the Cluster's payload
}

// appendCues appends a Cues element with the cues in order of time.
func appendCues(b []byte, cues []cue) []byte {
	slices.SortStableFunc(cues, func(x, y cue) int { return cmp.Compare(x.time, y.time) })
	var p, point, where []byte
	for _, c := range cues {
		where = AppendUint(where[:0], IDCueTrack, c.track)
		where = AppendUint(where, IDCueClusterPosition, uint64(c.cluster))
		where = AppendUint(where, IDCueRelativePosition, uint64(c.block))
		point = AppendUint(point[:0], IDCueTime, uint64(c.time))
		point = AppendBytes(point, IDCueTrackPositions, where)
		p = AppendBytes(p, IDCuePoint, point)
	}
	return AppendBytes(b, IDCues, p)
}
