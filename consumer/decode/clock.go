package decode

import (
	"time"

	"github.com/millrace/millrace/consumer"
)

const (
	// tick is what FFmpeg is told to be a millisecond. Frames that close together
	// would have one time else, and times could not tell them apart.
	tick = time.Microsecond
	// firstTick leaves room for pictures in front of the first key frame.
	firstTick = int64(1) << 32
	// anew is how many ticks a time that went back is put behind the last one.
	anew = int64(time.Second / tick)
	// reordered is how many ticks behind the newest picture another may come.
	reordered = int64(10 * time.Second / tick)
	// maxTick is how far times may leap: a year.
	maxTick = int64(365 * 24 * time.Hour / tick)
	// maxMarks bounds the frames that are in the decoder or got lost there.
	maxMarks = 4096
)

// A frameClock finds the frame of a picture by its time (D1). A decoder is told
// times of our own making: they ascend with the PTS of the frames, no two are the
// same, and a producer that starts again does not set them back. Decoders pass
// them through, from a frame to its picture, whatever they do in between.
type frameClock struct {
	begun  bool
	origin int64 // in ticks, of the first frame's PTS
	shift  int64 // of times that went back
	last   int64 // the largest that was given
	marks  map[int64]Picture
}

// note gives a frame a time.
func (c *frameClock) note(f consumer.Frame) int64 {
	pts := int64(f.PTS / tick)
	if !c.begun {
		*c = frameClock{begun: true, origin: pts, shift: firstTick, last: firstTick - 1, marks: map[int64]Picture{}}
	}
	at := pts - c.origin + c.shift
	if f.Key && at <= c.last || at <= 0 || at > c.last+maxTick {
		c.shift += c.last + anew - at
		at = c.last + anew
	}
	for _, taken := c.marks[at]; taken; _, taken = c.marks[at] {
		at++
	}
	c.last = max(c.last, at)
	c.bound()
	c.marks[at] = pictureOf(f)
	return at
}

// bound forgets the oldest frame where there are too many.
func (c *frameClock) bound() {
	if len(c.marks) < maxMarks {
		return
	}
	oldest := c.last
	for at := range c.marks {
		oldest = min(oldest, at)
	}
	delete(c.marks, oldest)
}

// picture returns what is known of the picture with a time, and forgets those
// that will not come any more.
func (c *frameClock) picture(at int64) (Picture, bool) {
	p, known := c.marks[at]
	delete(c.marks, at)
	for other := range c.marks {
		if other < at-reordered {
			delete(c.marks, other)
		}
	}
	return p, known
}
