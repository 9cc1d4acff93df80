package playback_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/Eyevinn/mp4ff/mp4"
	"pgregory.net/rapid"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/playback"
	"github.com/millrace/millrace/internal/store"
)

// open asks for a range, so long after the epoch.
func open(t fataler, f *film, files *playback.Files, from, to time.Duration, r playback.FileRequest) *playback.File {
	t.Helper()
	r.Scope, r.Clock, r.From, r.To = f.scope(), store.ProducerClock, epoch.Add(from), epoch.Add(to)
	file, err := files.Open(f.t.Context(), r)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	return file
}

type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
	Errorf(format string, args ...any)
}

// whole reads a file at once.
func whole(t fataler, f *film, file *playback.File) []byte {
	t.Helper()
	var b bytes.Buffer
	n, err := file.Cursor().WriteTo(f.t.Context(), &b, 0, file.Size())
	if err != nil || n != file.Size() {
		t.Fatalf("wrote %d of %d: %v", n, file.Size(), err)
	}
	return b.Bytes()
}

// A shown is a sample as a file says it, in ticks of the track.
type shown struct {
	decode   int64
	duration uint32
	offset   int32
	key      bool
	entry    uint32
	payload  []byte
}

// An mp4Track is a track that was read back.
type mp4Track struct {
	trak    *mp4.TrakBox
	samples []shown
}

// readMP4 reads a file with another program.
func readMP4(t fataler, b []byte) map[string]*mp4Track {
	t.Helper()
	file, err := mp4.DecodeFile(bytes.NewReader(b))
	if err != nil {
		t.Fatalf("read back: %v", err)
	}
	tracks := map[string]*mp4Track{}
	for _, trak := range file.Moov.Traks {
		x := &mp4Track{trak: trak}
		tracks[trak.Mdia.Hdlr.HandlerType] = x
		s := trak.Mdia.Minf.Stbl
		for nr := uint32(1); nr <= s.Stsz.SampleNumber; nr++ {
			at, duration := s.Stts.GetDecodeTime(nr)
			one := shown{decode: int64(at), duration: duration, key: s.Stss == nil || s.Stss.IsSyncSample(nr)}
			if s.Ctts != nil {
				one.offset = s.Ctts.GetCompositionTimeOffset(nr)
			}
			chunk, first, err := s.Stsc.ChunkNrFromSampleNr(int(nr))
			if err != nil {
				t.Fatalf("sample %d: %v", nr, err)
			}
			one.entry = s.Stsc.GetSampleDescriptionID(chunk)
			var place uint64
			if s.Co64 != nil {
				place = s.Co64.ChunkOffset[chunk-1]
			} else {
				place = uint64(s.Stco.ChunkOffset[chunk-1])
			}
			for k := first; k < int(nr); k++ {
				place += uint64(s.Stsz.GetSampleSize(k))
			}
			one.payload = b[place : place+uint64(s.Stsz.GetSampleSize(int(nr)))]
			x.samples = append(x.samples, one)
		}
	}
	return tracks
}

func TestARangeAsOneMP4(t *testing.T) {
	f := newFilm(t)
	f.seconds(avHeader(t), 0, 5)
	file := open(t, f, f.files(playback.FilesConfig{}), 0, 5*time.Second, playback.FileRequest{})
	b := whole(t, f, file)
	tracks := readMP4(t, b)
	video, audio := tracks["vide"], tracks["soun"]
	if len(video.samples) != 125 || len(audio.samples) != 5*47 {
		t.Fatalf("%d pictures and %d frames of sound", len(video.samples), len(audio.samples))
	}
	for i, s := range video.samples {
		want := frame(200+i%25, byte(i%25))
		if s.decode != int64(i)*3600 || s.duration != 3600 || s.offset != 0 || s.key != (i%25 == 0) || !bytes.Equal(s.payload, want) {
			t.Fatalf("picture %d: %+v", i, s)
		}
	}
	if e := video.trak.Edts.Elst[0].Entries; len(e) != 1 || e[0].MediaTime != 0 || e[0].SegmentDuration != 5*90000 {
		t.Errorf("edits %+v", e)
	}
	if file.Length() != 5*time.Second || file.Fragments() != 5 {
		t.Errorf("plays for %v of %d fragments", file.Length(), file.Fragments())
	}
}

// TestWhatTheLayoutSaysIsWhatIsWritten: for any fragments, in both formats, the
// length is the file's, every part of it equals that of the whole, and another
// program reads back what was sent.
func TestWhatTheLayoutSaysIsWhatIsWritten(t *testing.T) {
	headers := []*millrace.Header{
		avHeader(t),
		headerOf(t, part{1, avcID, privateOf(t, "avc-gray")}, part{2, "A_AAC", "1210"}),
		headerOf(t, part{3, "A_AAC", "1190"}, part{1, avcID, privateOf(t, "avc-main-crop")}),
		headerOf(t, part{1, avcID, privateOf(t, "avc-main-crop")}),
	}
	rapid.Check(t, func(r *rapid.T) {
		f := newFilm(t)
		defer func() { _ = f.store.Close() }()
		format := playback.FileFormat(rapid.IntRange(0, 1).Draw(r, "format"))
		at := time.Duration(0)
		header := headers[rapid.IntRange(0, 3).Draw(r, "header")]
		for range rapid.IntRange(1, 6).Draw(r, "fragments") {
			if format == playback.FileMP4 && rapid.IntRange(0, 4).Draw(r, "change") == 0 {
				header = headers[rapid.IntRange(0, 3).Draw(r, "header")]
			}
			drawFragment(r, f, header, at)
			at += time.Duration(rapid.IntRange(1, 3000).Draw(r, "step")) * time.Millisecond
		}
		cut := playback.Cut(rapid.IntRange(0, 1).Draw(r, "cut"))
		if format == playback.FileMKV {
			cut = playback.CutFragment
		}
		from := time.Duration(rapid.IntRange(0, int(at/time.Millisecond)-1).Draw(r, "from")) * time.Millisecond
		e, err := f.store.AtProducerTime(t.Context(), f.scope(), epoch.Add(from))
		if err != nil || !e.ProducerTime.Before(epoch.Add(at)) {
			r.Skip("nothing there")
		}
		file := open(r, f, f.files(playback.FilesConfig{}), from, at, playback.FileRequest{Format: format, Cut: cut})
		b := whole(r, f, file)
		c := file.Cursor()
		for range 20 {
			first := rapid.Int64Range(0, file.Size()-1).Draw(r, "first")
			n := rapid.Int64Range(1, file.Size()-first).Draw(r, "length")
			var got bytes.Buffer
			if _, err := c.WriteTo(t.Context(), &got, first, n); err != nil {
				r.Fatalf("bytes from %d for %d: %v", first, n, err)
			}
			if !bytes.Equal(got.Bytes(), b[first:first+n]) {
				r.Fatalf("bytes from %d for %d differ from the whole", first, n)
			}
			p := make([]byte, n)
			if _, err := c.ReadAt(t.Context(), p, first); err != nil || !bytes.Equal(p, b[first:first+n]) {
				r.Fatalf("bytes read from %d for %d differ from the whole: %v", first, n, err)
			}
		}
		if format == playback.FileMP4 {
			checkMP4(r, f, e, file, b)
		} else {
			checkMKV(r, f, e, file, b)
		}
	})
}

// drawFragment makes a fragment of pictures out of order, with sound now and then.
func drawFragment(r *rapid.T, f *film, header *millrace.Header, at time.Duration) {
	format, err := timelineOf(header)
	if err != nil {
		r.Fatalf("%v", err)
	}
	var blocks []block
	order := []int32{0, 3, 1, 2}
	ordered := rapid.Bool().Draw(r, "in order")
	for i := range rapid.IntRange(1, 9).Draw(r, "frames") {
		time := int32(i * 40)
		if !ordered {
			time = (int32(i/4*4) + order[i%4]) * 40
		}
		time += rapid.Int32Range(-1, 1).Draw(r, "jitter")
		for k := range format.Tracks {
			n := uint64(format.Tracks[k].Media.Number)
			if n != 1 && rapid.IntRange(0, 3).Draw(r, "silent") == 0 {
				continue
			}
			b := block{track: n, time: time, payload: frame(300, byte(i))[:rapid.IntRange(1, 300).Draw(r, "size")], key: i == 0 || n != 1}
			if n == 1 {
				b.flags = millrace.SampleCleanNAL
			}
			blocks = append(blocks, b)
		}
	}
	x := f.shoot(header, at, blocks...)
	_ = x
}

// checkMP4 compares what is in a file with the fragments it was made of.
func checkMP4(t fataler, f *film, first store.Entry, file *playback.File, b []byte) {
	t.Helper()
	want := map[string][][]byte{}
	n := 0
	for _, x := range f.made {
		if x.ProducerTime.Before(first.ProducerTime) {
			continue
		}
		n++
		format, err := timelineOf(x.Header)
		if err != nil {
			t.Fatalf("%v", err)
		}
		for i := range x.Samples {
			s := &x.Samples[i]
			kind := "vide"
			if format.Find(mediaNumber(s.Track)).Media.Type != 1 {
				kind = "soun"
			}
			want[kind] = append(want[kind], x.Cluster[0][s.Offset:s.Offset+s.Size])
		}
	}
	if n != file.Fragments() {
		t.Fatalf("%d fragments, want %d", file.Fragments(), n)
	}
	tracks := readMP4(t, b)
	for kind, payloads := range want {
		track := tracks[kind]
		if track == nil || len(track.samples) != len(payloads) {
			t.Fatalf("%s: %+v, want %d samples", kind, track, len(payloads))
		}
		for i, p := range payloads {
			s := track.samples[i]
			if !bytes.Equal(s.payload, p) {
				t.Fatalf("%s: sample %d differs", kind, i)
			}
			if s.duration == 0 || s.offset < 0 {
				t.Fatalf("%s: sample %d lasts for %d and is shown %d later", kind, i, s.duration, s.offset)
			}
			if i > 0 && s.decode <= track.samples[i-1].decode {
				t.Fatalf("%s: sample %d is decoded at %d, the one before at %d", kind, i, s.decode, track.samples[i-1].decode)
			}
		}
		if !track.samples[0].key {
			t.Fatalf("%s: the first sample is no key", kind)
		}
	}
}

// TestAnExactCutBeginsWithAPicture: the first at or behind the beginning of the range.
func TestAnExactCutBeginsWithAPicture(t *testing.T) {
	f := newFilm(t)
	f.seconds(avHeader(t), 0, 2)
	files := f.files(playback.FilesConfig{})
	for _, tc := range []struct {
		name         string
		from, to     time.Duration
		begins, ends int64 // in ms of the file
	}{
		{"at a picture", 80 * time.Millisecond, time.Second, 80, 1000},
		{"behind one", 81 * time.Millisecond, time.Second, 120, 1000},
		{"behind the last of a fragment", 970 * time.Millisecond, 1500 * time.Millisecond, 1000, 1500},
		{"before all", -time.Second, 500 * time.Millisecond, 0, 500},
		{"behind all", 0, time.Hour, 0, 2000},
	} {
		t.Run(tc.name, func(t *testing.T) {
			e := readMP4(t, whole(t, f, open(t, f, files, tc.from, tc.to, playback.FileRequest{})))["vide"].trak.Edts.Elst[0].Entries
			if len(e) != 1 || e[0].MediaTime != tc.begins*90 || e[0].SegmentDuration != uint64(tc.ends-tc.begins)*90 {
				t.Errorf("%+v, want from %d to %d ms", e, tc.begins, tc.ends)
			}
		})
	}
}
