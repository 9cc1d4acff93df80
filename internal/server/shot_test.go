package server_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/millrace/millrace/mkv"
)

// A shot is one fragment as its producer made it. Its first frame begins with
// its mark, which no other shot has.
type shot struct {
	slice
	mark     string
	timecode uint64
	of       *take
	told     chan struct{} // closed when the producer is told that it has begun

	// Guarded by the ledger's mu.
	number    string // as the producer was told; empty if it was not
	persisted bool   // the producer was told so
	refused   bool   // the producer was told that it could not be kept
	loose     bool   // the connection broke where its trailing tags may not have come
}

const markLength = 12

func markOf(n int) string { return fmt.Sprintf("<%0*d>", markLength-2, n) }

// markIn finds the mark in a Cluster; it is empty if the first frame is not
// there.
func markIn(cluster []byte) string {
	r := mkv.NewReader(bytes.NewReader(cluster), mkv.ReaderOptions{})
	for {
		e, err := r.Next()
		if err != nil {
			return ""
		}
		if b, err := mkv.ParseBlock(e.Data()); e.ID == mkv.IDSimpleBlock && err == nil && len(b.Payload) >= markLength {
			return string(b.Payload[:markLength])
		}
	}
}

// newShot makes a fragment of random frames.
func newShot(r *rand.Rand, mark string, timecode uint64, lead bool) *shot {
	s := &shot{mark: mark, timecode: timecode, told: make(chan struct{})}
	s.header = header(1)
	if lead && r.IntN(3) == 0 {
		s.leading = userTags("leads", mark)
	}
	blocks := [][]byte{block(1, 0, mark+noise(r))}
	for i := range r.IntN(6) {
		blocks = append(blocks, block(1, int16(40*i+40), noise(r)))
	}
	if s.cluster = cluster(timecode, blocks...); r.IntN(4) == 0 {
		s.known = true
		s.cluster = knownCluster(timecode, blocks...)
	}
	s.begun = len(s.cluster) - len(bytes.Join(blocks, nil)) // from the Cluster on, until it has a place
	if r.IntN(3) == 0 {
		s.trailing = userTags("trails", mark)
	}
	return s
}

// knownCluster is a Cluster that says how long it is.
func knownCluster(timecode uint64, blocks ...[]byte) []byte {
	data := append(mkv.AppendUint(nil, mkv.IDTimecode, timecode), bytes.Join(blocks, nil)...)
	b := append(mkv.AppendID(nil, mkv.IDCluster), 0x08) // a size of five bytes
	return append(binary.BigEndian.AppendUint32(b, uint32(len(data))), data...)
}

// noise is a payload: mostly small, sometimes that of a key frame.
func noise(r *rand.Rand) string {
	b := make([]byte, r.IntN([...]int{40, 40, 40, 4000, 4000, 4000, 4000, 40_000}[r.IntN(8)]))
	for i := 0; i+8 <= len(b); i += 8 {
		binary.LittleEndian.PutUint64(b[i:], r.Uint64())
	}
	return string(b)
}

// A take is the body of one call.
type take struct {
	shots []*shot
	body  []byte
	over  []int // how much of the body says that nothing more belongs to a shot
}

// newTake makes a body of n shots, the next of which has a mark of its own by
// next.
func newTake(r *rand.Rand, n int, next func() (mark string, timecode uint64)) *take {
	k := &take{body: header(1)}
	lead := true
	for range n {
		mark, timecode := next()
		s := newShot(r, mark, timecode, lead)
		s.of = k
		k.shots = append(k.shots, s)
		s.offset = len(k.body) + len(s.leading)
		s.begun += s.offset
		k.body = slices.Concat(k.body, s.leading, s.cluster, s.trailing)
		if lead = r.IntN(3) == 0; lead {
			k.body = append(k.body, endOfFragment()...)
			k.over = append(k.over, len(k.body))
		} else {
			k.over = append(k.over, len(k.body)+4) // the id of what follows
		}
	}
	return k
}

// loosen says that the body broke off after so many bytes.
func (k *take) loosen(sent int) {
	for i, s := range k.shots {
		s.loose = s.loose || sent < k.over[i]
	}
}

// A pause is a place in a body at which a producer waits until it is told that
// the fragment has begun, so that calls take turns.
type pause struct {
	at   int
	shot *shot
}

// pauses are random places in the first so many bytes of a body.
func (k *take) pauses(r *rand.Rand, length int) (list []pause) {
	for _, s := range k.shots {
		at := s.begun + r.IntN(s.offset+len(s.cluster)-s.begun+1)
		if at <= length && r.IntN(3) > 0 {
			list = append(list, pause{at, s})
		}
	}
	return list
}
