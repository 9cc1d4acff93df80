package producer

import "time"

// A header is the bytes of a session from the EBML header to the first
// Cluster. Fragments that share one can go over one connection.
type header struct {
	bytes []byte
}

// A fragment is what there is of it so far. Its life is
//
//	open → sealed → settled
//
// and while it is open or sealed it may be sent, over one connection after the
// other. Everything but the bytes of its body is guarded by the stream's mutex;
// those bytes never change once they are in the body.
type fragment struct {
	prev, next *fragment // in the queue, in order of age

	ordinal  uint64 // of all that were ever in the queue
	header   *header
	timecode uint64
	begun    time.Time // wall time
	ended    time.Time // wall time when it was sealed; zero while it is open
	body     body
	started  bool // some of it was written to a connection once
	settled  bool // it is durable, refused or dropped; what is still appended is let go
}

// A fragmentHead is how a fragment begins.
type fragmentHead struct {
	timecode uint64
	leading  [][]byte // Tags that belong to it
	cluster  []byte   // the Cluster's id, size and Timecode
}

func (f *fragment) open() bool { return f.ended.IsZero() }

// A body is a fragment's bytes, in pieces.
type body struct {
	pieces [][]byte
	size   int64
}

// add keeps pieces by reference.
func (b *body) add(pieces ...[]byte) {
	for _, p := range pieces {
		if len(p) > 0 {
			b.pieces = append(b.pieces, p)
			b.size += int64(len(p))
		}
	}
}

// A cursor is a place in a body: everything before it was sent.
type cursor struct {
	piece  int
	offset int // in that piece, which may have grown since
}

// take appends what lies behind the cursor to batch, up to limit bytes but at
// least one piece, and moves the cursor behind it.
func (b *body) take(at *cursor, batch [][]byte, limit int) ([][]byte, int) {
	n := 0
	for n < limit && at.piece < len(b.pieces) {
		p := b.pieces[at.piece][at.offset:]
		if len(p) > 0 {
			batch = append(batch, p)
			n += len(p)
		}
		if at.piece == len(b.pieces)-1 {
			at.offset += len(p)
			break
		}
		at.piece, at.offset = at.piece+1, 0
	}
	return batch, n
}

// rest reports whether anything lies behind the cursor.
func (b *body) rest(at cursor) bool {
	return at.piece < len(b.pieces)-1 || at.piece == len(b.pieces)-1 && at.offset < len(b.pieces[at.piece])
}
