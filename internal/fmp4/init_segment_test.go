package fmp4_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/Eyevinn/mp4ff/mp4"

	"github.com/millrace/millrace/internal/fmp4"
	"github.com/millrace/millrace/internal/timeline"
	"github.com/millrace/millrace/media"
)

// privateOf finds codec private data in the list of package media.
func privateOf(t testing.TB, name string) (codecID string, data []byte) {
	t.Helper()
	file, err := os.Open("../../media/testdata/private.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		if fields := strings.Split(lines.Text(), "\t"); len(fields) == 3 && fields[0] == name {
			return fields[1], unhex(t, fields[2])
		}
	}
	t.Fatalf("no codec private data %q: %v", name, lines.Err())
	return "", nil
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func trackOf(codecID string, private []byte) *timeline.Track {
	m, _ := media.NewTrack(1, codecID, private) // the timeline keeps the fault
	track := timeline.NewTrack(m)
	return &track
}

func listed(t testing.TB, name string) *timeline.Track {
	t.Helper()
	return trackOf(privateOf(t, name))
}

func g711(t testing.TB, codec media.Codec, rate uint32, channels uint16) *timeline.Track {
	t.Helper()
	w, err := media.NewG711(codec, rate, channels)
	if err != nil {
		t.Fatal(err)
	}
	private, err := w.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	return trackOf("A_MS/ACM", private)
}

func decodedInit(t testing.TB, track *timeline.Track) *mp4.InitSegment {
	t.Helper()
	b, err := fmp4.AppendInit(nil, track)
	if err != nil {
		t.Fatal(err)
	}
	file, err := mp4.DecodeFile(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return file.Init
}

func typesOf(boxes []mp4.Box) (names []string) {
	for _, b := range boxes {
		names = append(names, b.Type())
	}
	return names
}

func wantBoxes(t *testing.T, in string, boxes []mp4.Box, want ...string) {
	t.Helper()
	if got := typesOf(boxes); !slices.Equal(got, want) {
		t.Errorf("%s holds %v, want %v", in, got, want)
	}
}

func TestAnInitSegmentHasTheseBoxesAndNoOthers(t *testing.T) {
	for _, row := range []struct {
		name   string
		track  *timeline.Track
		header string
	}{
		{"of pictures", listed(t, "avc-main-crop"), "vmhd"},
		{"of sound", listed(t, "aac-51"), "smhd"},
	} {
		t.Run(row.name, func(t *testing.T) {
			init := decodedInit(t, row.track)
			wantBoxes(t, "init", init.Children, "ftyp", "moov")
			moov := init.Moov
			wantBoxes(t, "moov", moov.Children, "mvhd", "trak", "mvex")
			wantBoxes(t, "mvex", moov.Mvex.Children, "trex")
			wantBoxes(t, "trak", moov.Trak.Children, "tkhd", "mdia")
			mdia := moov.Trak.Mdia
			wantBoxes(t, "mdia", mdia.Children, "mdhd", "hdlr", "minf")
			wantBoxes(t, "minf", mdia.Minf.Children, row.header, "dinf", "stbl")
			wantBoxes(t, "dinf", mdia.Minf.Dinf.Children, "dref")
			stbl := mdia.Minf.Stbl
			wantBoxes(t, "stbl", stbl.Children, "stsd", "stts", "stsc", "stsz", "stco")
			if len(stbl.Stts.SampleCount)+len(stbl.Stsc.Entries)+int(stbl.Stsz.SampleNumber)+len(stbl.Stco.ChunkOffset) != 0 {
				t.Error("the sample table is not empty")
			}
			if url, ok := mdia.Minf.Dinf.Dref.Children[0].(*mp4.URLBox); !ok || url.Flags != 1 {
				t.Errorf("the data are not in the file itself: %+v", mdia.Minf.Dinf.Dref.Children[0])
			}
		})
	}
}

func TestTheBrandsOfAnInitSegment(t *testing.T) {
	ftyp := decodedInit(t, listed(t, "avc-main-crop")).Ftyp
	if ftyp.MajorBrand() != "iso6" || !slices.Equal(ftyp.CompatibleBrands(), []string{"iso6", "cmfc", "cmf2", "mp41"}) {
		t.Errorf("%s, %v", ftyp.MajorBrand(), ftyp.CompatibleBrands())
	}
}

func TestTheHeadersOfAnInitSegment(t *testing.T) {
	init := decodedInit(t, listed(t, "avc-main-crop"))
	mvhd, tkhd, mdhd := init.Moov.Mvhd, init.Moov.Trak.Tkhd, init.Moov.Trak.Mdia.Mdhd
	if mvhd.Version != 0 || mvhd.Timescale != 1000 || mvhd.Duration != 0 || mvhd.NextTrackID != 2 {
		t.Errorf("mvhd: %+v", mvhd)
	}
	if tkhd.Version != 0 || tkhd.Flags != 7 || tkhd.TrackID != 1 || tkhd.Volume != 0 {
		t.Errorf("tkhd: %+v", tkhd)
	}
	if tkhd.Width != 1366<<16 || tkhd.Height != 768<<16 {
		t.Errorf("tkhd: %v by %v", tkhd.Width, tkhd.Height)
	}
	if mdhd.Timescale != 90000 || mdhd.Duration != 0 || mdhd.GetLanguage() != "und" {
		t.Errorf("mdhd: %+v", mdhd)
	}
	if h := init.Moov.Trak.Mdia.Hdlr.HandlerType; h != "vide" {
		t.Errorf("handler %s", h)
	}
	if f := init.Moov.Trak.Mdia.Minf.Vmhd.Flags; f != 1 {
		t.Errorf("vmhd flags %d", f)
	}
	trex := init.Moov.Mvex.Trex
	if *trex != (mp4.TrexBox{TrackID: 1, DefaultSampleDescriptionIndex: 1}) {
		t.Errorf("trex: %+v", trex)
	}
}

func TestTheHeadersOfSound(t *testing.T) {
	trak := decodedInit(t, g711(t, media.ALaw, 8000, 2)).Moov.Trak
	if trak.Tkhd.Volume != 0x0100 || trak.Tkhd.Width != 0 || trak.Tkhd.Height != 0 {
		t.Errorf("tkhd: %+v", trak.Tkhd)
	}
	if trak.Mdia.Hdlr.HandlerType != "soun" || trak.Mdia.Mdhd.Timescale != 8000 {
		t.Errorf("%s at %d", trak.Mdia.Hdlr.HandlerType, trak.Mdia.Mdhd.Timescale)
	}
}

func pictureEntry(t *testing.T, track *timeline.Track) *mp4.VisualSampleEntryBox {
	t.Helper()
	e, ok := decodedInit(t, track).Moov.Trak.Mdia.Minf.Stbl.Stsd.Children[0].(*mp4.VisualSampleEntryBox)
	if !ok {
		t.Fatal("not a visual sample entry")
	}
	return e
}

// payloadOf finds a box among the children of a sample entry by its bytes.
func payloadOf(t *testing.T, track *timeline.Track, name string) []byte {
	t.Helper()
	b, err := fmp4.AppendSampleEntry(nil, track)
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(b, []byte(name))
	if at < 4 {
		t.Fatalf("no %s", name)
	}
	size := int(binary.BigEndian.Uint32(b[at-4:]))
	return b[at+4 : at-4+size]
}

func TestEntriesOfPictures(t *testing.T) {
	for _, row := range []struct {
		private, name, config string
		width, height         uint16
	}{
		{"avc-main-crop", "avc1", "avcC", 1366, 768},
		{"avc-422-10", "avc1", "avcC", 640, 360},
		{"hevc-crop-hrd", "hvc1", "hvcC", 0, 0},
		{"hevc-main10-scaling", "hvc1", "hvcC", 0, 0},
		{"av1-10", "av01", "av1C", 0, 0},
	} {
		t.Run(row.private, func(t *testing.T) {
			track := listed(t, row.private)
			e := pictureEntry(t, track)
			if e.Type() != row.name || e.DataReferenceIndex != 1 || e.FrameCount != 1 {
				t.Errorf("%s: %+v", e.Type(), e)
			}
			if int(e.Width) != track.Parameters.Width || int(e.Height) != track.Parameters.Height {
				t.Errorf("%d by %d, want %d by %d", e.Width, e.Height, track.Parameters.Width, track.Parameters.Height)
			}
			if row.width != 0 && (e.Width != row.width || e.Height != row.height) {
				t.Errorf("%d by %d", e.Width, e.Height)
			}
			if got := payloadOf(t, track, row.config); !bytes.Equal(got, track.Media.Private) {
				t.Errorf("%s is\n%x, want\n%x", row.config, got, track.Media.Private)
			}
		})
	}
}

func TestSamplesThatAreNotSquare(t *testing.T) {
	track := listed(t, "avc-interlaced-sar") // 64:45
	if e := pictureEntry(t, track); e.Pasp == nil || e.Pasp.HSpacing != 64 || e.Pasp.VSpacing != 45 || e.Width != 720 {
		t.Errorf("%d samples wide, pasp %+v", e.Width, e.Pasp)
	}
	tkhd := decodedInit(t, track).Moov.Trak.Tkhd
	if tkhd.Width != 1024<<16 || tkhd.Height != 576<<16 {
		t.Errorf("shown %d by %d, want 1024 by 576", tkhd.Width>>16, tkhd.Height>>16)
	}
	if square := pictureEntry(t, listed(t, "avc-444-lossless")); square.Pasp != nil {
		t.Errorf("square samples have %+v", square.Pasp)
	}
}

func TestColoursThatTheParameterSetsName(t *testing.T) {
	track := listed(t, "avc-422-10")
	sps := avcSPS(t, track)
	if sps.Color == (media.Color{}) {
		t.Fatal("the set names none")
	}
	e := pictureEntry(t, track)
	i := slices.Index(typesOf(e.Children), "colr")
	if i < 0 {
		t.Fatal("no colr")
	}
	want := mp4.ColrBox{
		ColorType: "nclx", ColorPrimaries: uint16(sps.Color.Primaries), TransferCharacteristics: uint16(sps.Color.Transfer),
		MatrixCoefficients: uint16(sps.Color.Matrix), FullRangeFlag: sps.Color.FullRange,
	}
	if got := *e.Children[i].(*mp4.ColrBox); !reflect.DeepEqual(got, want) {
		t.Errorf("colr %+v, want %+v", got, want)
	}
	if slices.Contains(typesOf(pictureEntry(t, listed(t, "avc-interlaced-sar")).Children), "colr") {
		t.Error("colours that are not named are written")
	}
}

func avcSPS(t *testing.T, track *timeline.Track) media.AVCSPS {
	t.Helper()
	c, err := media.ParseAVCConfig(track.Media.Private)
	if err != nil {
		t.Fatal(err)
	}
	s, err := media.ParseAVCSPS(c.SPS[0])
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// A client of AWS writes the profile of H.265 shifted by a byte; recorders leave
// open whether there are sets in band.
func TestAnHEVCRecordIsWrittenAnewWhereItIsWrong(t *testing.T) {
	id, right := privateOf(t, "hevc-crop-hrd")
	for name, change := range map[string]func(b []byte){
		"level of zero":         func(b []byte) { b[12] = 0 },
		"sets may be in band":   func(b []byte) { b[23] &^= 0x80 },
		"no profile whatsoever": func(b []byte) { clear(b[1:13]) },
	} {
		t.Run(name, func(t *testing.T) {
			wrong := slices.Clone(right)
			change(wrong)
			got := payloadOf(t, trackOf(id, wrong), "hvcC")
			if !bytes.Equal(got[:13], right[:13]) || got[23]&0x80 == 0 || len(got) != len(right) {
				t.Errorf("%x, want %x", got, right)
			}
		})
	}
}

func soundEntry(t *testing.T, track *timeline.Track) *mp4.AudioSampleEntryBox {
	t.Helper()
	b, err := fmp4.AppendSampleEntry(nil, track)
	if err != nil {
		t.Fatal(err)
	}
	// The decoder goes by the name, and has none for G.711.
	box, err := mp4.DecodeAudioSampleEntry(mp4.BoxHeader{Name: string(b[4:8]), Size: uint64(len(b)), Hdrlen: 8}, 0, bytes.NewReader(b[8:]))
	if err != nil {
		t.Fatal(err)
	}
	return box.(*mp4.AudioSampleEntryBox)
}

func TestEntriesOfSound(t *testing.T) {
	for _, row := range []struct {
		name     string
		track    *timeline.Track
		entry    string
		channels uint16
		rate     uint16
	}{
		{"aac", trackOf("A_AAC", unhex(t, "1190")), "mp4a", 2, 48000},
		{"aac of 44.1 kHz", trackOf("A_AAC/MPEG4/LC", unhex(t, "1208")), "mp4a", 1, 44100},
		{"aac 5.1", listed(t, "aac-51"), "mp4a", 6, 48000},
		{"aac at a rate that 16 bits do not hold", trackOf("A_AAC", unhex(t, "1010")), "mp4a", 2, 0},
		{"he-aac, at the rate of the core", trackOf("A_AAC", unhex(t, "2b118800")), "mp4a", 2, 24000},
		{"opus", listed(t, "opus-51"), "Opus", 6, 48000},
		{"a-law", g711(t, media.ALaw, 8000, 1), "alaw", 1, 8000},
		{"mu-law, stereo", g711(t, media.MuLaw, 8000, 2), "ulaw", 2, 8000},
		{"a-law of 16 kHz", g711(t, media.ALaw, 16000, 1), "alaw", 1, 16000},
	} {
		t.Run(row.name, func(t *testing.T) {
			e := soundEntry(t, row.track)
			if e.Type() != row.entry || e.ChannelCount != row.channels || e.SampleRate != row.rate || e.SampleSize != 16 {
				t.Errorf("%s with %d channels of %d bits at %d, want %s, %d, 16, %d",
					e.Type(), e.ChannelCount, e.SampleSize, e.SampleRate, row.entry, row.channels, row.rate)
			}
		})
	}
}

func TestTheConfigurationOfAACIsPassedOn(t *testing.T) {
	track := listed(t, "aac-pce")
	d := soundEntry(t, track).Esds.DecConfigDescriptor
	if d.ObjectType != 0x40 || d.StreamType>>2 != 5 || !bytes.Equal(d.DecSpecificInfo.DecConfig, track.Media.Private) {
		t.Errorf("%+v with %x", d, d.DecSpecificInfo.DecConfig)
	}
	windows, err := media.WaveFormat{Tag: 0xff, Channels: 2, SampleRate: 48000, Extra: unhex(t, "1190")}.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	d = soundEntry(t, trackOf("A_MS/ACM", windows)).Esds.DecConfigDescriptor
	if !bytes.Equal(d.DecSpecificInfo.DecConfig, unhex(t, "1190")) {
		t.Errorf("from the Windows form: %x", d.DecSpecificInfo.DecConfig)
	}
}

func TestTheHeadOfOpusIsTurnedRound(t *testing.T) {
	track := listed(t, "opus-51")
	h, err := media.ParseOpusHead(track.Media.Private)
	if err != nil {
		t.Fatal(err)
	}
	d := soundEntry(t, track).Dops
	if d.Version != 0 || d.OutputChannelCount != h.Channels || d.PreSkip != h.PreSkip || d.InputSampleRate != h.InputRate ||
		d.ChannelMappingFamily != h.Family || d.StreamCount != h.Streams || d.CoupledCount != h.Coupled || !bytes.Equal(d.ChannelMapping, h.Mapping) {
		t.Errorf("%+v, want %+v", d, h)
	}
}

func TestAnInitSegmentDependsOnTheMediaAlone(t *testing.T) {
	id, private := privateOf(t, "avc-main-crop")
	a, err := fmp4.AppendInit(nil, trackOf(id, private))
	if err != nil {
		t.Fatal(err)
	}
	other, err := media.NewTrack(7, "V_MPEG/ISO/AVC", private)
	if err != nil {
		t.Fatal(err)
	}
	other.Name, other.UID, other.DefaultDuration = "yard", 99, 1e9
	track := timeline.NewTrack(other)
	b, err := fmp4.AppendInit([]byte("before"), &track)
	if err != nil || !bytes.Equal(b, append([]byte("before"), a...)) {
		t.Errorf("%v: another track's init segment of the same media differs", err)
	}
}

func TestTracksThatHaveNoInitSegment(t *testing.T) {
	id, avc := privateOf(t, "avc-main-crop")
	hevcID, hevc := privateOf(t, "hevc-crop-hrd")
	for _, row := range []struct {
		name  string
		track *timeline.Track
		want  error
	}{
		{"motion jpeg", trackOf("V_MJPEG", nil), fmp4.ErrCodec},
		{"pcm", trackOf("A_PCM/INT/LIT", nil), fmp4.ErrCodec},
		{"data", trackOf("X_SENSOR", nil), fmp4.ErrCodec},
		{"nobody knows", trackOf("V_NEW", nil), fmp4.ErrCodec},
		{"h264 without private data", trackOf(id, nil), media.ErrMissing},
		{"h264 cut short", trackOf(id, avc[:20]), media.ErrTruncated},
		{"h265 without private data", trackOf(hevcID, nil), media.ErrMissing},
		{"h265 cut short", trackOf(hevcID, hevc[:40]), media.ErrTruncated},
		{"h265 without all its sets, behind start codes", trackOf(hevcID, unhex(t, "000000014001")), media.ErrMissing},
		{"av1 without private data", trackOf("V_AV1", nil), media.ErrMissing},
		{"aac without private data", trackOf("A_AAC", nil), media.ErrMissing},
		{"aac with more than a configuration", trackOf("A_AAC", append(unhex(t, "1190"), make([]byte, 63)...)), media.ErrLimit},
		{"opus without private data", trackOf("A_OPUS", nil), media.ErrMissing},
		{"a-law of no channels", trackOf("A_MS/ACM", unhex(t, "06000000401f0000401f0000010008000000")), media.ErrInvalid},
	} {
		t.Run(row.name, func(t *testing.T) {
			before := []byte("before")
			got, err := fmp4.AppendInit(before, row.track)
			if !errors.Is(err, row.want) || !bytes.Equal(got, before) {
				t.Errorf("AppendInit: %q, %v, want %v", got, err, row.want)
			}
			if _, err := fmp4.AppendSampleEntry(nil, row.track); !errors.Is(err, row.want) && !errors.Is(err, fmp4.ErrAnnexB) {
				t.Errorf("AppendSampleEntry: %v, want %v", err, row.want)
			}
			if _, _, err := fmp4.DisplaySize(row.track); !errors.Is(err, row.want) && !errors.Is(err, fmp4.ErrAnnexB) {
				t.Errorf("DisplaySize: %v, want %v", err, row.want)
			}
		})
	}
}
