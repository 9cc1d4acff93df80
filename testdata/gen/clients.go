package main

import (
	"encoding/hex"
	"slices"
	"strings"
)

const millisecond = 1_000_000 // timecode scale of all fixtures, in nanoseconds

// epoch is 22 November 2026, 16:30 UTC, in milliseconds: where absolute
// timecodes begin.
const epoch = 1_795_365_000_000

// ebmlHeader returns the EBML header with a known size.
func ebmlHeader(docType string, version byte) []byte {
	return el(idEBML, shortest,
		el(idEBMLVersion, 1, []byte{1}), el(idEBMLReadVersion, 1, []byte{1}),
		el(idEBMLMaxIDLength, 1, []byte{4}), el(idEBMLMaxSizeLength, 1, []byte{8}),
		el(idDocType, 1, []byte(docType)),
		el(idDocTypeVersion, 1, []byte{version}), el(idDocTypeReadVersion, 1, []byte{2}))
}

// openSegment returns the head of a Segment of unknown size.
func openSegment(width int) []byte { return append(idBytes(idSegment), unknownSize(width)...) }

// book takes note of a track and returns it.
func (b *body) book(t track, private []byte) track {
	t.CodecPrivateHex = hex.EncodeToString(private)
	shown := t
	shown.Name, shown.CodecID = strings.TrimRight(t.Name, "\x00"), strings.TrimRight(t.CodecID, "\x00")
	b.sum.Tracks = append(b.sum.Tracks, shown)
	return t
}

// The tracks that fixtures are made of.
func video(number int, codecID string) track {
	return track{Number: number, UID: uint64(number), Type: 1, Name: "kvs_video_track", CodecID: codecID, Width: 640, Height: 360}
}

func sound(number int, codecID string, rate float64, channels int) track {
	return track{Number: number, UID: uint64(number), Type: 2, Name: "kvs_audio_track", CodecID: codecID, Rate: rate, Channels: channels}
}

const (
	avcID  = "V_MPEG4/ISO/AVC"
	hevcID = "V_MPEGH/ISO/HEVC"
	aacID  = "A_AAC"
	acmID  = "A_MS/ACM"
)

// cHeader writes a header as the C client does: a Segment whose size is one byte
// of ones, masters with sizes of two or four bytes, integers of eight bytes.
func (b *body) cHeader(tracks ...[]byte) {
	b.header(ebmlHeader("matroska", 2), openSegment(1),
		el(idInfo, 2,
			el(idSegmentUID, 1, b.filler(16)), el(idTimecodeScale, 1, num(millisecond, 8)),
			el(idTitle, 1, []byte("Fixture")), el(idMuxingApp, 1, []byte("Fixture 1.0.0")), el(idWritingApp, 1, []byte("Fixture 1.0.0"))),
		el(idTracks, 4, tracks...))
}

// cTrack returns a TrackEntry as the C client writes it.
func (b *body) cTrack(t track, private []byte) []byte {
	t = b.book(t, private)
	parts := [][]byte{
		el(idTrackNumber, 1, num(uint64(t.Number), 1)), el(idTrackUID, 1, num(t.UID, 8)),
		el(idTrackType, 1, num(uint64(t.Type), 1)), el(idName, 1, []byte(t.Name)), el(idCodecID, 1, []byte(t.CodecID)),
	}
	if t.Width > 0 {
		parts = append(parts, el(idVideo, 4, el(idPixelWidth, 1, num(uint64(t.Width), 2)), el(idPixelHeight, 1, num(uint64(t.Height), 2))))
	}
	if t.Rate > 0 {
		parts = append(parts, el(idAudio, 4, el(idSamplingFrequency, 1, float(t.Rate)), el(idChannels, 1, num(uint64(t.Channels), 1))))
	}
	if private != nil {
		parts = append(parts, el(idCodecPrivate, shortest, private))
	}
	return el(idTrackEntry, 4, parts...)
}

// cCluster begins a Cluster as the C client does: unknown size in one byte,
// Timecode in eight, Position zero.
func cCluster(timecode uint64) *cluster {
	return newCluster(timecode, unknownSize(1),
		el(idTimecode, 1, num(timecode, 8)), el(idPosition, 1, []byte{0}))
}

// cTags appends each pair as Tags of its own with sizes of eight bytes.
func (b *body) cTags(pairs ...[2]string) {
	for _, p := range pairs {
		b.tags(tagsElement(8, [][2]string{p}), p)
	}
}

// embeddedHeader writes a header as the C client for small devices does: names
// padded with NUL bytes, CodecID with a size of two bytes, CodecPrivate of four.
func (b *body) embeddedHeader(tracks ...[]byte) {
	const width = 16
	b.header(ebmlHeader("matroska", 2), openSegment(1),
		el(idInfo, 2,
			el(idSegmentUID, 1, b.filler(16)), el(idTimecodeScale, 1, num(millisecond, 8)),
			el(idTitle, 1, padded("KVS", width)), el(idMuxingApp, 1, padded("Fixture", width)), el(idWritingApp, 1, padded("Fixture", width))),
		el(idTracks, 4, tracks...))
}

func (b *body) embeddedTrack(t track, private []byte) []byte {
	t = b.book(t, private)
	parts := [][]byte{
		el(idTrackNumber, 1, num(uint64(t.Number), 1)), el(idTrackUID, 1, num(t.UID, 8)), el(idTrackType, 1, num(uint64(t.Type), 1)),
		el(idName, 1, padded(t.Name, 16)), el(idCodecID, 2, []byte(t.CodecID)),
	}
	if t.Width > 0 {
		parts = append(parts, el(idVideo, 4, el(idPixelWidth, 1, num(uint64(t.Width), 2)), el(idPixelHeight, 1, num(uint64(t.Height), 2))))
	}
	if t.Rate > 0 {
		parts = append(parts, el(idAudio, 4, el(idSamplingFrequency, 1, float(t.Rate)), el(idChannels, 1, num(uint64(t.Channels), 1))))
	}
	parts = append(parts, el(idCodecPrivate, 4, private))
	return el(idTrackEntry, 4, parts...)
}

// embeddedTags appends one Tags element with a Tag for each pair and sizes of two bytes.
func (b *body) embeddedTags(pairs ...[2]string) {
	var tags []byte
	for _, p := range pairs {
		tags = slices.Concat(tags, tagElement(2, [][2]string{p}))
	}
	b.tags(el(idTags, 2, tags), pairs...)
}

// goHeader writes a header as the Go client does: eight bytes of unknown size for
// the Segment, otherwise the shortest sizes, and elements without content.
func (b *body) goHeader(t track) {
	app := []byte("fixture.Provider")
	t = b.book(t, nil)
	b.header(ebmlHeader("matroska", 2), openSegment(8),
		el(idInfo, shortest,
			el(idTimecodeScale, shortest, num(millisecond, 0)), el(idSegmentUID, shortest, b.filler(16)), el(idSegmentFilename, shortest),
			el(idTitle, shortest, app), el(idMuxingApp, shortest, app), el(idWritingApp, shortest, app)),
		el(idTracks, shortest, el(idTrackEntry, shortest,
			el(idName, shortest, []byte(t.Name)), el(idTrackNumber, shortest, num(uint64(t.Number), 0)),
			el(idTrackUID, shortest, num(t.UID, 0)), el(idCodecID, shortest, []byte(t.CodecID)),
			el(idCodecName, shortest), el(idTrackType, shortest, num(uint64(t.Type), 0)))))
}
