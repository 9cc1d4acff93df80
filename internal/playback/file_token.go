package playback

import (
	"encoding/binary"
	"time"

	"github.com/millrace/millrace/internal/store"
)

// Seal returns the form of a request in a token: all of it but the Scope.
//
//	format | cut | clock: 1 byte each | from, to: ms, varints
func (r *FileRequest) Seal() []byte {
	b := []byte{byte(r.Format), byte(r.Cut), byte(r.Clock)}
	b = binary.AppendVarint(b, r.From.UnixMilli())
	return binary.AppendVarint(b, r.To.UnixMilli())
}

// OpenFileRequest is the inverse of Seal. What was not made by it is ErrForged.
func OpenFileRequest(b []byte) (r FileRequest, err error) {
	if len(b) < 3 || b[0] > byte(FileMKV) || b[1] > byte(CutFragment) || b[2] > byte(store.ProducerClock) {
		return r, ErrForged
	}
	r.Format, r.Cut, r.Clock = FileFormat(b[0]), Cut(b[1]), store.Clock(b[2])
	c := claimReader{rest: b[3:]}
	r.From, r.To = time.UnixMilli(c.signed()).UTC(), time.UnixMilli(c.signed()).UTC()
	if c.bad || len(c.rest) > 0 {
		return FileRequest{}, ErrForged
	}
	return r, nil
}
