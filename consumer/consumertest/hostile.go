package consumertest

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/millrace/millrace/mkv"
)

// Passing are refusals behind which a later attempt may succeed.
func Passing() []Refusal {
	return []Refusal{
		{Status: 500, Exception: "InternalFailure"},
		{Status: 503, Exception: "ServiceUnavailable"},
		{Status: 502, Body: "<html><body>Bad Gateway</body></html>"},
		{Status: 400, Exception: "ClientLimitExceededException"},
		{Status: 400, Exception: "ConnectionLimitExceededException"},
		{Status: 429, Exception: "ClientLimitExceededException", RetryAfter: time.Second},
		{Status: 504, Body: "upstream timed out", Type: "text/plain"},
	}
}

// Lasting are refusals that no later attempt changes.
func Lasting() []Refusal {
	return []Refusal{
		{Status: 404, Exception: "ResourceNotFoundException", Message: "The requested stream is not found or not active."},
		{Status: 403, Exception: "AccessDeniedException"},
		{Status: 400, Exception: "InvalidArgumentException"},
		{Status: 403, Body: "<html><body>Forbidden</body></html>"},
	}
}

// Garbage are bytes in which no document begins.
func Garbage(seed uint64, n int) []byte {
	rnd := rand.New(rand.NewPCG(seed, 0x67617262616765))
	b := make([]byte, n)
	for i := range b {
		if b[i] = byte(rnd.Uint32()); b[i] == 0x1A { // of an EBML header
			b[i] = 0
		}
	}
	return b
}

// Hostile are bytes that a reader must survive, wherever they come, by a name for
// each.
func Hostile() map[string][]byte {
	sized := func(id mkv.ElementID, size int64) []byte {
		return append(mkv.AppendSize(mkv.AppendID(nil, id), size, 8), "and little else"...)
	}
	open := func(id mkv.ElementID) []byte {
		return append(mkv.AppendUnknownSize(mkv.AppendID(nil, id), 1), "and little else"...)
	}
	block := func(payload ...byte) []byte { return mkv.AppendBytes(nil, mkv.IDSimpleBlock, payload) }
	return map[string][]byte{
		"zeros":                                make([]byte, 64),
		"all ones":                             bytes.Repeat([]byte{0xFF}, 64),
		"a page of HTML":                       []byte("<html><body>Bad Gateway</body></html>"),
		"a block of the greatest size":         sized(mkv.IDSimpleBlock, mkv.MaxSize),
		"a block of four gigabytes":            sized(mkv.IDSimpleBlock, 1<<32),
		"tags of the greatest size":            sized(mkv.IDTags, mkv.MaxSize),
		"tracks of a terabyte":                 sized(mkv.IDTracks, 1<<40),
		"a header of the greatest size":        sized(mkv.IDEBML, mkv.MaxSize),
		"a Cluster of the greatest size":       sized(mkv.IDCluster, mkv.MaxSize),
		"a Segment of the greatest size":       sized(mkv.IDSegment, mkv.MaxSize),
		"an unknown element of the greatest":   sized(unknownID, mkv.MaxSize),
		"tags of unknown size":                 open(mkv.IDTags),
		"a block of unknown size":              open(mkv.IDSimpleBlock),
		"a header of unknown size":             open(mkv.IDEBML),
		"an unknown element of unknown size":   open(unknownID),
		"a Cluster in a Cluster":               slices.Concat(open(mkv.IDCluster)[:5], open(mkv.IDCluster)[:5]),
		"an id of five bytes":                  {0x08, 1, 2, 3, 4, 0x81, 0},
		"a size of nine bytes":                 {0xA3, 0x00, 1, 2, 3, 4, 5, 6, 7, 8},
		"an empty block":                       block(),
		"a block without its time":             block(0x81),
		"a block of a track that is not there": block(0xFE, 0, 0, 0x80, 1, 2, 3),
		"a block of a huge track number":       block(0x01, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFE, 0, 0, 0x80, 1),
		"Xiph lacing without an end":           block(0x81, 0, 0, 0x02, 0xFF, 0xFF, 0xFF),
		"EBML lacing that goes below zero":     block(0x81, 0, 0, 0x06, 0x02, 0x81, 0x80, 1, 2),
		"fixed lacing that does not add up":    block(0x81, 0, 0, 0x04, 0x02, 1, 2, 3, 4),
		"a block group without a block":        mkv.AppendBytes(nil, mkv.IDBlockGroup, nil),
		"a timecode of nine bytes":             mkv.AppendBytes(nil, mkv.IDTimecode, make([]byte, 9)),
		"tags that are no tags":                mkv.AppendBytes(nil, mkv.IDTags, bytes.Repeat([]byte{0xFF}, 40)),
		"many empty elements":                  bytes.Repeat([]byte{0xEC, 0x80}, 5000),
		"many unknown elements":                bytes.Repeat(mkv.AppendBytes(nil, unknownID, []byte("x")), 5000),
	}
}
