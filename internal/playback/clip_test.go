package playback_test

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/playback"
	"github.com/millrace/millrace/internal/store"
)

func (f *film) clip(t testing.TB, files *playback.Files, from, to time.Duration) (*playback.File, error) {
	t.Helper()
	return files.Clip(t.Context(), playback.ClipRequest{Scope: f.scope(), Clock: store.ProducerClock, From: epoch.Add(from), To: epoch.Add(to)})
}

func mustClip(t testing.TB, f *film, c playback.FilesConfig, from, to time.Duration) *playback.File {
	t.Helper()
	file, err := f.clip(t, f.files(c), from, to)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func TestAClipIsTheWholeFragmentsThatStartInItsRange(t *testing.T) {
	f := newFilm(t)
	f.seconds(avHeader(t), 0, 6)
	for _, tc := range []struct {
		name      string
		from, to  time.Duration
		fragments int
	}{
		{"both ends are in it", time.Second, 3 * time.Second, 3},
		{"a fragment under way at its start is not", 1001 * time.Millisecond, 3 * time.Second, 2},
		{"one that goes on behind its end is", time.Second, 1500 * time.Millisecond, 1},
		{"more than there is", -time.Hour, time.Hour, 6},
	} {
		t.Run(tc.name, func(t *testing.T) {
			clip := mustClip(t, f, playback.FilesConfig{}, tc.from, tc.to)
			if clip.Fragments() != tc.fragments || len(readMP4(t, whole(t, f, clip))["vide"].samples) != 25*tc.fragments {
				t.Errorf("%d fragments, want %d", clip.Fragments(), tc.fragments)
			}
		})
	}
}

func TestTheLimitsOfAClip(t *testing.T) {
	f := newFilm(t)
	f.seconds(avHeader(t), 0, 6)
	one := mustClip(t, f, playback.FilesConfig{}, 0, 0)
	media := int64(0)
	for _, track := range readMP4(t, whole(t, f, one)) {
		for _, s := range track.samples {
			media += int64(len(s.payload))
		}
	}
	for _, tc := range []struct {
		name      string
		limits    playback.ClipLimits
		fragments int
	}{
		{"none", playback.ClipLimits{}, 6},
		{"fragments", playback.ClipLimits{Fragments: 4}, 4},
		{"bytes that suffice", playback.ClipLimits{Bytes: 3 * media}, 3},
		{"a byte less", playback.ClipLimits{Bytes: 3*media - 1}, 2},
		{"fewer bytes than the first has", playback.ClipLimits{Bytes: 1}, 1},
		{"whichever comes first", playback.ClipLimits{Fragments: 2, Bytes: 3 * media}, 2},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if n := mustClip(t, f, playback.FilesConfig{Clip: tc.limits}, 0, time.Hour).Fragments(); n != tc.fragments {
				t.Errorf("%d fragments, want %d", n, tc.fragments)
			}
		})
	}
}

// TestTheLayoutOfAClip: ftyp, moov and mdat in this order, with 32-bit offsets, one
// chunk for each fragment of a track, and the time of the first fragment.
func TestTheLayoutOfAClip(t *testing.T) {
	f := newFilm(t)
	f.seconds(avHeader(t), 0, 3)
	b := whole(t, f, mustClip(t, f, playback.FilesConfig{}, 0, time.Hour))
	var boxes []string
	for at := 0; at < len(b); {
		boxes = append(boxes, string(b[at+4:at+8]))
		at += int(binary.BigEndian.Uint32(b[at:]))
	}
	if got := strings.Join(boxes, " "); got != "ftyp moov mdat" {
		t.Errorf("boxes %s", got)
	}
	if brands := string(b[8:12]) + string(b[16:32]); brands != "isomisomiso2avc1mp41" {
		t.Errorf("brands %s", brands)
	}
	tracks := readMP4(t, b)
	for kind, track := range tracks {
		stbl := track.trak.Mdia.Minf.Stbl
		if stbl.Co64 != nil || len(stbl.Stco.ChunkOffset) != 3 {
			t.Errorf("%s: %d chunks", kind, len(stbl.Stco.ChunkOffset))
		}
		if created := track.trak.Tkhd.CreationTime; created != uint64(epoch.Unix()+2_082_844_800) {
			t.Errorf("%s: made at %d", kind, created)
		}
	}
	if a, v := tracks["soun"].trak.Mdia.Minf.Stbl.Stco.ChunkOffset, tracks["vide"].trak.Mdia.Minf.Stbl.Stco.ChunkOffset; v[0] >= a[0] || a[0] >= v[1] {
		t.Errorf("pictures at %v, sound at %v", v, a)
	}
}

// pictures is a fragment of n pictures every 40 ms, with sound of the same length
// that begins so many milliseconds later.
func (f *film) pictures(header *millrace.Header, after time.Duration, n int, sound int32) {
	var blocks []block
	for i := range n {
		blocks = append(blocks, block{track: 1, time: int32(40 * i), payload: frame(50, byte(i)), key: i == 0, flags: millrace.SampleCleanNAL})
	}
	for i := range n * 40 * 48 / 1024 {
		blocks = append(blocks, block{track: 2, time: sound + int32((i*1024+24)/48), payload: bytes.Repeat([]byte{1}, 20), key: true})
	}
	f.shoot(header, after, blocks...)
}

// TestTheTimelineOfAClip: where fragments go that do not begin where the one before
// ends.
func TestTheTimelineOfAClip(t *testing.T) {
	const ms = 90
	for _, tc := range []struct {
		name   string
		second time.Duration // after the first, which plays for 400 ms
		at     int64         // where its first picture goes, in ms
	}{
		{"one that follows at once", 400 * time.Millisecond, 400},
		{"a gap of 50 ms is in the last picture", 450 * time.Millisecond, 450},
		{"an overlap of 20 ms too", 380 * time.Millisecond, 380},
		{"a longer gap is closed up", 451 * time.Millisecond, 400},
		{"one of hours too", 9 * time.Hour, 400},
		{"behind a longer overlap it goes on at the end", 300 * time.Millisecond, 400},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFilm(t)
			f.pictures(avHeader(t), 0, 10, 15)
			f.pictures(avHeader(t), tc.second, 10, 15)
			clip := mustClip(t, f, playback.FilesConfig{}, 0, 23*time.Hour)
			tracks := readMP4(t, whole(t, f, clip))
			video, audio := tracks["vide"], tracks["soun"]
			if got := video.samples[10].decode; got != tc.at*ms {
				t.Errorf("the second begins at %d ms, want %d", got/ms, tc.at)
			}
			// The sound began 15 ms after the pictures in both fragments.
			first := tracks["soun"].trak.Edts.Elst[0].Entries
			if len(first) != 2 || first[0].MediaTime != -1 || first[0].SegmentDuration != 15*ms {
				t.Fatalf("edits of the sound: %+v", first)
			}
			n := len(audio.samples) / 2
			begin := 15*48 + audio.samples[n].decode
			if want := (tc.at + 15) * 48; begin != want && tc.name != "one that follows at once" {
				t.Errorf("the second's sound begins at tick %d, want %d", begin, want)
			}
			sum := int64(0)
			for i, s := range audio.samples {
				if s.decode != sum || s.duration == 0 {
					t.Fatalf("frame %d of sound at %d lasts for %d", i, s.decode, s.duration)
				}
				sum += int64(s.duration)
			}
		})
	}
}

func TestPicturesOutOfOrderAreShownFromTheBeginning(t *testing.T) {
	f := newFilm(t)
	var blocks []block
	for i, at := range []int32{0, 160, 80, 40, 120, 320, 240, 200, 280} {
		blocks = append(blocks, block{track: 1, time: at, payload: frame(20, byte(i)), key: i == 0, flags: millrace.SampleCleanNAL})
	}
	f.shoot(headerOf(t, part{1, avcID, privateOf(t, "avc-main-crop")}), 0, blocks...)
	video := readMP4(t, whole(t, f, mustClip(t, f, playback.FilesConfig{}, 0, time.Hour)))["vide"]
	delay := video.trak.Edts.Elst[0].Entries[0].MediaTime
	for i, s := range video.samples {
		if s.offset < 0 {
			t.Errorf("picture %d is shown %d ticks before it is decoded", i, -s.offset)
		}
		if shown := s.decode + int64(s.offset) - delay; shown != int64(blocks[i].time)*90 {
			t.Errorf("picture %d is shown at %d, want %d", i, shown, int64(blocks[i].time)*90)
		}
	}
	if delay == 0 {
		t.Error("no delay")
	}
}

// TestWhatCannotBeInAClip: the rows of the tables that are errors for the whole call,
// found out before the first byte.
func TestWhatCannotBeInAClip(t *testing.T) {
	main, other := privateOf(t, "avc-main-crop"), privateOf(t, "avc-gray")
	h264 := part{1, avcID, main}
	for _, tc := range []struct {
		name          string
		first, second []part
		strict, loose millrace.Code // 0: it can
	}{
		{"H.264 and A-law", []part{h264, {2, waveID, alaw}}, nil, 0, 0},
		{"H.264 and µ-law", []part{h264, {2, waveID, mulaw}}, nil, millrace.CodeUnsupportedMedia, 0},
		{"sound alone", []part{{1, "A_AAC", aacLC}}, nil, millrace.CodeUnsupportedMedia, 0},
		{"other codec private data", []part{h264}, []part{{1, avcID, other}}, millrace.CodeInvalidPrivateData, 0},
		{"another codec", []part{h264}, []part{{1, hevcID, privateOf(t, "hevc-crop-hrd")}}, millrace.CodeUnsupportedMedia, 0},
		{"a track that comes", []part{h264}, []part{h264, {2, "A_AAC", aacLC}}, millrace.CodeUnsupportedMedia, 0},
		{"a track that goes", []part{h264, {2, "A_AAC", aacLC}}, []part{h264}, millrace.CodeUnsupportedMedia, 0},
		{"no codec private data", []part{{1, avcID, ""}}, nil, millrace.CodeMissingPrivateData, millrace.CodeMissingPrivateData},
		{"start codes instead of codec private data", []part{{1, avcID, "00000001" + main[20:]}}, nil, millrace.CodeInvalidPrivateData, millrace.CodeInvalidPrivateData},
		{"a codec that MP4 does not have", []part{{1, "V_MJPEG", ""}}, nil, millrace.CodeUnsupportedMedia, millrace.CodeUnsupportedMedia},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFilm(t)
			for i, parts := range [][]part{tc.first, tc.second} {
				if parts == nil {
					continue
				}
				var blocks []block
				for _, p := range parts {
					blocks = append(blocks, block{track: uint64(p.number), payload: frame(30, 1), key: true, flags: millrace.SampleCleanNAL})
				}
				f.shoot(headerOf(t, parts...), time.Duration(i)*time.Second, blocks...)
			}
			for strict, want := range map[bool]millrace.Code{true: tc.strict, false: tc.loose} {
				clip, err := f.clip(t, f.files(playback.FilesConfig{Rules: playback.Rules{Strict: strict}}), 0, time.Hour)
				if (err == nil) != (want == 0) || err != nil && millrace.CodeOf(err) != want {
					t.Errorf("strict %t: %v, want code %d", strict, err, want)
				}
				if err == nil {
					whole(t, f, clip)
				}
			}
		})
	}
}

func TestAFrameThatIsNone(t *testing.T) {
	header := headerOf(t, part{1, avcID, privateOf(t, "avc-main-crop")})
	for name, bad := range map[string]block{
		"an empty one": {track: 1, time: 40},
		"one whose units are not what their lengths say": {track: 1, time: 40, payload: []byte{0, 0, 0, 9, 1}},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFilm(t)
			f.shoot(header, 0, block{track: 1, payload: frame(9, 1), key: true, flags: millrace.SampleCleanNAL}, bad)
			if _, err := f.clip(t, f.files(playback.FilesConfig{}), 0, time.Hour); millrace.CodeOf(err) != millrace.CodeInvalidFrame {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestAClipOfNothing(t *testing.T) {
	f := newFilm(t)
	_, err := f.clip(t, f.files(playback.FilesConfig{}), 0, time.Hour)
	if millrace.CodeOf(err) != millrace.CodeNotFound || err.Error() != "No fragments found in the stream for the streaming request." {
		t.Errorf("%v", err)
	}
}

func TestTheRangeOfAClip(t *testing.T) {
	now := epoch.Add(24 * time.Hour)
	since := epoch
	for _, tc := range []struct {
		name          string
		clock         store.Clock
		from, to      time.Duration // after epoch
		strict, loose bool          // it is refused
	}{
		{"some hours", store.ProducerClock, 0, 5 * time.Hour, false, false},
		{"a day", store.ProducerClock, 0, 24 * time.Hour, false, false},
		{"more than a day", store.ProducerClock, 0, 24*time.Hour + time.Millisecond, true, true},
		{"nothing", store.ProducerClock, 1, 1, true, true},
		{"a reversed one", store.ProducerClock, 2, 1, true, true},
		{"the producer's future", store.ProducerClock, 23 * time.Hour, 25 * time.Hour, false, false},
		{"the server's future", store.ServerClock, 23 * time.Hour, 25 * time.Hour, true, true},
		{"from before what is kept, by the server's clock", store.ServerClock, -time.Hour, time.Hour, true, false},
		{"from before what is kept, by the producer's clock", store.ProducerClock, -time.Hour, time.Hour, false, false},
		{"all before what is kept", store.ServerClock, -2 * time.Hour, -time.Hour, true, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := playback.ClipRequest{Clock: tc.clock, From: epoch.Add(tc.from), To: epoch.Add(tc.to)}
			for strict, want := range map[bool]bool{true: tc.strict, false: tc.loose} {
				err := r.CheckClip(since, now, strict)
				if (err != nil) != want || err != nil && millrace.CodeOf(err) != millrace.CodeInvalidArgument {
					t.Errorf("strict %t: %v", strict, err)
				}
			}
		})
	}
}
