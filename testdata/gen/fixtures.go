package main

import (
	"fmt"
	"slices"
	"strconv"
)

// fixtures returns all fixtures. testdata/README.md says what each is for.
func fixtures() []fixture {
	return []fixture{
		{"metadata-eofr", head{client: cClient, start: "1795365000.3"}, metadataEOFR},
		{"persistent-tags-1", head{client: cClient, start: "1795365000.624"}, persistentTags1},
		{"persistent-tags-2", head{client: cClient, start: "1795365004.24"}, persistentTags2},
		{"events", head{client: cClient, start: "1795365000.510"}, events},
		{"relative-avc-aac", head{client: cClient, relative: true, start: "1795365000.52"}, relativeAVCAAC},
		{"relative-hevc-alaw", head{client: cClient, relative: true, start: "1795365000.952"}, relativeHEVCALaw},
		{"relative-audio-only", head{client: cClient, relative: true, start: "1795365000.22"}, relativeAudioOnly},
		{"relative-no-acks", head{client: cClient, relative: true, start: "1795365000.360", noAcks: true}, relativeNoAcks},
		{"offline-burst", head{client: cClient, start: "1795365020.0"}, offlineBurst},
		{"b-frames-aac", head{client: cClient, start: "1795365000.39"}, bFramesAAC},
		{"annexb-hevc-mulaw", head{client: cClient, start: "1795365000.100"}, annexBHEVCMuLaw},
		{"old-client", head{client: cClient, start: "1795365000.100"}, oldClient},
		{"padded-names", head{client: embeddedClient, start: "1795365000.653"}, paddedNames},
		{"cut-in-a-block", head{client: embeddedClient, start: "1795365000.653"}, cutInABlock},
		{"one-fragment-call", head{client: goClient, relative: true, start: "1795365000.650"}, oneFragmentCall},
		{"known-sizes-ffmpeg", head{client: goClient, relative: true, start: "1795365000"}, knownSizesFFmpeg},
		{"known-sizes-mkvmerge", head{client: goClient, relative: true, start: "1795365000"}, knownSizesMKVMerge},
		{"size-widths", head{client: goClient, start: "0"}, sizeWidths},
		{"three-tracks-webm", head{client: goClient, start: "0"}, threeTracksWebM},
	}
}

// avcFragment adds a Cluster as the C client writes it, with frames 40 ms apart.
func (b *body) avcFragment(timecode uint64, frames int) {
	c := cCluster(timecode)
	for i := range frames {
		c.simple(8, frame{track: 1, rel: 40 * i, key: i == 0, payload: b.avc(i == 0, size(i))})
	}
	b.add(c)
}

// size returns how large frame i of a fragment is: the key frame is the largest.
func size(i int) int {
	if i == 0 {
		return 300
	}
	return 24 + 7*i%29
}

func metadataEOFR(b *body) {
	b.cHeader(b.cTrack(video(1, avcID), privateAVC()))
	for i := range 3 {
		b.avcFragment(epoch+299+600*uint64(i), 15)
		var pairs [][2]string
		for k := range 9 {
			pairs = append(pairs, [2]string{fmt.Sprintf("TEST_KEY_%d", k+1), fmt.Sprintf("TEST_VALUE_%d", 15*i+k+1)})
		}
		b.cTags(pairs...)
		b.endOfFragment()
	}
}

// persistent tags are repeated by the client: behind the end-of-fragment tag in
// a running call, and before the first Cluster of the next one.
func persistentTags1(b *body) {
	b.cHeader(b.cTrack(video(1, hevcID), privateHEVC()))
	for i := range 4 {
		b.hevcFragment(epoch+600+600*uint64(i), 12)
		persistent := [2]string{"PERSISTENT", strconv.Itoa(i)}
		b.cTags(persistent, [2]string{"ONCE", strconv.Itoa(i)})
		b.endOfFragment()
		if i < 3 {
			b.cTags(persistent)
		}
	}
}

func persistentTags2(b *body) {
	b.cHeader(b.cTrack(video(1, hevcID), privateHEVC()))
	b.cTags([2]string{"PERSISTENT", "3"})
	for i := range 2 {
		b.hevcFragment(epoch+4000+600*uint64(i), 12)
		b.cTags([2]string{"PERSISTENT", strconv.Itoa(4 + i)}, [2]string{"ONCE", strconv.Itoa(4 + i)})
		b.endOfFragment()
	}
}

func (b *body) hevcFragment(timecode uint64, frames int) {
	c := cCluster(timecode)
	for i := range frames {
		c.simple(8, frame{track: 1, rel: 40 * i, key: i == 0, payload: b.hevc(lengthPrefixed, i == 0, size(i))})
	}
	b.add(c)
}

// event tags have empty values. With pairs of the application's they share a Tag.
func events(b *body) {
	b.cHeader(b.cTrack(video(1, avcID), privateAVC()))
	notification, image := [2]string{"AWS_KINESISVIDEO_NOTIFICATION", ""}, [2]string{"AWS_KINESISVIDEO_IMAGE_GENERATION", ""}
	b.avcFragment(epoch+510, 10)
	b.cTags(notification, image)
	b.avcFragment(epoch+910, 10)
	pairs := [][2]string{image, {"AWS_KINESISVIDEO_IMAGE_PREFIX", "door/"}, {"camera", "7"}}
	b.tags(tagsElement(8, pairs), pairs...)
	b.avcFragment(epoch+1310, 10)
	b.endOfFragment()
}

func relativeAVCAAC(b *body) {
	b.cHeader(b.cTrack(video(1, avcID), privateAVC()), b.cTrack(sound(2, aacID, 48000, 2), unhex("1190")))
	for i := range 3 {
		b.soundAndPicture(600*uint64(i), 15, 28, func(key bool, n int) []byte { return b.avc(key, n) })
	}
	b.endOfFragment()
}

// soundAndPicture adds a Cluster whose two tracks are interleaved by time; sound
// frames lie 21 and 22 ms apart.
func (b *body) soundAndPicture(timecode uint64, pictures, sounds int, picture func(key bool, n int) []byte) {
	var frames []frame
	for i := range pictures {
		frames = append(frames, frame{track: 1, rel: 40 * i, key: i == 0, payload: picture(i == 0, size(i))})
	}
	for i := range sounds {
		frames = append(frames, frame{track: 2, rel: i * 64 / 3, payload: b.filler(6 + i%5)})
	}
	slices.SortStableFunc(frames, func(a, b frame) int { return a.rel - b.rel })
	c := cCluster(timecode)
	for _, f := range frames {
		c.simple(8, f)
	}
	b.add(c)
}

func relativeHEVCALaw(b *body) {
	b.cHeader(b.cTrack(video(1, hevcID), privateHEVC()), b.cTrack(sound(2, acmID, 8000, 1), wave(6)))
	for i := range 2 {
		b.soundAndPicture(600*uint64(i), 15, 28, func(key bool, n int) []byte { return b.hevc(lengthPrefixed, key, n) })
	}
	b.endOfFragment()
}

func relativeAudioOnly(b *body) {
	b.cHeader(b.cTrack(sound(1, aacID, 48000, 2), unhex("1190")))
	for i := range 3 {
		c := cCluster(2000 * uint64(i))
		for k := range 100 - 40*(i/2) {
			c.simple(8, frame{track: 1, rel: 20 * k, key: k == 0, payload: b.filler(5 + k%7)})
		}
		b.add(c)
	}
	b.endOfFragment()
}

func relativeNoAcks(b *body) {
	b.cHeader(b.cTrack(video(1, avcID), privateAVC()))
	for i := range 3 {
		b.avcFragment(1000*uint64(i), 25)
	}
	b.endOfFragment()
}

func offlineBurst(b *body) {
	b.cHeader(b.cTrack(video(1, hevcID), privateHEVC()))
	for i := range 12 {
		b.hevcFragment(epoch+1000*uint64(i), 5)
	}
	b.endOfFragment()
}

// bFramesAAC has pictures in decoding order. In the last fragment a picture is
// shown before the Cluster's own time.
func bFramesAAC(b *body) {
	b.cHeader(b.cTrack(video(1, avcID), privateAVC()), b.cTrack(sound(2, aacID, 44100, 1), unhex("120856e500")))
	for i := range 3 {
		c := cCluster(epoch + 19_000 + 520*uint64(i))
		times := []int{0, 120, 40, 80, 240, 160, 200, 360, 280, 320, 480, 400, 440}
		if i == 2 {
			times = []int{40, 0, -40, 160, 80, 120}
		}
		for k, rel := range times {
			c.simple(8, frame{track: 1, rel: rel, key: k == 0, payload: b.avc(k == 0, size(k))})
			c.simple(8, frame{track: 2, rel: 40*k + 11, payload: b.filler(7)})
		}
		b.add(c)
	}
	b.endOfFragment()
}

// annexBHEVCMuLaw has no codec private data for its pictures, no size of them,
// and start codes in the frames.
func annexBHEVCMuLaw(b *body) {
	picture := video(1, hevcID)
	picture.Width, picture.Height = 0, 0
	b.cHeader(b.cTrack(picture, nil), b.cTrack(sound(2, acmID, 8000, 1), wave(7)))
	for i := range 2 {
		b.soundAndPicture(epoch+600*uint64(i), 15, 28, func(key bool, n int) []byte { return b.hevc(annexB, key, n) })
	}
	b.endOfFragment()
}

// oldClient has a DocType of nine bytes and a CodecID of thirty-two, and an
// unknown size of eight bytes for the Segment.
func oldClient(b *body) {
	t := video(1, string(padded(avcID, 32)))
	t.Name = string(padded("kinesis_video", 32))
	entry := b.cTrack(t, privateAVC())
	b.header(ebmlHeader("matroska\x00", 2), openSegment(8),
		el(idInfo, 8, el(idTimecodeScale, 8, num(millisecond, 8)), el(idMuxingApp, 8, []byte("Fixture")), el(idWritingApp, 8, []byte("Fixture"))),
		el(idTracks, 8, entry))
	for i := range 2 {
		b.avcFragment(epoch+1000*uint64(i), 10)
	}
}

func paddedNames(b *body) {
	picture, voice := video(1, avcID), sound(2, aacID, 8000, 1)
	picture.Name, voice.Name = "video track", "audio track"
	b.embeddedHeader(b.embeddedTrack(picture, privateAVC()), b.embeddedTrack(voice, unhex("1588")))
	for i := range 3 {
		b.soundAndPicture(epoch+465+600*uint64(i), 15, 28, func(key bool, n int) []byte { return b.avc(key, n) })
		if i == 2 {
			break // the connection ends before the tags of the last fragment
		}
		var pairs [][2]string
		for k := range 9 {
			pairs = append(pairs, [2]string{fmt.Sprintf("test_key_%d", k+1), fmt.Sprintf("test_value_%d", k+1)})
		}
		b.embeddedTags(pairs...)
	}
	b.sum.CleanEnd = false
}

// cutInABlock ends with the first bytes of a block.
func cutInABlock(b *body) {
	picture := video(1, avcID)
	picture.Name = "video track"
	b.embeddedHeader(b.embeddedTrack(picture, privateAVC()))
	for i := range 2 {
		b.avcFragment(epoch+400*uint64(i), 10)
	}
	rest := el(idSimpleBlock, 8, frame{track: 1, rel: 400, payload: b.avc(false, 80)}.block(0))[:50]
	b.raw(rest)
	b.sum.TrailingBytes, b.sum.CleanEnd = len(rest), false
}

// oneFragmentCall is what the Go client sends in one call.
func oneFragmentCall(b *body) {
	b.goHeader(track{Number: 1, UID: 123, Type: 1, Name: "test_track", CodecID: "X_TEST"})
	c := newCluster(0, unknownSize(8), el(idTimecode, shortest, num(0, 0)))
	for i := range 60 {
		c.simple(shortest, frame{track: 1, rel: 101 * i, key: true, payload: fmt.Appendf(nil, "frame %06d", i)})
	}
	b.add(c)
	pairs := [][2]string{{"GO_TAG", "1795365000"}, {"GO_TAG2", "x"}}
	b.tags(tagsElement(shortest, pairs), pairs...)
}
