package producer

import (
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/producer/spool"
)

// A header is the bytes of a session from the EBML header to the first
// Cluster. Fragments that share one can go over one connection.
type header struct {
	bytes    []byte
	relative bool      // timecodes count from start
	start    time.Time // zero if they are absolute
}

// equal reports whether fragments of both can go over one connection.
func (h *header) equal(o *header) bool {
	return string(h.bytes) == string(o.bytes) && h.relative == o.relative && h.start.Equal(o.start)
}

// A fragment is what there is of it so far. Its life is
//
//	open → sealed → settled
//
// and while it is open or sealed it may be sent, over one connection after the
// other. Everything but the bytes of its body is guarded by the stream's mutex;
// those bytes never change once they are in the body. A fragment is never used
// for another one, so that a pointer to it stays good; its body is, once it is
// settled and nobody writes from it.
type fragment struct {
	prev, next *fragment // in the queue, in order of age

	ordinal  uint64 // of all that were ever in the queue
	identity millrace.Identity
	header   *header
	timecode uint64        // as it is sent, in ticks of scale
	scale    uint64        // nanoseconds
	first    time.Duration // media time of the first frame, since the epoch or TimeRules.Start
	last     time.Duration // of the latest frame
	frames   int
	begun    time.Time // wall time
	ended    time.Time // wall time when it was sealed; zero while it is open

	size         int64 // bytes so far
	clusterStart int64 // where the Cluster begins, behind the leading Tags
	headEnd      int64 // where its Timecode ends; an identity goes there
	clusterEnd   int64 // where its last child ends; 0 while that is not known. A digest goes there
	body         *body // nil if the bytes are on the disk alone

	ref    spool.Ref // on the disk; 0 if it is not there
	spool  spoolState
	tried  bool   // the disk failed during this fragment
	faults uint8  // times that the disk did not give it back
	marks  []mark // what the disk has not got; nil without a spool
	noted  bool   // the spool knows that the server has received it

	on     *connection      // that carries it; nil if none does
	onAt   time.Time        // when it was begun there
	goneAt time.Time        // when all of it was sent there; zero before
	heard  millrace.AckType // the furthest acknowledgement of it that came from there; 0 is none
	passed time.Time        // when a younger one was confirmed there before it; zero: none was
	doubts uint8            // times that a server could not read it

	lacking  bool // its header declares a track of which it has no frame
	narrowed bool // that was said of it before

	pins    int   // writes to connections that read from body now
	sent    int64 // bytes that a connection which still is good took
	started bool  // some of it was written to a connection once
	key     bool  // its first frame is a key frame
	whole   bool  // the Cluster has a declared size: nothing of it may be left out
	held    bool  // behind a gate that is closed: not to be sent
	settled bool  // it is durable, refused or dropped; what is still appended is let go
}

// A fragmentHead is how a fragment begins.
type fragmentHead struct {
	timecode uint64        // of the Cluster, in ticks of scale
	scale    uint64        // nanoseconds; 0 is a millisecond
	first    time.Duration // media time of the first frame, since the epoch or TimeRules.Start
	leading  [][]byte      // Tags that belong to it
	cluster  []byte        // the Cluster's id, size and Timecode
	follows  int64         // bytes of the frame that comes next, for which there has to be room as well
	sized    bool          // the size is declared, so nothing may be left out
}

// A frameInfo is what the buffer has to know of a frame.
type frameInfo struct {
	at  time.Duration // media time, as in fragmentHead
	key bool          // of use without the frames before it, as sound is; SlowThin keeps it
}

// spooled is the frame as the spool knows it.
func (i frameInfo) spooled(f *fragment) spool.Frame {
	return spool.Frame{Offset: i.at - f.first, Key: i.key}
}

func (f *fragment) open() bool { return f.ended.IsZero() }

// unsent reports whether there is something that no good connection took.
func (f *fragment) unsent() bool { return f.sent < f.size }

// A body is a fragment's bytes in memory, in pieces. The last piece may grow.
type body struct {
	pieces [][]byte
	slabs  []*slab // where the pieces are that were copied
	next   *body   // in the list of those that are not used now
}

// refer adds pieces without copying them.
func (b *body) refer(pieces ...[]byte) {
	for _, p := range pieces {
		if len(p) > 0 {
			b.pieces = append(b.pieces, p[:len(p):len(p)])
		}
	}
}

// copyTo adds as much of p as has room in a slab, and returns the rest.
func (b *body) copyTo(to *slab, p []byte) []byte {
	if len(b.slabs) == 0 || b.slabs[len(b.slabs)-1] != to {
		b.slabs = append(b.slabs, to)
		to.refs++
	}
	room := to.bytes[to.used:]
	n := copy(room, p)
	last := len(b.pieces) - 1
	if last >= 0 && cap(b.pieces[last]) > len(b.pieces[last]) && adjoins(b.pieces[last], room) {
		b.pieces[last] = b.pieces[last][:len(b.pieces[last])+n]
	} else {
		b.pieces = append(b.pieces, room[:n])
	}
	to.used += n
	return p[n:]
}

// adjoins reports whether the memory behind p is that of room.
func adjoins(p, room []byte) bool {
	return len(room) > 0 && &p[:len(p)+1][len(p)] == &room[0]
}

// A cursor is a place in a fragment: everything before it was sent.
type cursor struct {
	at    int64     // bytes from the fragment's start
	piece int       // where that is in the body
	in    int       // and in that piece, which may have grown since
	back  *readBack // reads from the disk; nil before it was needed
}

// maxHead bounds pieces that are never cut, as the heads of Clusters, in bytes.
const maxHead = 64

// take appends what lies behind the cursor to batch, up to about limit bytes, and
// moves the cursor behind it. There is nothing to take of a fragment that is not
// in memory. The bytes may be read until the mutex is let go, and longer if the
// fragment was pinned before.
func (f *fragment) take(c *cursor, batch [][]byte, limit int) ([][]byte, int) {
	n := 0
	if f.body == nil {
		return batch, n
	}
	for n < limit && c.piece < len(f.body.pieces) {
		p := f.body.pieces[c.piece][c.in:]
		if len(p) > maxHead {
			p = p[:min(len(p), limit-n)]
		}
		if len(p) > 0 {
			batch = append(batch, p[:len(p):len(p)])
			n += len(p)
			c.in += len(p)
		}
		if c.in == len(f.body.pieces[c.piece]) {
			if c.piece == len(f.body.pieces)-1 {
				break // it may grow
			}
			c.piece, c.in = c.piece+1, 0
		}
	}
	c.at += int64(n)
	return batch, n
}

// rest reports whether anything lies behind the cursor.
func (f *fragment) rest(c cursor) bool { return c.at < f.size }

// copyFrom copies what lies behind the cursor, and moves the cursor behind it.
func (f *fragment) copyFrom(c *cursor, p []byte) (n int) {
	for n < len(p) && c.piece < len(f.body.pieces) {
		k := copy(p[n:], f.body.pieces[c.piece][c.in:])
		n += k
		if c.in += k; c.in == len(f.body.pieces[c.piece]) {
			c.piece, c.in = c.piece+1, 0
		}
	}
	c.at += int64(n)
	return n
}
