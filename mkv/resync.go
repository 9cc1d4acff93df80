package mkv

import (
	"bytes"
	"encoding/binary"
	"slices"
)

// maxHeader bounds the payload of an EBML header that Resync believes in, in bytes.
const maxHeader = 1 << 10

// Peek returns the next n bytes of the input without taking them, fewer together
// with the error that came instead of the others: io.EOF itself at the end of the
// input. They are valid until the next call of any method. n is for small numbers.
func (r *Reader) Peek(n int) ([]byte, error) {
	r.buf.retract()
	if err := r.buf.fill(n); err != nil {
		if !isEnd(err) {
			err = r.sourceError(err, 0)
		}
		return r.buf.bytes(), err
	}
	return r.buf.bytes()[:n], nil
}

// Resync makes r go on where a document may begin, behind a fault or wherever it
// is: at the next EBML header of known size, of at most 1,024 bytes, whose
// document type is Matroska or WebM. It returns how many bytes it passed over; what
// was open is closed without an End. With io.EOF there is no such header in what
// was left of the input. An error of the source is returned wrapped and not kept,
// as Next returns it; a further call goes on. Memory is that of the present buffer.
func (r *Reader) Resync() (skipped int64, err error) {
	r.err, r.segment, r.cluster = nil, master{}, master{}
	mark := binary.BigEndian.AppendUint32(nil, uint32(IDEBML))
	from := r.off
	for {
		b, err := r.Peek(len(mark))
		if err != nil {
			if isEnd(err) {
				r.drop(len(b))
				r.err = err
			}
			return r.off - from, err
		}
		b = r.buf.bytes()
		i := bytes.Index(b, mark)
		if i < 0 {
			r.drop(len(b) - len(mark) + 1) // the rest may begin one
			continue
		}
		r.drop(i)
		begins, err := r.beginsDocument()
		if begins || err != nil {
			return r.off - from, err
		}
		r.drop(1)
	}
}

// drop passes over n bytes that are in the buffer.
func (r *Reader) drop(n int) {
	r.buf.take(n)
	r.off += int64(n)
}

// beginsDocument reports whether what comes next, which has the id of an EBML
// header, is one. Its error is one of the source.
func (r *Reader) beginsDocument() (bool, error) {
	const id = 4
	b, err := r.Peek(id + 1)
	width := 0
	if err == nil {
		width = sizeLength(b[id])
		b, err = r.Peek(id + width)
	}
	if err == nil && width > 0 {
		size := decodeSize(b[id:], width)
		if size == UnknownSize || size > maxHeader {
			return false, nil
		}
		if b, err = r.Peek(id + width + int(size)); err == nil {
			return saysMatroska(b[id+width:]), nil
		}
	}
	if isEnd(err) {
		err = nil
	}
	return false, err
}

// saysMatroska reports whether the payload of an EBML header names one of the
// document types.
func saysMatroska(payload []byte) bool {
	var h EBML
	err := parseChildren(IDEBML, payload, h.scan)
	return err == nil && slices.Contains([]string{DocTypeMatroska, DocTypeWebM}, h.DocType)
}
