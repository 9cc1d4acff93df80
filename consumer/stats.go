package consumer

import (
	"time"

	"github.com/millrace/millrace"
)

// Stats counts what a Reader has done since it was made.
type Stats struct {
	Fragments int64 // that began
	Frames    int64 // that were handed out
	Bytes     int64 // of these frames
	Skipped   int64 // frames that LagPolicy left out

	Connections    int64 // that were made
	Disconnections int64 // that broke, ended, or could not be made
	Gaps           int64
	Replays        int64 // frames that came before
	Failed         int64 // fragments that the server could not give
	Expired        int64 // times that what followed the position was gone
	Damaged        int64 // bytes that were passed over
	Backfilled     int64 // fragments that Reconcile found

	// Behind is from the server's receipt of the last frame's fragment to the time
	// at which the frame was handed out, less the frame's own time in the fragment:
	// about how far the loop is behind. Zero before the first.
	Behind time.Duration
	// Last is the fragment that was handed out last.
	Last millrace.FragmentNumber
	// Retained is how many bytes Frame.Retain holds.
	Retained int64
}
