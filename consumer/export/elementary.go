package export

import (
	"io"
	"time"

	"github.com/millrace/millrace/consumer"
)

// elementary is the muxer of one track without a container: a frame is what its
// packer makes of it, in one write.
type elementary struct {
	w         io.Writer
	newPacker func(t *track) (packer, error)
	pack      packer
	buf       []byte
}

// A packer appends a frame in the form in which it is written.
type packer func(dst []byte, f *consumer.Frame) ([]byte, error)

func (e *elementary) carries(t *track, beside []*track) error {
	switch {
	case t.encoded():
		return errEncoded
	case len(beside) > 0:
		return errSecond
	}
	_, err := e.newPacker(t)
	return err
}

func (e *elementary) begin(h heading) (err error) {
	e.pack, err = e.newPacker(h.tracks[0])
	return err
}

func (*elementary) start(*consumer.Fragment, time.Duration) error { return nil }

func (e *elementary) frame(f *consumer.Frame, _ *track, _ time.Duration) (err error) {
	if e.buf, err = e.pack(e.buf[:0], f); err != nil {
		return &FrameError{f.Track, err}
	}
	_, err = e.w.Write(e.buf)
	return err
}

func (*elementary) end() error { return nil }

func (*elementary) finish() error { return nil }

func (*elementary) hasNoTimes() {}
