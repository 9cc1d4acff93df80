package producer

import (
	"time"
)

// A header is the bytes of a session from the EBML header to the first
// Cluster. Fragments that share one can go over one connection.
type header struct {
	bytes []byte
}

// A fragment is what has been appended of it. Everything but pieces' bytes is
// guarded by the upload's mutex.
type fragment struct {
	header   *header
	timecode uint64
	pieces   [][]byte
	size     int64
	ended    time.Time // when End was called; zero while the fragment is open
	started  bool      // some of it was written to a connection once
	rejected bool      // the server refused it; what is still appended is dropped
}

func (f *fragment) open() bool { return f.ended.IsZero() }

// append keeps pieces by reference.
func (f *fragment) append(pieces ...[]byte) {
	for _, p := range pieces {
		if len(p) > 0 {
			f.pieces = append(f.pieces, p)
			f.size += int64(len(p))
		}
	}
}
