package consumer

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/mkv"
)

// A Fragment is one fragment while it arrives. Its fields are known from the
// moment it is handed out; what its methods return grows until the loop over
// its frames has ended. It must not be used after the loop over fragments has
// moved on, except for its fields.
type Fragment struct {
	// Number is the fragment's number; the zero value if the input is a plain
	// Matroska file, which has none.
	Number millrace.FragmentNumber
	// ServerTime is when the server began to receive the fragment, and
	// ProducerTime is the time of its Timecode on the producer's clock. Both
	// are zero in a plain file.
	ServerTime, ProducerTime time.Time
	// Header is shared with the fragments before and after, if it is the same.
	Header *Header
	// Timecode is the Cluster's, raw, in ticks of the header's TimecodeScale.
	Timecode uint64
	// Flags say how it came.
	Flags Flags

	reader     *Reader
	position   Position          // up to the frame that was handed out last
	frames     int               // of it that came, whether or not they were handed out
	skipFrames int               // that were handed out before
	identity   millrace.Identity // that its producer gave it; zero for none

	prefix  []byte // the document's bytes up to the Cluster's Timecode
	service serviceTags
	tags    []Tag
	listed  bool // of GetMediaForFragmentList
	leading int  // how many of tags came before the media
	state   fragmentState
	taken   int // elements behind the Timecode that were handed out
	skip    int // of those, how many a resumed response repeats
	source  elementSource
	err     error // what ended the fragment, in state failed
}

type fragmentState uint8

const (
	inCluster   fragmentState = iota
	behindMedia               // the Cluster has ended, trailing tags may follow
	complete                  // seen to its end
	cut                       // the input ended, or the server gave the fragment up
	left                      // the rest was left out to catch up
	failed                    // reading it returned an error
)

// elementSource hands out the elements of a fragment in order. next returns
// io.EOF when the input ended. What is not the fragment's is given back by unread.
type elementSource struct {
	next   func(f *Fragment) (mkv.Element, error)
	unread func(e mkv.Element)
}

// Complete reports whether the fragment was seen to its end. It is false until
// then, and stays false if the response was cut or the server gave the
// fragment up because its producer failed.
func (f *Fragment) Complete() bool { return f.state == complete }

// Tags returns the producer's tags: those that came before the media, and once
// the fragment is complete those that came behind it as well.
func (f *Fragment) Tags() []Tag { return f.tags }

// Token returns the continuation token, which asks for the fragments after
// this one. It is empty until the fragment is complete, and without GetMedia.
func (f *Fragment) Token() string { return f.service.token }

// Behind returns how old the fragment was when the server sent its end, by the
// server's clock. It is zero until the fragment is complete.
func (f *Fragment) Behind() time.Duration { return f.service.behind }

// Frames yields the frames as they arrive. Frame data is valid until the next
// step. Frames of blocks that were handed out before are not handed out again,
// so a loop that was left can be taken up by another call. An error ends the
// loop; ErrCut is the one for a response that ended early.
func (f *Fragment) Frames() iter.Seq2[Frame, error] {
	return func(yield func(Frame, error) bool) {
		for {
			b, err := f.nextBlock()
			switch {
			case errors.Is(err, errFragmentEnd):
				return
			case err != nil:
				yield(Frame{}, err)
				return
			case !f.unlace(b, yield):
				return
			}
		}
	}
}

// nextBlock returns the next block of the fragment, or errFragmentEnd.
func (f *Fragment) nextBlock() (block, error) {
	if err := f.reader.room(); err != nil {
		f.state, f.err = failed, err
		return block{}, err
	}
	for {
		e, err := f.next()
		if err != nil {
			return block{}, err
		}
		b, isBlock, err := parseBlock(e)
		if err != nil {
			if err := f.spoilt(b, err); err != nil {
				return block{}, err
			}
			continue
		}
		if isBlock {
			return b, nil
		}
		if e.ID == mkv.IDVoid && f.frames == 0 {
			f.identity, _ = millrace.ParseIdentity(e.Data())
		}
	}
}

// WriteTo writes the fragment's document as the server sent it, element by
// element as it arrives, each in one write. It is an alternative to Frames:
// what one of them has taken, the other does not see.
func (f *Fragment) WriteTo(w io.Writer) (int64, error) {
	n, err := w.Write(f.prefix)
	written := int64(n)
	if err != nil {
		return written, err
	}
	for e, err := range f.elements() {
		if err != nil {
			return written, err
		}
		n, err := w.Write(e.Raw)
		written += int64(n)
		if err != nil {
			return written, err
		}
	}
	return written, nil
}

// elements yields what is left of the fragment's document, and completes the
// fragment.
func (f *Fragment) elements() iter.Seq2[mkv.Element, error] {
	return func(yield func(mkv.Element, error) bool) {
		for {
			e, err := f.next()
			switch {
			case errors.Is(err, errFragmentEnd):
				return
			case err != nil:
				yield(mkv.Element{}, err)
				return
			}
			f.measure(e)
			if !yield(e, nil) {
				return
			}
		}
	}
}

// measure notes how far the media reach whose frames nobody takes one by one.
func (f *Fragment) measure(e mkv.Element) {
	if f.reader == nil {
		return // it was handed out before
	}
	if b, isBlock, err := parseBlock(e); isBlock && err == nil {
		frame := f.frame(b, 0)
		f.reader.screen.extend(&frame)
		f.frames += b.Count()
	}
}

// drain reads on to the end of the fragment.
func (f *Fragment) drain() {
	for range f.elements() {
	}
}

// errFragmentEnd is next's word for the end of the fragment's document.
var errFragmentEnd = errors.New("end of fragment")

// next returns the next element of the document that was not handed out before.
func (f *Fragment) next() (mkv.Element, error) {
	for f.state < complete {
		e, err := f.source.next(f)
		switch {
		case errors.Is(err, io.EOF):
			f.settle()
			continue
		case errors.Is(err, errPassedOver):
			f.state = cut
			continue
		case errors.Is(err, io.ErrUnexpectedEOF):
			err = fmt.Errorf("fragment %s: %w (%w)", f.Number, ErrCut, err)
		}
		if err != nil {
			f.state, f.err = failed, err
			return mkv.Element{}, err
		}
		if f.keepState(e) && !f.repeated() {
			return e, nil
		}
	}
	if f.state == failed {
		return mkv.Element{}, f.err
	}
	return mkv.Element{}, errFragmentEnd
}

// keepState moves the state along and reports whether e is an element of the
// fragment's document.
func (f *Fragment) keepState(e mkv.Element) bool {
	switch {
	case e.ID == mkv.IDCluster && e.Kind == mkv.End:
		f.state = behindMedia
	case e.Kind == mkv.End:
		f.settle()
	case e.Kind == mkv.Start || e.ID == mkv.IDEBML:
		f.source.unread(e)
		f.settle()
	case f.state == behindMedia:
		f.trailing(e)
		return true
	default:
		return true
	}
	return false
}

func (f *Fragment) repeated() bool {
	if f.skip > 0 {
		f.skip--
		return true
	}
	f.taken++
	return false
}

// trailing looks at an element behind the Cluster. The tags with the
// continuation token are a document's last element. Tags that cannot be read
// are the producer's business; they are passed on and otherwise ignored.
func (f *Fragment) trailing(e mkv.Element) {
	if e.ID != mkv.IDTags {
		return
	}
	full := len(f.tags) >= maxTags
	before := f.tags
	if full {
		before = nil // of what comes now the service's own count
	}
	if tags, err := f.service.read(e, before); err == nil && !full {
		f.tags = tags[:min(len(tags), maxTags)]
	}
	if f.service.token != "" {
		f.state = complete
	}
}

// settle ends a fragment whose document is over. In GetMedia's output a fragment
// without a token was given up; elsewhere there are no tokens at all.
func (f *Fragment) settle() {
	f.state = cut
	if f.Number.IsZero() || f.service.token != "" || f.listed {
		f.state = complete
	}
}

// resume prepares the fragment for its document coming again from the start of
// its Cluster.
func (f *Fragment) resume() {
	f.state, f.skip = inCluster, f.taken
	f.tags = f.tags[:f.leading]
}
