package ingest_test

import (
	"bytes"
	"crypto/sha256"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/wire"
	"github.com/millrace/millrace/mkv"
)

// The parts of small bodies.

func header(tracks ...uint64) []byte {
	b := mkv.AppendEBML(nil, mkv.EBML{DocType: "matroska"})
	b = mkv.AppendUnknownSize(mkv.AppendID(b, mkv.IDSegment), 8)
	var list []mkv.Track
	for _, n := range tracks {
		list = append(list, mkv.Track{Number: n, UID: n, Type: mkv.TrackVideo, CodecID: "X_TEST"})
	}
	return mkv.AppendTracks(b, list)
}

func cluster(timecode uint64, blocks ...[]byte) []byte {
	b := mkv.AppendUnknownSize(mkv.AppendID(nil, mkv.IDCluster), 1)
	b = mkv.AppendUint(b, mkv.IDTimecode, timecode)
	return append(b, bytes.Join(blocks, nil)...)
}

func block(track uint64, rel int16, payload string) []byte {
	return append(mkv.AppendSimpleBlockHeader(nil, track, rel, mkv.FlagKeyframe, len(payload)), payload...)
}

// small is a cluster with one block.
func small(timecode uint64) []byte { return cluster(timecode, block(1, 0, "x")) }

func endOfFragment() []byte { return tag(wire.TagEndOfFragment, "") }

func tag(name, value string) []byte {
	return mkv.AppendTags(nil, []mkv.Tag{{Simple: []mkv.SimpleTag{{Name: name, String: value}}}}, 8)
}

// identified is a cluster that says which fragment it is, and ends with a digest
// of its bytes.
func identified(timecode uint64, session byte, sequence uint64, blocks ...[]byte) []byte {
	b := cluster(timecode, void(millrace.AppendIdentity(nil, millrace.Identity{Session: millrace.SessionID{session}, Sequence: sequence})))
	if len(blocks) == 0 {
		blocks = [][]byte{block(1, 0, "x")}
	}
	b = append(b, bytes.Join(blocks, nil)...)
	return append(b, void(millrace.AppendDigest(nil, sha256.Sum256(b)))...)
}

func void(payload []byte) []byte { return mkv.AppendBytes(nil, mkv.IDVoid, payload) }
