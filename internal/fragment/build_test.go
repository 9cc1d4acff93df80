package fragment_test

import (
	"slices"
	"strconv"

	"github.com/millrace/millrace/mkv"
)

// The parts of small bodies, for tests.

func concat(parts ...[]byte) []byte { return slices.Concat(parts...) }

func ebml() []byte { return mkv.AppendEBML(nil, mkv.EBML{DocType: "matroska"}) }

func segment() []byte { return mkv.AppendUnknownSize(mkv.AppendID(nil, mkv.IDSegment), 1) }

func tracks(numbers ...uint64) []byte {
	var list []mkv.Track
	for _, n := range numbers {
		list = append(list, mkv.Track{Number: n, UID: n, Type: mkv.TrackVideo, CodecID: "X_TEST"})
	}
	return mkv.AppendTracks(nil, list)
}

// document is a header with one track, and clusters.
func document(clusters ...[]byte) []byte {
	return concat(append([][]byte{ebml(), segment(), tracks(1)}, clusters...)...)
}

func cluster(timecode uint64, blocks ...[]byte) []byte {
	b := mkv.AppendUnknownSize(mkv.AppendID(nil, mkv.IDCluster), 8)
	b = mkv.AppendUint(b, mkv.IDTimecode, timecode)
	return append(b, concat(blocks...)...)
}

func simpleBlock(track uint64, rel int16, flags byte, payload string) []byte {
	return append(mkv.AppendSimpleBlockHeader(nil, track, rel, mkv.BlockFlags(flags), len(payload)), payload...)
}

// group is a BlockGroup with an element behind its Block.
func group(track byte, rel int16, payload string) []byte {
	block := append([]byte{0x80 | track, byte(rel >> 8), byte(rel), 0}, payload...)
	inner := mkv.AppendBytes(nil, mkv.IDBlock, block)
	inner = mkv.AppendUint(inner, mkv.IDBlockDuration, 40)
	return mkv.AppendBytes(nil, mkv.IDBlockGroup, inner)
}

// tags is one Tags element with n tags.
func tags(n int, value string) []byte {
	var t mkv.Tag
	for i := range n {
		t.Simple = append(t.Simple, mkv.SimpleTag{Name: "name" + strconv.Itoa(i), String: value})
	}
	return mkv.AppendTags(nil, []mkv.Tag{t}, 8)
}
