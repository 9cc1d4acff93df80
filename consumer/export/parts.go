package export

import (
	"errors"
	"fmt"
	"io"

	"github.com/millrace/millrace/consumer"
)

// Parts writes fragments to as many files as it takes: another one begins where
// the tracks change, where time goes back, or where one is long enough, as the
// options say.
type Parts struct {
	options Options
	open    func(part int) (io.WriteSeeker, error)
	n       int // files opened
	file    io.WriteSeeker
	out     *output // nil before the first file
	closed  bool
}

// NewParts returns Parts. open makes the file of a number, from 1, and is called
// when it is known that something can be written to it; a file that is an io.Closer
// is closed when it is whole. Raw and JSON need no parts and are refused.
func NewParts(o Options, open func(part int) (io.WriteSeeker, error)) (*Parts, error) {
	if _, err := newContainer(io.Discard, o); err != nil {
		return nil, err
	}
	return &Parts{options: o, open: open}, nil
}

// WriteFragment implements Writer.
func (p *Parts) WriteFragment(f *consumer.Fragment) error {
	reason, err := p.admit(f)
	if err != nil {
		return err
	}
	first := true
	for frame, err := range f.Frames() {
		if frame.Replay && !p.options.Replays {
			continue
		}
		if err == nil && first {
			err = p.place(f, &frame, reason)
		}
		if err == nil {
			first = false
			err = p.out.write(f, &frame)
		}
		if err != nil {
			return p.abandon(f, err)
		}
	}
	if p.out == nil {
		return nil
	}
	return p.out.end(f)
}

func (p *Parts) abandon(f *consumer.Fragment, err error) error {
	if p.out == nil {
		return fmt.Errorf("fragment %s: %w", f.Number, err)
	}
	return p.out.abandon(f, err)
}

// errFirst is why the first file begins.
var errFirst = errors.New("there is no file yet")

// admit says why the fragment's tracks need another file; nil if they do not.
func (p *Parts) admit(f *consumer.Fragment) (reason, err error) {
	switch {
	case p.closed:
		return nil, fmt.Errorf("fragment %s: %w", f.Number, ErrClosed)
	case p.out == nil:
		return errFirst, nil
	}
	err = p.out.accept(f)
	if errors.Is(err, ErrTracksChanged) && p.options.Changes == ChangesSplit {
		return ErrTracksChanged, nil
	}
	return nil, err
}

// place finds the file and the fragment's place in it.
func (p *Parts) place(f *consumer.Fragment, first *consumer.Frame, reason error) error {
	if long := p.options.Length; reason == nil && long > 0 && p.out.part.Duration >= long && first.Key {
		reason = ErrLength
	}
	if reason == nil {
		err := p.out.place(f, first)
		if !errors.Is(err, ErrTimeBack) || p.options.TimeBack != TimeBackSplits {
			return err
		}
		reason = ErrTimeBack
	}
	if err := p.next(f, first, reason); err != nil {
		return err
	}
	return p.out.place(f, first)
}

// next begins a file with a fragment.
func (p *Parts) next(f *consumer.Fragment, first *consumer.Frame, reason error) error {
	if err := p.check(f, first); err != nil {
		return err
	}
	if p.out != nil {
		if err := p.finish(); err != nil {
			return err
		}
		tell(p.options.Events.Split, Split{Fragment: f.Number, Part: p.n + 1, Reason: reason})
	}
	p.n++
	file, err := p.open(p.n)
	if err != nil {
		return fmt.Errorf("open part %d: %w", p.n, err)
	}
	p.file = file
	if p.out, err = newContainer(file, p.options); err != nil {
		return err
	}
	p.out.part.Number = p.n
	return p.out.accept(f)
}

// check says whether there is something to write to a file, before it is made.
func (p *Parts) check(f *consumer.Fragment, first *consumer.Frame) error {
	tracks, err := tracksOf(f.Header, p.options.Tracks)
	if err != nil {
		return err
	}
	x, err := newContainer(io.Discard, p.options)
	if err != nil {
		return err
	}
	_, _, err = choose(completed(tracks, first), x.muxer, x.options)
	return err
}

// finish makes the open file whole and closes it.
func (p *Parts) finish() error {
	err := p.out.Close()
	if c, ok := p.file.(io.Closer); ok {
		err = errors.Join(err, c.Close())
	}
	p.file = nil
	if err != nil {
		return fmt.Errorf("finish part %d: %w", p.n, err)
	}
	tell(p.options.Events.Finished, p.out.part)
	return nil
}

// Close makes the last file whole.
func (p *Parts) Close() error {
	if p.closed {
		return nil
	}
	p.closed = true
	if p.file == nil {
		return nil
	}
	return p.finish()
}
