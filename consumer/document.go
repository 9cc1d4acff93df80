package consumer

import (
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/millrace/millrace/mkv"
)

const (
	maxHead = 16 << 20 // bytes of a document in front of its first Cluster
	maxTags = 1 << 12  // producer's tags kept for one fragment
)

// errLongHead refuses a document that does not come to its media.
var errLongHead = fmt.Errorf("document has more than %d bytes before its media", maxHead)

// An assembler makes the heads of documents out of elements.
type assembler struct {
	elements *mkv.Reader
	held     *mkv.Element // given back by unread
	headers  headerBuilder
	prefix   []byte // raw bytes of the document so far
	tags     []Tag
	service  serviceTags
	media    bool      // the document has had a Cluster, so its header is finished
	start    int64     // the document's offset
	latest   *Fragment // that was made; nil behind damage and at first
}

func newAssembler(o mkv.ReaderOptions) assembler {
	return assembler{elements: mkv.NewReader(http.NoBody, o)}
}

func (a *assembler) next() (mkv.Element, error) {
	if a.held != nil {
		e := *a.held
		a.held = nil
		return e, nil
	}
	return a.elements.Next()
}

// unread gives e back; it must be the last element that next returned.
func (a *assembler) unread(e mkv.Element) { a.held = &e }

// reset makes the assembler read from another input, which begins with a document.
func (a *assembler) reset(r io.Reader) {
	a.elements.Reset(r)
	a.held, a.latest = nil, nil
	a.begin()
}

// begin forgets the document before.
func (a *assembler) begin() {
	a.prefix, a.tags, a.service, a.media = a.prefix[:0], nil, serviceTags{}, false
	a.headers.begin()
}

// head reads up to the Timecode of the next Cluster. What is wrong with the bytes
// is a *mkv.SyntaxError that has its place.
func (a *assembler) head(source elementSource) (*Fragment, error) {
	if err := a.checkBoundary(); err != nil {
		return nil, err
	}
	for {
		e, err := a.next()
		if err != nil {
			return nil, err
		}
		if e.ID == mkv.IDEBML {
			a.begin()
			a.start = e.Offset
		}
		if a.prefix = append(a.prefix, e.Raw...); len(a.prefix) > maxHead {
			return nil, faultOf(e, errLongHead)
		}
		switch {
		case e.ID == mkv.IDCluster && e.Kind == mkv.Start:
			return a.fragment(source)
		case e.Kind == mkv.End:
			err = a.withoutMedia()
		case e.ID == mkv.IDTags:
			a.tags, err = a.service.read(e, a.tags)
		case !a.media:
			a.headers.add(e)
		}
		if _, told := errors.AsType[*FragmentError](err); told {
			return nil, err
		}
		if err != nil {
			return nil, faultOf(e, err)
		}
	}
}

// withoutMedia is called at the end of a Segment that had no Cluster, or no
// more. It returns the error that the server put there, if it did.
func (a *assembler) withoutMedia() error {
	if a.service.errorID == 0 {
		return nil
	}
	return &FragmentError{Number: a.service.number, ID: a.service.errorID, Name: a.service.errorCode}
}

// fragment reads the Timecode and makes the fragment.
func (a *assembler) fragment(source elementSource) (*Fragment, error) {
	timecode, err := a.timecode()
	if err != nil {
		return nil, err
	}
	header, err := a.headers.finish()
	if err != nil {
		return nil, faultIn(a.start, err)
	}
	f := &Fragment{
		Number:       a.service.number,
		ServerTime:   a.service.serverTime,
		ProducerTime: a.service.producerTime,
		Header:       header,
		Timecode:     timecode,
		listed:       a.service.listed,
		prefix:       a.prefix,
		tags:         a.tags[:min(len(a.tags), maxTags)],
		source:       source,
	}
	f.leading = len(f.tags)
	a.prefix, a.tags, a.service, a.media = a.prefix[:0], nil, serviceTags{}, true
	a.latest = f
	return f, nil
}

// timecode reads up to the Cluster's Timecode. A Cluster without one counts
// from zero, unless the input ends there.
func (a *assembler) timecode() (uint64, error) {
	for {
		e, err := a.next()
		if err != nil {
			return 0, err
		}
		switch e.ID {
		case mkv.IDVoid, mkv.IDCRC32:
			a.prefix = append(a.prefix, e.Raw...)
		case mkv.IDTimecode:
			a.prefix = append(a.prefix, e.Raw...)
			v, err := mkv.ParseUint(e.Data())
			if err != nil {
				return 0, faultOf(e, err)
			}
			return v, nil
		default:
			a.unread(e)
			return 0, a.checkCut(e)
		}
	}
}

// checkCut tells a Cluster in which there is nothing from one whose input ends
// before its Timecode.
func (a *assembler) checkCut(e mkv.Element) error {
	if e.Kind != mkv.End {
		return nil
	}
	if b, err := a.elements.Peek(1); len(b) > 0 || !errors.Is(err, io.EOF) {
		return nil
	}
	return &mkv.SyntaxError{Offset: a.elements.Offset(), Path: mkv.IDCluster.String(), Err: io.ErrUnexpectedEOF}
}
