package mkv_test

import (
	"bytes"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/mkv"
)

func TestAppend(t *testing.T) {
	tests := []struct {
		name string
		got  []byte
		want string
	}{
		{"id of one byte", mkv.AppendID(nil, mkv.IDVoid), "EC"},
		{"id of two bytes", mkv.AppendID(nil, mkv.IDTag), "7373"},
		{"id of three bytes", mkv.AppendID(nil, mkv.IDTimecodeScale), "2AD7B1"},
		{"id of four bytes", mkv.AppendID(nil, mkv.IDEBML), "1A45DFA3"},
		{"size 0", mkv.AppendSize(nil, 0, 0), "80"},
		{"size 126", mkv.AppendSize(nil, 126, 0), "FE"},
		{"size 127, which one byte has no room for", mkv.AppendSize(nil, 127, 0), "407F"},
		{"size 16382", mkv.AppendSize(nil, 1<<14-2, 0), "7FFE"},
		{"size 16383", mkv.AppendSize(nil, 1<<14-1, 0), "203FFF"},
		{"largest size", mkv.AppendSize(nil, mkv.MaxSize, 0), "01FFFFFFFFFFFFFE"},
		{"size beyond", mkv.AppendSize(nil, mkv.MaxSize+1, 0), "01FFFFFFFFFFFFFF"},
		{"size in four bytes", mkv.AppendSize(nil, 235, 4), "100000EB"},
		{"size in eight bytes", mkv.AppendSize(nil, 72, 8), "0100000000000048"},
		{"size that needs more than it is given", mkv.AppendSize(nil, 300, 1), "412C"},
		{"size in too many bytes", mkv.AppendSize(nil, 1, 9), "0100000000000001"},
		{"unknown size", mkv.AppendSize(nil, mkv.UnknownSize, 1), "FF"},
		{"unknown size in two bytes", mkv.AppendUnknownSize(nil, 2), "7FFF"},
		{"unknown size in eight bytes", mkv.AppendUnknownSize(nil, 8), "01FFFFFFFFFFFFFF"},
		{"unknown size of no width", mkv.AppendUnknownSize(nil, 0), "01FFFFFFFFFFFFFF"},
		{"uint 0", mkv.AppendUint(nil, mkv.IDPosition, 0), "A7 81 00"},
		{"uint 255", mkv.AppendUint(nil, mkv.IDPosition, 255), "A7 81 FF"},
		{"uint 256", mkv.AppendUint(nil, mkv.IDPosition, 256), "A7 82 0100"},
		{"largest uint", mkv.AppendUint(nil, mkv.IDPosition, math.MaxUint64), "A7 88 FFFFFFFFFFFFFFFF"},
		{"int", mkv.AppendInt(nil, mkv.IDReferenceBlock, -2), "FB 88 FFFFFFFFFFFFFFFE"},
		{"float", mkv.AppendFloat(nil, mkv.IDSamplingFrequency, 48000), "B5 88 40E7700000000000"},
		{"string", mkv.AppendString(nil, mkv.IDTagName, "Motion"), `45A3 86 "Motion"`},
		{"date", mkv.AppendDate(nil, mkv.IDDateUTC, time.Date(2001, 1, 1, 0, 0, 1, 0, time.UTC)), "4461 88 000000003B9ACA00"},
		{"block head", mkv.AppendSimpleBlockHeader(nil, 1, 33, 0x80, 10), "A3 8E 81 0021 80"},
		{"block head of a high track and a time before", mkv.AppendSimpleBlockHeader(nil, 127, -1, 0, 0), "A3 85 407F FFFF 00"},
	}
	for _, test := range tests {
		if want := unhex(t, test.want); !bytes.Equal(test.got, want) {
			t.Errorf("%s: got % X, want % X", test.name, test.got, want)
		}
	}
}

func TestAppendLeavesWhatIsThere(t *testing.T) {
	b := mkv.AppendUint([]byte("before"), mkv.IDPosition, 1)
	if string(b[:6]) != "before" || len(b) != 9 {
		t.Errorf("%q", b)
	}
}

// The service tags of a chunk as they stand in captures: 243 bytes, every size
// four bytes long.
func TestAppendTagsWithFourByteSizes(t *testing.T) {
	got := mkv.AppendTags(nil, []mkv.Tag{{Simple: []mkv.SimpleTag{
		{Name: "AWS_KINESISVIDEO_FRAGMENT_NUMBER", String: "91343852333181432392682062607743920146159169392"},
		{Name: "AWS_KINESISVIDEO_SERVER_TIMESTAMP", String: "1511852109.126"},
		{Name: "AWS_KINESISVIDEO_PRODUCER_TIMESTAMP", String: "1511852108.513"},
	}}}, 4)
	want := unhex(t, `
		1254C367 100000EB
		  7373 100000E5
		    67C8 1000005B
		      45A3 10000020 "AWS_KINESISVIDEO_FRAGMENT_NUMBER"
		      4487 1000002F "91343852333181432392682062607743920146159169392"
		    67C8 1000003B
		      45A3 10000021 "AWS_KINESISVIDEO_SERVER_TIMESTAMP"
		      4487 1000000E "1511852109.126"
		    67C8 1000003D
		      45A3 10000023 "AWS_KINESISVIDEO_PRODUCER_TIMESTAMP"
		      4487 1000000E "1511852108.513"`)
	if !bytes.Equal(got, want) || len(got) != 243 {
		t.Errorf("got %d bytes\n% X\nwant %d\n% X", len(got), got, len(want), want)
	}
}

// The end-of-fragment tag as producers send it: 84 bytes, every size eight
// bytes long, an empty TagString.
func TestAppendTagsWithEightByteSizes(t *testing.T) {
	got := mkv.AppendTags(nil, []mkv.Tag{{Simple: []mkv.SimpleTag{{Name: "AWS_KINESISVIDEO_END_OF_FRAGMENT"}}}}, 8)
	want := unhex(t, `1254C367 0100000000000048 7373 010000000000003E 67C8 0100000000000034
		45A3 0100000000000020 "AWS_KINESISVIDEO_END_OF_FRAGMENT" 4487 0100000000000000`)
	if !bytes.Equal(got, want) || len(got) != 84 {
		t.Errorf("got %d bytes\n% X", len(got), got)
	}
}

func TestAppendTagsRoundTrip(t *testing.T) {
	tags := []mkv.Tag{
		{},
		{Simple: []mkv.SimpleTag{{Name: "long", String: strings.Repeat("x", 20_000)}, {}}},
		{Simple: []mkv.SimpleTag{{Name: "b", Binary: []byte{}}, {Name: "both", String: "s", Binary: []byte("b")}}},
	}
	for width := range 10 {
		raw := mkv.AppendTags(nil, tags, width)
		got, err := mkv.ParseTags(payload(raw))
		if diff := cmp.Diff(tags, got); diff != "" || err != nil {
			t.Errorf("width %d: %v %s", width, err, diff)
		}
	}
}

func TestAppendHeaderRoundTrip(t *testing.T) {
	info := mkv.Info{
		TimecodeScale: 100_000, Duration: 12.5, SegmentUID: make([]byte, 16), DateUTC: time.Unix(1700000000, 0).UTC(),
		Title: "t", MuxingApp: "m", WritingApp: "w",
	}
	gotInfo, err := mkv.ParseInfo(payload(mkv.AppendInfo(nil, info)))
	if diff := cmp.Diff(info, gotInfo); diff != "" || err != nil {
		t.Error(diff, err)
	}
	tracks := []mkv.Track{
		{
			Number: 1, UID: 1 << 60, Type: mkv.TrackVideo, CodecID: "V", Name: "n", Language: "und", CodecPrivate: []byte{},
			DefaultDuration: 40_000_000, Video: mkv.Video{PixelWidth: 1, PixelHeight: 2, DisplayWidth: 3, DisplayHeight: 4},
		},
		{
			Number: 200, UID: 2, Type: mkv.TrackAudio, CodecID: "A", CodecPrivate: []byte{1}, CodecDelay: 6_500_000, SeekPreRoll: 80_000_000,
			Audio: mkv.Audio{SamplingFrequency: 24000, OutputSamplingFrequency: 48000, Channels: 2, BitDepth: 16},
		},
	}
	gotTracks, err := mkv.ParseTracks(payload(mkv.AppendTracks(nil, tracks)))
	if diff := cmp.Diff(tracks, gotTracks); diff != "" || err != nil {
		t.Error(diff, err)
	}
	gotEBML, err := mkv.ParseEBML(payload(mkv.AppendEBML(nil, mkv.EBML{DocType: mkv.DocTypeWebM})))
	wantEBML := mkv.EBML{Version: 1, ReadVersion: 1, MaxIDLength: 4, MaxSizeLength: 8, DocType: "webm", DocTypeVersion: 4, DocTypeReadVersion: 2}
	if diff := cmp.Diff(wantEBML, gotEBML); diff != "" || err != nil {
		t.Error(diff, err)
	}
}

func TestNames(t *testing.T) {
	for id, want := range map[mkv.ElementID]string{
		mkv.IDEBML: "EBML", mkv.IDCRC32: "CRC-32", mkv.IDSimpleBlock: "SimpleBlock",
		mkv.IDCodecPrivate: "CodecPrivate", mkv.IDCueTime: "CueTime", 0x4DBC: "0x4DBC", 0: "0x0",
	} {
		if got := id.String(); got != want {
			t.Errorf("%#x: %q", uint32(id), got)
		}
	}
	for typ, want := range map[mkv.TrackType]string{mkv.TrackVideo: "video", mkv.TrackAudio: "audio", mkv.TrackMetadata: "metadata", 99: "99"} {
		if got := typ.String(); got != want {
			t.Errorf("%d: %q", uint8(typ), got)
		}
	}
	if mkv.Whole.String() != "whole" || mkv.Start.String() != "start" || mkv.End.String() != "end" || mkv.Kind(0).String() != "invalid kind" {
		t.Error("kinds")
	}
}
