package server_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// What a body should come to is worked out here by other means than the
// server's: a walk over the bytes that knows no more of Matroska than this.

// The ids that the walk knows.
const (
	idEBML     = 0x1A45DFA3
	idSegment  = 0x18538067
	idSeekHead = 0x114D9B74
	idInfo     = 0x1549A966
	idTracks   = 0x1654AE6B
	idCluster  = 0x1F43B675
	idCues     = 0x1C53BB6B
	idTags     = 0x1254C367
	idTimecode = 0xE7
)

// segmentHead is a Segment as readers receive it.
const segmentHead = "\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xff"

// A slice is one fragment of a body.
type slice struct {
	header   []byte // from EBML up to what leads the fragment, with the Segment rewritten
	leading  []byte
	cluster  []byte
	trailing []byte
	offset   int // of the Cluster in the body
	begun    int // where the Cluster's Timecode ends
	end      int // where the Cluster ends
	closed   int // where the end-of-fragment tag ends; 0 if there is none
	known    bool
}

// sliceBody takes a body apart up to its last whole element.
func sliceBody(body []byte) ([]slice, error) {
	w := walk{body: body}
	for w.at < len(body) && !w.torn {
		if err := w.step(); err != nil {
			return nil, fmt.Errorf("at %d: %w", w.at, err)
		}
	}
	return w.out, nil
}

type walk struct {
	body    []byte
	at      int
	out     []slice
	plain   []byte // header without Tags
	tagged  []byte // header with the Tags before Tracks
	leading []byte
	tracks  bool
	closed  bool // by an end-of-fragment tag
	torn    bool // the body ends in an element
}

// head reads id and size at a place; n is their length, size -1 if unknown.
func (w *walk) head(at int) (id uint32, n int, size int, ok bool) {
	b := w.body[at:]
	idLen := leadingZeros(b, 0) + 1
	sizeLen := leadingZeros(b, idLen) + 1
	if len(b) < idLen+sizeLen {
		return 0, 0, 0, false
	}
	for _, c := range b[:idLen] {
		id = id<<8 | uint32(c)
	}
	ones := true
	for i, c := range b[idLen : idLen+sizeLen] {
		all := byte(0xff)
		if i == 0 {
			all = 0xff >> sizeLen
			c &= all
		}
		ones = ones && c == all
		size = size<<8 | int(c)
	}
	if ones {
		size = -1
	}
	return id, idLen + sizeLen, size, true
}

func leadingZeros(b []byte, at int) int {
	if at >= len(b) {
		return 8
	}
	n := 0
	for n < 8 && b[at]&(0x80>>n) == 0 {
		n++
	}
	return n
}

// step takes one element of level 0 or 1.
func (w *walk) step() error {
	id, n, size, ok := w.head(w.at)
	end := w.at + n + size
	switch {
	case !ok:
		w.torn = true
		return nil
	case id == idSegment:
		w.header([]byte(segmentHead))
		w.at += n
		return nil
	case id == idCluster:
		return w.cluster(n, size)
	case size < 0:
		return fmt.Errorf("element %x of unknown size", id)
	case end > len(w.body):
		w.torn = true
		return nil
	}
	raw := w.body[w.at:end]
	w.at = end
	w.element(id, raw)
	return nil
}

func (w *walk) header(raw []byte) {
	w.plain = append(w.plain, raw...)
	w.tagged = append(w.tagged, raw...)
}

// element puts a whole element where readers find it.
func (w *walk) element(id uint32, raw []byte) {
	began := len(w.out) > 0
	end := id == idTags && bytes.Contains(raw, []byte("AWS_KINESISVIDEO_END_OF_FRAGMENT"))
	switch {
	case end && began:
		w.closed, w.out[len(w.out)-1].closed = true, w.at
	case id == idTags && (!began && w.tracks || w.closed):
		w.leading = append(w.leading, raw...)
	case id == idTags && !began:
		w.tagged = append(w.tagged, raw...)
	case !began:
		w.tracks = w.tracks || id == idTracks
		w.header(raw)
	case !w.closed:
		last := &w.out[len(w.out)-1]
		last.trailing = append(last.trailing, raw...)
	}
}

// cluster takes a Cluster up to its last whole child.
func (w *walk) cluster(n, size int) error {
	s := slice{header: w.plain, leading: w.leading, offset: w.at, known: size >= 0}
	if len(w.out) == 0 {
		s.header = w.tagged
	}
	w.leading, w.closed = nil, false
	end := len(w.body)
	if size >= 0 {
		end = min(end, w.at+n+size)
	}
	for w.at += n; w.at < end; {
		id, n, childSize, ok := w.head(w.at)
		if ok && size < 0 && topLevel(id) {
			break
		}
		if !ok || w.at+n+childSize > end {
			w.torn = true
			break
		}
		if w.at += n + childSize; id == idTimecode {
			s.begun = w.at
		}
	}
	s.cluster, s.end = w.body[s.offset:w.at], w.at
	w.out = append(w.out, s)
	return nil
}

func topLevel(id uint32) bool {
	switch id {
	case idEBML, idSegment, idSeekHead, idInfo, idTracks, idCluster, idCues, idTags:
		return true
	}
	return false
}

// document is the slice as GetMedia should deliver it.
func (s slice) document(number, serverTime, producerTime, behind string) []byte {
	b := append(append([]byte(nil), s.header...), s.leading...)
	b = appendServiceTags(b, "FRAGMENT_NUMBER", number, "SERVER_TIMESTAMP", serverTime, "PRODUCER_TIMESTAMP", producerTime)
	b = append(append(b, s.cluster...), s.trailing...)
	return appendServiceTags(b, "MILLIS_BEHIND_NOW", behind, "CONTINUATION_TOKEN", number)
}

// appendServiceTags appends one Tags element with one Tag; every size in it
// takes four bytes.
func appendServiceTags(b []byte, pairs ...string) []byte {
	var simple []byte
	for i := 0; i < len(pairs); i += 2 {
		var s []byte
		s = appendElement(s, "\x45\xa3", []byte("AWS_KINESISVIDEO_"+pairs[i]))
		s = appendElement(s, "\x44\x87", []byte(pairs[i+1]))
		simple = appendElement(simple, "\x67\xc8", s)
	}
	return appendElement(b, "\x12\x54\xc3\x67", appendElement(nil, "\x73\x73", simple))
}

func appendElement(b []byte, id string, data []byte) []byte {
	b = binary.BigEndian.AppendUint32(append(b, id...), 0x10000000|uint32(len(data)))
	return append(b, data...)
}
