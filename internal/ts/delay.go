package ts

import (
	"time"

	"github.com/millrace/millrace/internal/timeline"
	"github.com/millrace/millrace/media"
)

const (
	// maxDelay bounds Delay: beyond it lie only streams that say they reorder
	// more than they do.
	maxDelay = second

	// usualReorder is how many frames encoders with B-frames reorder that do not
	// say so.
	usualReorder = 2

	// usualFrame is how long a frame lasts where the track does not say.
	usualFrame = 40 * time.Millisecond
)

// Delay is D of a stream with that track of pictures, in ticks of 90 kHz: by how
// much its frames are shown later than they would be if a transport stream could
// decode them after they are shown. It is 0 for tracks that do not reorder and
// for all that are no H.264, and at most a second. It depends on the codec
// private data alone.
func Delay(t *timeline.Track) int64 {
	if t == nil || t.Media.Codec != media.AVC {
		return 0
	}
	config, err := avcConfig(t)
	if err != nil {
		return 0
	}
	sps, err := media.ParseAVCSPS(config.SPS[0])
	if err != nil {
		return 0
	}
	frame := sps.FrameRate.Interval()
	if frame == 0 {
		frame = usualFrame
	}
	return min(int64(reorder(sps))*timeline.Rescale(int64(frame), int64(time.Second), second), maxDelay)
}

// reorder is how many frames may be decoded before a frame and shown after it.
func reorder(sps media.AVCSPS) int {
	const baseline, intraOnly = 66, 0x10
	switch {
	case sps.MaxReorderFrames >= 0:
		return sps.MaxReorderFrames
	case sps.Profile == baseline:
		return 0
	case sps.Profile >= 100 && sps.Constraints&intraOnly != 0:
		return 0
	default:
		return usualReorder
	}
}
