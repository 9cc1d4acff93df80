package export

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/consumer"
	"github.com/millrace/millrace/media"
)

// containerFrames and containerStills are what errors name that are not of a
// Container.
const (
	containerFrames Container = "frames"
	containerStills Container = "stills"
)

// NewFrames returns a Writer that writes the frames of each track as they are, one
// behind the other, to an output of the track's own: sensor records, or sound whose
// decoder needs no more. open is called for each track before anything is written;
// what it returns is closed by Close if it is an io.Closer. Of the options,
// Container and what is about files are not used.
func NewFrames(o Options, open func(t media.Track) (io.Writer, error)) Writer {
	o.Container = containerFrames
	return newOutput(&frames{open: open}, o)
}

// frames is the muxer of NewFrames.
type frames struct {
	open    func(t media.Track) (io.Writer, error)
	outputs []io.Writer
}

func (*frames) carries(*track, []*track) error { return nil }

func (x *frames) begin(h heading) error {
	for _, t := range h.tracks {
		w, err := x.open(t.Media)
		if err != nil {
			return errors.Join(fmt.Errorf("open output of track %d: %w", t.number(), err), x.finish())
		}
		x.outputs = append(x.outputs, w)
	}
	return nil
}

func (*frames) start(*consumer.Fragment, time.Duration) error { return nil }

func (x *frames) frame(f *consumer.Frame, t *track, _ time.Duration) error {
	_, err := x.outputs[t.index].Write(f.Data)
	return err
}

func (*frames) end() error { return nil }

func (x *frames) finish() error {
	var errs []error
	for _, w := range x.outputs {
		if c, ok := w.(io.Closer); ok {
			errs = append(errs, c.Close())
		}
	}
	x.outputs = nil
	return errors.Join(errs...)
}

func (*frames) hasNoTimes() {}

// A Still is a picture in a file of its own.
type Still struct {
	Track    media.TrackNumber
	Codec    media.Codec // MJPEG or PNG
	Number   int         // from 1
	Fragment millrace.FragmentNumber
	At       time.Duration // in the output's time, which begins with 0
	Time     time.Time     // by the producer's clock, in UTC; zero if that is not known
}

// NewStills returns a Writer that writes each picture of a track of MJPEG or PNG to
// an output of its own, which open makes and the Writer closes. Of the options,
// Container and what is about files are not used.
func NewStills(o Options, open func(s Still) (io.WriteCloser, error)) Writer {
	o.Container = containerStills
	return newOutput(&stills{open: open}, o)
}

// stills is the muxer of NewStills.
type stills struct {
	open     func(s Still) (io.WriteCloser, error)
	fragment millrace.FragmentNumber
	n        int
}

func (*stills) carries(t *track, beside []*track) error {
	switch {
	case t.Media.Codec != media.MJPEG && t.Media.Codec != media.PNG:
		return errKind
	case t.encoded():
		return errEncoded
	case len(beside) > 0:
		return errSecond
	}
	return nil
}

func (*stills) begin(heading) error { return nil }

func (x *stills) start(f *consumer.Fragment, _ time.Duration) error {
	x.fragment = f.Number
	return nil
}

func (x *stills) frame(f *consumer.Frame, t *track, at time.Duration) error {
	x.n++
	w, err := x.open(Still{Track: f.Track, Codec: t.Media.Codec, Number: x.n, Fragment: x.fragment, At: at, Time: f.Time})
	if err != nil {
		return fmt.Errorf("open output of picture %d: %w", x.n, err)
	}
	_, err = w.Write(f.Data)
	return errors.Join(err, w.Close())
}

func (*stills) end() error { return nil }

func (*stills) finish() error { return nil }
