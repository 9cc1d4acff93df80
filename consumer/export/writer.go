package export

import (
	"fmt"
	"io"

	"github.com/millrace/millrace/consumer"
)

// A Writer writes fragments in the order in which it gets them. It is for one
// goroutine.
type Writer interface {
	// WriteFragment reads f to its end, or as far as it comes, and writes it. An
	// error in reading f is returned after what came before it was written.
	WriteFragment(f *consumer.Fragment) error
	// Close writes what stands at the end, or was left open at the beginning. It
	// does not close what is written to. Later calls do nothing.
	Close() error
}

// New returns a Writer on w. It writes nothing yet. A w that is an io.WriteSeeker,
// and can be sought in, is taken for a file and must not have been opened for
// appending; everything else, and with Options.Live a file as well, is a pipe.
// FastStart for a file that cannot be read is an error.
func New(w io.Writer, o Options) (Writer, error) {
	switch o.Container {
	case ContainerRaw:
		return NewRaw(w), nil
	case ContainerJSON:
		return NewJSON(w), nil
	}
	return newContainer(w, o)
}

func newContainer(w io.Writer, o Options) (*output, error) {
	if o.Container == "" {
		o.Container = ContainerMKV
	}
	m, err := newMuxer(w, o)
	if err != nil {
		return nil, err
	}
	return newOutput(m, o), nil
}

func newMuxer(w io.Writer, o Options) (muxer, error) {
	file, seeks := seeker(w)
	seeks = seeks && !o.Live
	switch o.Container {
	case ContainerMKV:
		if seeks {
			return &mkvFile{dst: file}, nil
		}
		return &mkvLive{w: w}, nil
	case ContainerMP4:
		if seeks {
			return newMP4File(file, o.FastStart)
		}
		return &mp4Live{w: w}, nil
	case ContainerTS:
		return &transportStream{w: w}, nil
	case ContainerAnnexB:
		return &elementary{w: w, newPacker: newAnnexBPacker}, nil
	case ContainerADTS:
		return &elementary{w: w, newPacker: newADTS}, nil
	case ContainerJPEG:
		return &elementary{w: w, newPacker: newJPEG}, nil
	case ContainerWAV:
		if seeks {
			return &wav{w: w, file: file}, nil
		}
		return &wav{w: w}, nil
	}
	_, err := ParseContainer(string(o.Container))
	if err == nil {
		err = fmt.Errorf("container %s has no tracks", o.Container)
	}
	return nil, err
}

// seeker returns w if it can be sought in. Pipes have the method and refuse.
func seeker(w io.Writer) (io.WriteSeeker, bool) {
	s, ok := w.(io.WriteSeeker)
	if !ok {
		return nil, false
	}
	_, err := s.Seek(0, io.SeekCurrent)
	return s, err == nil
}

// Raw writes each fragment's document as the server sent it, one document after
// the other.
type Raw struct {
	w io.Writer
}

// NewRaw returns a Raw on w.
func NewRaw(w io.Writer) *Raw { return &Raw{w} }

// WriteFragment implements Writer.
func (r *Raw) WriteFragment(f *consumer.Fragment) error {
	if _, err := f.WriteTo(r.w); err != nil {
		return fmt.Errorf("write fragment %s: %w", f.Number, err)
	}
	return nil
}

// Close implements Writer; there is nothing to do.
func (*Raw) Close() error { return nil }
