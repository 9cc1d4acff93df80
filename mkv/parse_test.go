package mkv_test

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/mkv"
)

// payload returns what is inside an encoded element.
func payload(raw []byte) []byte { return mkv.Element{Raw: raw}.Data() }

func TestParseUintAndInt(t *testing.T) {
	tests := []struct {
		hex      string
		unsigned uint64
		signed   int64
	}{
		{"", 0, 0},
		{"00", 0, 0},
		{"7F", 127, 127},
		{"80", 128, -128},
		{"FFFE", 65534, -2},
		{"0000018BCFE5687B", 1700000000123, 1700000000123},
		{"FFFFFFFFFFFFFFFF", math.MaxUint64, -1},
	}
	for _, test := range tests {
		u, err1 := mkv.ParseUint(unhex(t, test.hex))
		i, err2 := mkv.ParseInt(unhex(t, test.hex))
		if u != test.unsigned || i != test.signed || err1 != nil || err2 != nil {
			t.Errorf("%q: %d, %v and %d, %v", test.hex, u, err1, i, err2)
		}
	}
	_, err1 := mkv.ParseUint(make([]byte, 9))
	_, err2 := mkv.ParseInt(make([]byte, 9))
	if !errors.Is(err1, mkv.ErrBadValue) || !errors.Is(err2, mkv.ErrBadValue) {
		t.Error(err1, err2)
	}
}

func TestParseFloat(t *testing.T) {
	for s, want := range map[string]float64{"": 0, "3F800000": 1, "40E7700000000000": 48000} {
		if v, err := mkv.ParseFloat(unhex(t, s)); v != want || err != nil {
			t.Errorf("%q: %v, %v", s, v, err)
		}
	}
	for _, n := range []int{1, 2, 3, 5, 7, 9, 10} {
		if _, err := mkv.ParseFloat(make([]byte, n)); !errors.Is(err, mkv.ErrBadValue) {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
}

func TestParseStringDropsPaddingOnly(t *testing.T) {
	for in, want := range map[string]string{"": "", "\x00\x00": "", "ab\x00\x00": "ab", "a\x00b": "a\x00b"} {
		if got := mkv.ParseString([]byte(in)); got != want {
			t.Errorf("%q: %q", in, got)
		}
	}
}

func TestParseDate(t *testing.T) {
	for _, want := range []time.Time{
		time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC),
		time.Date(1999, 12, 31, 23, 59, 59, 999, time.UTC),
		time.Date(2026, 11, 22, 18, 13, 0, 123456789, time.UTC),
	} {
		got, err := mkv.ParseDate(payload(mkv.AppendDate(nil, mkv.IDDateUTC, want)))
		if err != nil || !got.Equal(want) || got.Location() != time.UTC {
			t.Errorf("%v: %v, %v", want, got, err)
		}
	}
	if _, err := mkv.ParseDate(make([]byte, 4)); !errors.Is(err, mkv.ErrBadValue) {
		t.Error(err)
	}
}

func TestChildren(t *testing.T) {
	data := unhex(t, `EC 82 0102  4DBC 4000  E7 81 07`)
	var got []string
	for e, err := range mkv.Children(data) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, record{Element: e}.String())
	}
	want := []string{"whole Void 0 @0 [2]", "whole 0x4DBC 0 @4 [0]", "whole Timecode 0 @8 [1]"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for range mkv.Children(nil) {
		t.Error("a child of nothing")
	}
	for range mkv.Children(data) {
		break // must not be called again
	}
}

func TestChildrenRefuses(t *testing.T) {
	tests := []struct {
		name, hex string
		want      error
		path      string
	}{
		{"a child that ends behind its parent", "EC 82 01", mkv.ErrOverrun, "Void"},
		{"a head that ends behind its parent", "EC", mkv.ErrOverrun, "Void"},
		{"an id that ends behind its parent", "42", mkv.ErrOverrun, ""},
		{"an unknown size", "EC FF", mkv.ErrUnknownSizeNotAllowed, "Void"},
		{"a bad id", "00", mkv.ErrBadID, ""},
		{"a bad size", "EC 00", mkv.ErrBadSize, "Void"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			faults := 0
			for e, err := range mkv.Children(unhex(t, "E7 80"+test.hex)) {
				if err == nil {
					continue
				}
				faults++
				var syntax *mkv.SyntaxError
				if !errors.As(err, &syntax) || !errors.Is(err, test.want) || syntax.Offset != 2 || syntax.Path != test.path {
					t.Errorf("got %#v", err)
				}
				if e.Raw != nil {
					t.Error("a fault came with an element")
				}
			}
			if faults != 1 {
				t.Errorf("%d faults", faults)
			}
		})
	}
}

func TestParseEBML(t *testing.T) {
	got, err := mkv.ParseEBML(unhex(t, `4286 81 01  42F7 81 01  42F2 81 04  42F3 81 08  4282 89 "matroska" 00  4287 81 02  4285 81 02`))
	want := mkv.EBML{
		Version: 1, ReadVersion: 1, MaxIDLength: 4, MaxSizeLength: 8,
		DocType: "matroska", DocTypeVersion: 2, DocTypeReadVersion: 2,
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
	want.DocTypeVersion, want.DocTypeReadVersion = 1, 1
	if got, err := mkv.ParseEBML(nil); got != want || err != nil {
		t.Error("of nothing:", got, err)
	}
}

func TestParseInfo(t *testing.T) {
	got, err := mkv.ParseInfo(unhex(t, `
		73A4 90 000102030405060708090A0B0C0D0E0F
		2AD7B1 88 00000000000F4240  4489 84 44FA0000  7384 80
		7BA9 92 "Kinesis Video SDK" 00  4D80 83 "mux"  5741 85 "write"  4DBC 81 00`))
	want := mkv.Info{
		TimecodeScale: 1_000_000, Duration: 2000, Title: "Kinesis Video SDK", MuxingApp: "mux", WritingApp: "write",
		SegmentUID: []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
	for _, s := range []string{"", "2AD7B1 80"} {
		if got, err := mkv.ParseInfo(unhex(t, s)); got.TimecodeScale != 1_000_000 || err != nil {
			t.Errorf("%q: scale %d, %v", s, got.TimecodeScale, err)
		}
	}
	for _, s := range []string{"4489 84 7FC00000", "4489 84 FF800000", "4489 84 BF800000"} {
		if got, err := mkv.ParseInfo(unhex(t, s)); got.Duration != 0 || err != nil {
			t.Errorf("%q: duration %v, %v", s, got.Duration, err)
		}
	}
}

func TestParseTracks(t *testing.T) {
	got, err := mkv.ParseTracks(unhex(t, `
		AE 10000040
			D7 81 01  73C5 88 0000000000000001  83 81 01  536E 8D "kinesis_video"
			86 400F "V_MPEG4/ISO/AVC"
			E0 10000008 B0 82 0280 BA 82 01E0
		AE BA
			D7 81 02  73C5 81 02  83 81 02  536E 84 "mic" 00  86 85 "A_AAC"  22B59C 83 "und"
			23E383 83 0208D6  E1 8C B5 88 40E5888000000000 9F 80  63A2 83 123456
		AE 85  83 81 11  E1 80
		EC 81 00`))
	want := []mkv.Track{
		{
			Number: 1, UID: 1, Type: mkv.TrackVideo, Name: "kinesis_video", CodecID: "V_MPEG4/ISO/AVC",
			Video: mkv.Video{PixelWidth: 640, PixelHeight: 480},
		},
		{
			Number: 2, UID: 2, Type: mkv.TrackAudio, Name: "mic", CodecID: "A_AAC", Language: "und",
			DefaultDuration: 133334, CodecPrivate: []byte{0x12, 0x34, 0x56},
			Audio: mkv.Audio{SamplingFrequency: 44100, Channels: 1},
		},
		{Type: mkv.TrackSubtitle, Audio: mkv.Audio{SamplingFrequency: 8000, Channels: 1}},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
}

func TestParseTags(t *testing.T) {
	got, err := mkv.ParseTags(unhex(t, `
		63C0 80
		7373 400E
			63C0 80
			67C8 88 45A3 81 "a"  4487 81 "b"
		7373 A3
			67C8 87 45A3 81 "n"  4487 80
			67C8 88 45A3 81 "x"  4485 81 FF
			67C8 8B 67C8 88 45A3 81 "c"  4487 81 "d"
		7373 80`))
	want := []mkv.Tag{
		{Simple: []mkv.SimpleTag{{Name: "a", String: "b"}}},
		{Simple: []mkv.SimpleTag{{Name: "n"}, {Name: "x", Binary: []byte{0xFF}}, {}}},
		{},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
	if got, err := mkv.ParseTags(nil); got != nil || err != nil {
		t.Error(got, err)
	}
}

func TestParseBlockGroup(t *testing.T) {
	got, err := mkv.ParseBlockGroup(unhex(t, `9B 81 28  A1 86 82 FFFE 08 "xy"  75A1 80  75A2 82 FFFE`))
	want := mkv.BlockGroup{
		Block:    mkv.Block{Track: 2, RelTime: -2, Flags: mkv.FlagInvisible, Payload: []byte("xy")},
		Duration: 40,
		Padding:  -2,
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil || !got.Keyframe() {
		t.Error(diff, err)
	}
	got, err = mkv.ParseBlockGroup(unhex(t, `FB 81 D8  A1 84 81 0000 00  FB 81 28`))
	if got.References != 2 || got.Keyframe() || err != nil {
		t.Error(got, err)
	}
	padded := mkv.AppendPaddedBlock(nil, 2, -2, mkv.FlagKeyframe|mkv.FlagInvisible, []byte("xy"), 7)
	want.Duration, want.Padding = 0, 7
	if got, err = mkv.ParseBlockGroup(padded[2:]); cmp.Diff(want, got) != "" || err != nil {
		t.Error(got, err)
	}
}

func TestParsersSayWhereAndWhat(t *testing.T) {
	tests := []struct {
		name   string
		parse  func([]byte) error
		hex    string
		want   error
		offset int64
		path   string
	}{
		{"EBML", errorOf(mkv.ParseEBML), "EC 80 4286 89 000000000000000000", mkv.ErrBadValue, 2, "EBML/EBMLVersion"},
		{"Info with a scale of zero", errorOf(mkv.ParseInfo), "EC 80 2AD7B1 81 00", mkv.ErrBadValue, 2, "Info/TimecodeScale"},
		{"Info with a bad duration", errorOf(mkv.ParseInfo), "4489 81 00", mkv.ErrBadValue, 0, "Info/Duration"},
		{"Info with a cut child", errorOf(mkv.ParseInfo), "4489 84 00", mkv.ErrOverrun, 0, "Info/Duration"},
		{
			"Tracks with a bad frequency", errorOf(mkv.ParseTracks),
			"EC 80 AE 88 D7 81 01 E1 83 B5 81 00", mkv.ErrBadValue, 9, "Tracks/TrackEntry/Audio/SamplingFrequency",
		},
		{"Tracks with a strange type", errorOf(mkv.ParseTracks), "AE 84 83 82 0100", mkv.ErrBadValue, 2, "Tracks/TrackEntry/TrackType"},
		{"Tracks with a cut child", errorOf(mkv.ParseTracks), "AE 82 E0 83", mkv.ErrOverrun, 2, "Tracks/TrackEntry/Video"},
		{"Tags", errorOf(mkv.ParseTags), "7373 86 67C8 83 45A3 FF", mkv.ErrUnknownSizeNotAllowed, 6, "Tags/Tag/SimpleTag/TagName"},
		{"a BlockGroup of nothing", errorOf(mkv.ParseBlockGroup), "", mkv.ErrBadValue, 0, "BlockGroup"},
		{"a BlockGroup with a short block", errorOf(mkv.ParseBlockGroup), "9B 81 01 A1 81 81", mkv.ErrBadValue, 3, "BlockGroup/Block"},
		{"a BlockGroup with a cut child", errorOf(mkv.ParseBlockGroup), "A1 84 81", mkv.ErrOverrun, 0, "BlockGroup/Block"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := test.parse(unhex(t, test.hex))
			var syntax *mkv.SyntaxError
			if !errors.As(err, &syntax) || !errors.Is(err, test.want) {
				t.Fatalf("got %v, want %v", err, test.want)
			}
			if syntax.Offset != test.offset || syntax.Path != test.path {
				t.Errorf("got %q at %d, want %q at %d", syntax.Path, syntax.Offset, test.path, test.offset)
			}
		})
	}
}

func errorOf[T any](parse func([]byte) (T, error)) func([]byte) error {
	return func(data []byte) error {
		_, err := parse(data)
		return err
	}
}

// Two bytes may announce a track; four million of them must not become tracks.
func TestParsersBoundWhatSmallElementsBecome(t *testing.T) {
	tests := map[string]func() error{
		"tracks": func() error {
			return errorOf(mkv.ParseTracks)([]byte(strings.Repeat("\xAE\x80", 1_000_000)))
		},
		"tags": func() error {
			return errorOf(mkv.ParseTags)([]byte(strings.Repeat("\x73\x73\x80", 1_000_000)))
		},
		"simple tags": func() error {
			tag := master(mkv.IDTag, []byte(strings.Repeat("\x67\xC8\x80", 3000)))
			return errorOf(mkv.ParseTags)(join(tag, tag))
		},
	}
	for name, parse := range tests {
		t.Run(name, func(t *testing.T) {
			if err := parse(); !errors.Is(err, mkv.ErrTooMany) {
				t.Error(err)
			}
		})
	}
}
