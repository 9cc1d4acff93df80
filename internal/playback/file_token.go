package playback

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/millrace/millrace"
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

// OpenFileRequest reads what Seal wrote.
func OpenFileRequest(b []byte) (r FileRequest, err error) {
	bad := fmt.Errorf("read what a token is for: %w", millrace.ErrInvalid)
	if len(b) < 3 || b[0] > byte(FileMKV) || b[1] > byte(CutFragment) || b[2] > byte(store.ProducerClock) {
		return r, bad
	}
	r.Format, r.Cut, r.Clock = FileFormat(b[0]), Cut(b[1]), store.Clock(b[2])
	b = b[3:]
	for _, at := range []*time.Time{&r.From, &r.To} {
		ms, n := binary.Varint(b)
		if n <= 0 {
			return r, bad
		}
		*at, b = time.UnixMilli(ms).UTC(), b[n:]
	}
	if len(b) > 0 {
		return r, bad
	}
	return r, nil
}
