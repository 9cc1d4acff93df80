package main

import (
	"fmt"
	"slices"
)

// The fixtures in this file are shaped like files that programs remuxed for
// clients which send whole files: sizes are known, and there is more than media.

// fileTrack returns a TrackEntry as muxers of files write it.
func (b *body) fileTrack(t track, private []byte) []byte {
	t = b.book(t, private)
	parts := [][]byte{
		el(idTrackNumber, shortest, num(uint64(t.Number), 0)), el(idTrackUID, shortest, num(t.UID, 0)),
		el(idFlagLacing, shortest, []byte{0}), el(idLanguage, shortest, []byte("und")),
		el(idCodecID, shortest, []byte(t.CodecID)), el(idTrackType, shortest, num(uint64(t.Type), 0)),
		el(idName, shortest, []byte(t.Name)),
	}
	if t.Width > 0 {
		parts = append(parts, el(idDefaultDuration, shortest, num(40*millisecond, 0)),
			el(idVideo, shortest, el(idPixelWidth, shortest, num(uint64(t.Width), 0)), el(idPixelHeight, shortest, num(uint64(t.Height), 0))))
	}
	if t.Rate > 0 {
		parts = append(parts, el(idAudio, shortest, el(idSamplingFrequency, shortest, float(t.Rate)), el(idChannels, shortest, num(uint64(t.Channels), 0))))
	}
	if private != nil {
		parts = append(parts, el(idCodecPrivate, shortest, private))
	}
	return el(idTrackEntry, shortest, parts...)
}

// seekHead returns a SeekHead of fixed length for the given positions.
func seekHead(positions map[uint32]int) []byte {
	var seeks []byte
	for _, id := range []uint32{idInfo, idTracks, idTags, idCues} {
		seeks = append(seeks, el(idSeek, 1, el(idSeekID, 1, idBytes(id)), el(idSeekPosition, 1, num(uint64(positions[id]), 8)))...)
	}
	return el(idSeekHead, 1, checked(seeks))
}

func fileInfo(duration float64) []byte {
	return el(idInfo, 8, checked(
		el(idTimecodeScale, shortest, num(millisecond, 0)), el(idMuxingApp, shortest, []byte("Fixture")),
		el(idWritingApp, shortest, []byte("Fixture")), el(idDuration, shortest, float(duration))))
}

// fileTags returns Tags about a track, as muxers of files add them.
func fileTags(pair [2]string) []byte {
	simple := el(idSimpleTag, shortest, el(idTagName, shortest, []byte(pair[0])), el(idTagString, shortest, []byte(pair[1])))
	targets := el(idTargets, shortest, el(0x63c5, shortest, []byte{1}))
	return el(idTags, shortest, checked(el(idTag, shortest, targets, simple)))
}

// cues returns Cues that point at all Clusters written so far.
func (b *body) cues(segment int) []byte {
	var points []byte
	for _, f := range b.sum.Fragments {
		points = append(points, el(idCuePoint, shortest, el(idCueTime, shortest, num(f.Timecode, 0)),
			el(idCueTrackPositions, shortest, el(idCueTrack, shortest, []byte{1}), el(idCueClusterPosition, shortest, num(uint64(f.Offset-segment), 0))))...)
	}
	return el(idCues, shortest, checked(points))
}

// knownSizesFFmpeg has SeekHead, Void and a checksum in every master; Tags stand
// before the first Cluster, Cues behind the last; one block of each fragment is a
// group with a duration and a reference.
func knownSizesFFmpeg(b *body) {
	t := b.fileTrack(video(1, avcID), privateAVC())
	info, tracks := fileInfo(1500), el(idTracks, 8, checked(t))
	pair := [2]string{"DURATION", "00:00:01.500000000"}
	tags, gap := fileTags(pair), el(idVoid, 1, make([]byte, 40))
	ebml := ebmlHeader("matroska", 4)
	segment := len(ebml) + 4 + 8 // where positions count from
	place := map[uint32]int{idInfo: len(seekHead(nil)) + len(gap)}
	place[idTracks] = place[idInfo] + len(info)
	place[idTags] = place[idTracks] + len(tracks)
	b.header(ebml, idBytes(idSegment), sizeField(0, 8), seekHead(nil), gap, info, tracks)
	b.tags(tags, pair)
	for i := range 3 {
		b.add(b.checkedCluster(500*uint64(i), 12))
	}
	place[idCues] = len(b.bytes) - segment
	b.raw(b.cues(segment))
	copy(b.bytes[segment-8:], sizeField(uint64(len(b.bytes)-segment), 8))
	copy(b.bytes[segment:], seekHead(place))
}

// checkedCluster returns a Cluster of known size with a CRC-32.
func (b *body) checkedCluster(timecode uint64, frames int) *cluster {
	c := newCluster(timecode, nil)
	for i := range frames {
		f := frame{track: 1, rel: 40 * i, key: i == 0, payload: b.avc(i == 0, size(i))}
		if i == frames-1 {
			c.group(f, 60, -40)
			continue
		}
		c.simple(shortest, f)
	}
	content := checked(el(idTimecode, shortest, num(timecode, 0)), c.content)
	c.content, c.size = content, sizeField(uint64(len(content)), 8)
	return c
}

// knownSizesMKVMerge has Clusters with sizes of two and three bytes, Void and
// PrevSize among the blocks, Cues before Tags at the end, sound in the second track.
func knownSizesMKVMerge(b *body) {
	picture, voice := b.fileTrack(video(1, avcID), privateAVC()), b.fileTrack(sound(2, aacID, 48000, 2), unhex("1190"))
	ebml := ebmlHeader("matroska", 4)
	segment := len(ebml) + 4 + 8
	b.header(ebml, idBytes(idSegment), sizeField(0, 8), seekHead(nil), el(idVoid, 2, make([]byte, 100)),
		fileInfo(1800), el(idVoid, 1, make([]byte, 5)), el(idTracks, 2, picture, voice), el(idVoid, 8, make([]byte, 12)))
	previous := 0
	for i := range 3 {
		c := newCluster(600*uint64(i), nil, el(idTimecode, shortest, num(600*uint64(i), 0)), el(idPrevSize, shortest, num(uint64(previous), 0)))
		for k := range 15 {
			c.simple(shortest, frame{track: 1, rel: 40 * k, key: k == 0, payload: b.avc(k == 0, size(k))})
			c.simple(shortest, frame{track: 2, rel: 40 * k, payload: b.filler(9)})
			if k == 7 {
				c.raw(el(idVoid, 1, make([]byte, 9)))
			}
		}
		c.size = sizeField(uint64(len(c.lead)+len(c.content)), 2+i%2)
		before := len(b.bytes)
		b.add(c)
		previous = len(b.bytes) - before
	}
	b.raw(b.cues(segment))
	pair := [2]string{"BPS", "200000"}
	b.tags(fileTags(pair), pair)
	copy(b.bytes[segment-8:], sizeField(uint64(len(b.bytes)-segment), 8))
}

// sizeWidths has unknown sizes of every width from one byte to eight, for the
// Segment two, and blocks whose sizes have every width.
func sizeWidths(b *body) {
	t := b.fileTrack(video(1, avcID), privateAVC())
	b.header(ebmlHeader("matroska", 2), openSegment(2), el(idInfo, 3, el(idTimecodeScale, 5, num(millisecond, 3))), el(idTracks, 6, t))
	for width := 1; width <= 8; width++ {
		timecode := epoch + 400*uint64(width-1)
		c := newCluster(timecode, unknownSize(width), el(idTimecode, width, num(timecode, 8)))
		for i := range 8 {
			w := 1 + (width+i)%8
			if i == 0 {
				w = max(w, 2) // a key frame is too large for one byte
			}
			c.simple(w, frame{track: 1, rel: 40 * i, key: i == 0, payload: b.avc(i == 0, size(i))})
		}
		b.add(c)
		pair := [2]string{"width", fmt.Sprint(width)}
		b.tags(tagsElement(width, [][2]string{pair}), pair)
	}
}

// threeTracksWebM is a WebM document with two tracks of sound, one of which
// rests in the second half of each fragment, and no codec private data but one.
func threeTracksWebM(b *body) {
	picture, voice, noise := video(1, "V_VP8"), sound(2, "A_OPUS", 48000, 1), sound(3, "A_PCM/INT/LIT", 8000, 1)
	entries := slices.Concat(b.fileTrack(picture, nil),
		b.fileTrack(voice, append([]byte("OpusHead"), unhex("0101380180bb0000000000")...)), b.fileTrack(noise, nil))
	b.header(ebmlHeader("webm", 4), openSegment(8), el(idInfo, shortest, el(idTimecodeScale, shortest, num(millisecond, 0))), el(idTracks, shortest, entries))
	for i := range 2 {
		timecode := epoch + 500*uint64(i)
		c := newCluster(timecode, unknownSize(8), el(idTimecode, shortest, num(timecode, 0)))
		for k := range 12 {
			key := byte(1)
			if k == 0 {
				key = 0
			}
			c.simple(shortest, frame{track: 1, rel: 40 * k, key: k == 0, payload: append([]byte{key}, b.filler(size(k))...)})
			c.simple(shortest, frame{track: 2, rel: 40*k + 20, payload: b.filler(8)})
			if k < 6 {
				c.simple(shortest, frame{track: 3, rel: 40*k + 20, payload: b.filler(32)})
			}
		}
		b.add(c)
	}
}
