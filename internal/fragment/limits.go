package fragment

import "time"

// Limits bound one session's fragments. The zero value of a field means its
// default.
type Limits struct {
	MaxSize      int64         // bytes of leading elements, Cluster and trailing elements; 50 MB
	MaxDuration  time.Duration // from the first to the last block's time; 20 s
	MaxBlocks    int           // blocks of a fragment; 131,072
	MaxHeader    int64         // bytes from the EBML header to the first Cluster, and between two Clusters; 4 MiB
	MaxTracks    int           // 3
	MaxTags      int           // tags of the user's own per fragment; 10
	MaxTagName   int           // bytes; 128
	MaxTagValue  int           // bytes; 256
	AllowMissing bool          // a fragment may lack frames of a track (no 4011)
	Ascending    bool          // a timecode equal to that of the Cluster before is refused too (4004)
	AllowHeaders bool          // a second EBML header in a call starts new tracks (no 4006)
}

// WithDefaults returns l with every zero field replaced by its default.
func (l Limits) WithDefaults() Limits {
	l.MaxSize = or(l.MaxSize, 50_000_000)
	l.MaxDuration = or(l.MaxDuration, 20*time.Second)
	l.MaxBlocks = or(l.MaxBlocks, 1<<17)
	l.MaxHeader = or(l.MaxHeader, 4<<20)
	l.MaxTracks = or(l.MaxTracks, 3)
	l.MaxTags = or(l.MaxTags, 10)
	l.MaxTagName = or(l.MaxTagName, 128)
	l.MaxTagValue = or(l.MaxTagValue, 256)
	return l
}

func or[T int | int64 | time.Duration](v, fallback T) T {
	if v == 0 {
		return fallback
	}
	return v
}
