package producertest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// What Compare finds. It wraps one of these.
var (
	ErrLost     = errors.New("a frame is lost")
	ErrTwice    = errors.New("a frame is there twice")
	ErrStrange  = errors.New("a frame is not as it was written")
	ErrReversed = errors.New("a frame is in the wrong place")
)

// minData is the least that a frame of a Footage has, in bytes: its number.
const minData = 8

// Footage is an endless recording of frames that can be told from each other, of
// which no two tests need have the same.
type Footage struct {
	Seed  uint64
	Began time.Time     // the time of frame 0, in whole milliseconds
	Every time.Duration // between frames, in whole milliseconds
	Keys  int           // about every so many-th is a key frame; 0 is 4
	Size  int           // of the largest frame in bytes; 0 is 400
}

func (f Footage) rand(n int) *rand.Rand { return rand.New(rand.NewPCG(f.Seed, uint64(n))) }

// Key reports whether frame n is a key frame. The first always is.
func (f Footage) Key(n int) bool {
	every := f.Keys
	if every <= 0 {
		every = 4
	}
	return n == 0 || f.rand(n).IntN(every) == 0
}

// Time is that of frame n.
func (f Footage) Time(n int) time.Time { return f.Began.Add(time.Duration(n) * f.Every) }

// Data are the bytes of frame n: its number, and what only it has.
func (f Footage) Data(n int) []byte {
	largest := f.Size
	if largest <= 0 {
		largest = 400
	}
	rnd := f.rand(n)
	_ = rnd.Uint64() // Key's
	data := binary.BigEndian.AppendUint64(nil, uint64(n))
	for size := rnd.IntN(max(largest-minData, 1)); size > 0; size -= minData {
		data = binary.BigEndian.AppendUint64(data, rnd.Uint64())
	}
	return data
}

// number is that of the frame that has these bytes.
func (f Footage) number(data []byte, written int) (int, error) {
	if len(data) < minData {
		return 0, fmt.Errorf("%w: %d bytes", ErrStrange, len(data))
	}
	n := binary.BigEndian.Uint64(data)
	if n >= uint64(written) || !bytes.Equal(data, f.Data(int(n))) {
		return 0, fmt.Errorf("%w: nobody wrote it", ErrStrange)
	}
	return int(n), nil
}

// A Comparison says what Compare compares.
type Comparison struct {
	Written int // frames, from the first
	// Missing reports whether a frame may be missing, because that was reported.
	// Nil is none.
	Missing func(n int) bool
	// Once demands that no frame is there twice, and that all are in the order of
	// their times.
	Once bool
	// Millis says that the frames' times are in milliseconds of the epoch, and are
	// to be those of the Footage.
	Millis bool
}

// Compare holds what was kept against what was written: every frame is there, byte
// for byte, and each fragment is of frames that follow each other.
func (f Footage) Compare(kept []Fragment, c Comparison) error {
	seen := make([]int, c.Written)
	last := -1
	for i, fragment := range kept {
		for j, frame := range fragment.Frames {
			n, err := f.number(frame.Data, c.Written)
			switch {
			case err != nil:
			case c.Millis && frame.Time != f.Time(n).UnixMilli():
				err = fmt.Errorf("%w: frame %d has time %d", ErrStrange, n, frame.Time)
			case c.Once && seen[n] > 0:
				err = fmt.Errorf("%w: %d", ErrTwice, n)
			case j > 0 && n != last+1, c.Once && n <= last:
				err = fmt.Errorf("%w: %d behind %d", ErrReversed, n, last)
			}
			if err != nil {
				return fmt.Errorf("fragment %d (%s): %w", i, fragment.Number, err)
			}
			last = n
			seen[n]++
		}
	}
	for n, times := range seen {
		if times == 0 && (c.Missing == nil || !c.Missing(n)) {
			return fmt.Errorf("%w: %d of %d", ErrLost, n, c.Written)
		}
	}
	return nil
}
