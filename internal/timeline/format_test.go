package timeline_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/timeline"
	"github.com/millrace/millrace/media"
	"github.com/millrace/millrace/mkv"
)

// header is an EBML header, a Segment's head and Tracks.
func header(t *testing.T, tracks ...mkv.Track) *millrace.Header {
	t.Helper()
	b := mkv.AppendEBML(nil, mkv.EBML{DocType: "matroska"})
	b = append(b, "\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xff"...)
	return millrace.NewHeader(mkv.AppendTracks(b, tracks))
}

func TestAHeaderSaysWhatItsTracksAre(t *testing.T) {
	f, err := timeline.Parse(header(
		t,
		mkv.Track{Number: 1, UID: 1, Type: mkv.TrackVideo, CodecID: "V_MPEG4/ISO/AVC", DefaultDuration: 40_000_000},
		mkv.Track{Number: 2, UID: 2, Type: mkv.TrackAudio, CodecID: "A_AAC", CodecPrivate: []byte{0x11, 0x90}},
		mkv.Track{Number: 5, UID: 5, Type: mkv.TrackMetadata, CodecID: "X_RADAR"},
	))
	if err != nil {
		t.Fatal(err)
	}
	if len(f.Tracks) != 3 {
		t.Fatalf("%d tracks", len(f.Tracks))
	}
	v, a := f.First(media.Video), f.First(media.Audio)
	if v.Media.Codec != media.AVC || v.Timescale != 90000 || v.Fault == nil || v.Media.DefaultDuration != 40*time.Millisecond {
		t.Errorf("video is %+v", v)
	}
	if a.Media.Codec != media.AAC || a.Timescale != 48000 || a.Fault != nil {
		t.Errorf("audio is %+v", a)
	}
	if d := f.Find(5); d == nil || d.Media.Codec != media.Data {
		t.Errorf("track 5 is %+v", d)
	}
	if f.Find(3) != nil {
		t.Error("there is a track 3")
	}
}

func TestAHeaderThatCannotBeReadIsCorrupt(t *testing.T) {
	whole := header(t, mkv.Track{Number: 1, Type: mkv.TrackVideo, CodecID: "V_AV1"})
	for name, h := range map[string]*millrace.Header{
		"none":           nil,
		"empty":          millrace.NewHeader(nil),
		"cut off":        millrace.NewHeader(whole.Bytes[:len(whole.Bytes)-3]),
		"without Tracks": millrace.NewHeader(mkv.AppendEBML(nil, mkv.EBML{DocType: "matroska"})),
	} {
		if _, err := timeline.Parse(h); !errors.Is(err, millrace.ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSoundHasTheTimescaleOfItsCore(t *testing.T) {
	for _, row := range []struct {
		codecID string
		private []byte
		want    uint32
	}{
		{"A_AAC", []byte{0x12, 0x10}, 44100},
		{"A_AAC", []byte{0x2b, 0x92, 0x08, 0x00}, 22050}, // HE-AAC of 44.1 kHz, told in front
		{"A_OPUS", []byte("OpusHead\x01\x02\x38\x01\x80\xbb\x00\x00\x00\x00\x00"), 48000},
		{"A_MS/ACM", []byte{7, 0, 1, 0, 0x40, 0x1f, 0, 0, 0x40, 0x1f, 0, 0, 1, 0, 8, 0, 0, 0}, 8000},
	} {
		m, err := media.NewTrack(1, row.codecID, row.private)
		if err != nil {
			t.Fatal(err)
		}
		if track := timeline.NewTrack(m); track.Timescale != row.want {
			t.Errorf("%s: %d ticks a second, want %d", row.codecID, track.Timescale, row.want)
		}
	}
}

func TestTicksAreRoundedToTheNearest(t *testing.T) {
	track := aac(t)
	for d, want := range map[time.Duration]int64{
		0: 0, time.Second: 48000, -time.Second: -48000, time.Millisecond: 48, 10416 * time.Nanosecond: 0, 10417 * time.Nanosecond: 1,
		10 * 365 * 24 * time.Hour: 15137280000000,
	} {
		if got := track.Ticks(d); got != want {
			t.Errorf("%v is %d ticks, want %d", d, got, want)
		}
	}
	if got := track.Time(1024); got != 21333333 {
		t.Errorf("1024 ticks are %v", got)
	}
}

func TestSameMediaIsTheSameDecoder(t *testing.T) {
	a, b := aac(t), aac(t)
	if !a.SameMedia(&b) {
		t.Error("a track is not the same as itself")
	}
	b.Media.Private = []byte{0x12, 0x10}
	if a.SameMedia(&b) {
		t.Error("another rate is the same")
	}
	v := video(0)
	if a.SameMedia(&v) {
		t.Error("a picture is the same as sound")
	}
}

// lacedFragment has one plain block and one of three frames in each lacing.
func lacedFragment(lacing byte, payload []byte) *millrace.Fragment {
	cluster := append([]byte("0123456789"), 0, 'p', 'l', 'a', 'i', 'n')
	offset := uint32(len(cluster) + 4)
	cluster = append(cluster, 0x81, 0, 20, lacing<<1)
	cluster = append(cluster, payload...)
	return &millrace.Fragment{
		TimecodeScale: milli, Cluster: [][]byte{cluster[:12], cluster[12:]},
		Samples: []millrace.Sample{
			{Track: 1, Offset: 11, Size: 5, Flags: millrace.SampleKey},
			{Track: 1, Offset: offset, Size: uint32(len(payload)), Time: 20, Flags: millrace.SampleKey | millrace.SampleLaced},
		},
	}
}

func TestLacedBlocksBecomeFrames(t *testing.T) {
	track := timeline.NewTrack(media.Track{Number: 1, Type: media.Audio, Codec: media.Opus, DefaultDuration: 20 * time.Millisecond})
	format := &timeline.Format{Tracks: []timeline.Track{track}}
	for name, f := range map[string]*millrace.Fragment{
		"Xiph":  lacedFragment(1, []byte("\x02\x01\x02abbccc")),
		"EBML":  lacedFragment(3, []byte("\x02\x81\xc0abbccc")),
		"fixed": lacedFragment(2, []byte("\x02aabbcc")),
	} {
		t.Run(name, func(t *testing.T) {
			if !timeline.Laced(f) {
				t.Fatal("it is not laced")
			}
			cluster := bytes.Join(f.Cluster, nil)
			if err := timeline.Unlace(f, format); err != nil {
				t.Fatal(err)
			}
			if timeline.Laced(f) || len(f.Samples) != 4 {
				t.Fatalf("samples %+v", f.Samples)
			}
			var all []byte
			for i, s := range f.Samples {
				all = append(all, cluster[s.Offset:s.Offset+s.Size]...)
				if s.Flags != millrace.SampleKey || s.Time != int32(20*i) {
					t.Errorf("frame %d at %d with flags %b", i, s.Time, s.Flags)
				}
			}
			if want := "plain" + map[string]string{"fixed": "aabbcc"}[name]; string(all) != want && string(all) != "plainabbccc" {
				t.Errorf("frames are %q", all)
			}
		})
	}
}

func TestLacingThatDoesNotAddUpIsCorrupt(t *testing.T) {
	for _, f := range []*millrace.Fragment{
		lacedFragment(1, []byte("\x02\x01\xff")),
		lacedFragment(2, []byte("\x02aabbc")),
		lacedFragment(3, nil),
		{Cluster: [][]byte{{1, 2}}, Samples: []millrace.Sample{{Offset: 1, Size: 9, Flags: millrace.SampleLaced}}},
		{Samples: []millrace.Sample{{Flags: millrace.SampleLaced}}},
	} {
		before := len(f.Samples)
		if err := timeline.Unlace(f, &timeline.Format{}); !errors.Is(err, millrace.ErrCorrupt) || len(f.Samples) != before {
			t.Errorf("%v with %d samples", err, len(f.Samples))
		}
	}
}

func TestEveryCapturedHeaderCanBeRead(t *testing.T) {
	dir := os.Getenv("MILLRACE_VECTORS")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "vectors")
	}
	bodies, err := filepath.Glob(filepath.Join(dir, "putmedia", "*.body.mkv"))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d captures", len(bodies))
	for _, path := range bodies {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		f, err := timeline.Parse(millrace.NewHeader(b[:min(len(b), 1<<14)]))
		if err != nil || len(f.Tracks) == 0 {
			t.Errorf("%s: %v", filepath.Base(path), err)
			continue
		}
		for i := range f.Tracks {
			track := &f.Tracks[i]
			if len(track.Media.Private) == 0 && errors.Is(track.Fault, media.ErrMissing) {
				continue // one client sends its parameter sets with the frames alone
			}
			if track.Fault != nil {
				t.Errorf("%s: track %d: %v", filepath.Base(path), track.Media.Number, track.Fault)
			}
		}
	}
}

// A block of one byte may say that it has 256 frames of none.
func TestAFragmentHasOnlySoManyFrames(t *testing.T) {
	const blocks = 1 << 16
	f := &millrace.Fragment{TimecodeScale: milli, Cluster: [][]byte{{0x04, 0xff}}}
	for range blocks {
		f.Samples = append(f.Samples, millrace.Sample{Track: 1, Offset: 1, Size: 1, Flags: millrace.SampleLaced})
	}
	if err := timeline.Unlace(f, &timeline.Format{}); !errors.Is(err, millrace.ErrCorrupt) || len(f.Samples) != blocks {
		t.Errorf("%v with %d samples", err, len(f.Samples))
	}
	f.Samples = f.Samples[:512]
	if err := timeline.Unlace(f, &timeline.Format{}); err != nil || len(f.Samples) != 512*256 {
		t.Errorf("%v with %d samples", err, len(f.Samples))
	}
}

// Nobody's decoder needs megabytes of private data, and what is known of many
// headers at once must not become gigabytes.
func TestATrackThatSaysTooMuchIsNotRead(t *testing.T) {
	huge := bytes.Repeat([]byte{1}, 1<<20)
	f, err := timeline.Parse(header(
		t,
		mkv.Track{Number: 1, UID: 1, Type: mkv.TrackVideo, CodecID: "V_MPEG4/ISO/AVC", CodecPrivate: huge, Name: string(huge)},
		mkv.Track{Number: 2, UID: 2, Type: mkv.TrackAudio, CodecID: "A_" + string(huge)},
	))
	if err != nil {
		t.Fatal(err)
	}
	size := 0
	for i := range f.Tracks {
		m := &f.Tracks[i].Media
		size += cap(m.Private) + len(m.Name) + len(m.CodecID)
	}
	if v := &f.Tracks[0]; size > 100<<10 || v.Media.Codec != media.AVC || !errors.Is(v.Fault, media.ErrLimit) {
		t.Errorf("%d bytes are kept, fault %v", size, v.Fault)
	}
	other, err := timeline.Parse(header(
		t, mkv.Track{Number: 1, UID: 1, Type: mkv.TrackVideo, CodecID: "V_MPEG4/ISO/AVC", CodecPrivate: append(huge, 2)},
	))
	if err != nil || other.Tracks[0].SameMedia(&f.Tracks[0]) || !f.Tracks[0].SameMedia(&f.Tracks[0]) {
		t.Errorf("other private data that are too large are the same: %v", err)
	}
}
