// Package demo holds the clip that the built-in camera plays: one minute of a
// clock, to be looped for ever.
//
// It promises a Matroska file of exactly 60 seconds: one H.264 track of 640 by
// 360 pixels without B-frames, 1,500 frames at 25 a second whose times are exact
// in milliseconds, 60 Clusters that begin on the whole second with a key frame.
// The picture shows the second of the minute as a running hand and in digits,
// the number of the frame, and a dot that steps through the 25 frames of each
// second; the first frame is second 0. Whoever enters at the current second of
// the minute therefore shows the time, and a viewer's lag can be read off.
//
// It refuses to know how the clip is played: it neither parses it nor keeps time.
// make-clip.sh beside it makes the file anew.
package demo

import (
	_ "embed"
	"time"
)

// Shape of the clip.
const (
	// Length is the time from the first frame to the first frame of the next round.
	Length = time.Minute
	// FrameRate is in frames a second.
	FrameRate = 25
	// Frames is the number of frames.
	Frames = FrameRate * int(Length/time.Second)
	// KeyInterval is the time from one key frame, and Cluster, to the next.
	KeyInterval = time.Second
	// Width and Height are in pixels.
	Width, Height = 640, 360
)

//go:embed clip.mkv
var clip string

// Clip returns a copy of the file.
func Clip() []byte { return []byte(clip) }

// Offset returns where in the clip a camera has to be at a moment of wall time,
// so that the picture shows that moment's second: from zero up to Length.
func Offset(now time.Time) time.Duration {
	now = now.UTC()
	return time.Duration(now.Second())*time.Second + time.Duration(now.Nanosecond())
}
