package consumer_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/millrace/millrace/consumer"
	"github.com/millrace/millrace/media"
)

// unhex turns hexadecimal digits with spaces between them to bytes.
func unhex(t *testing.T, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

const (
	testSPS = "6742c028da01e0089f970110000003001000000303c0f1832a"
	testPPS = "68ce0fc8"
	code    = "00000001"
)

func avcTrack(t *testing.T, lengthSize int) *media.Track {
	t.Helper()
	config, err := media.NewAVCConfig([][]byte{unhex(t, testSPS)}, [][]byte{unhex(t, testPPS)})
	if err != nil {
		t.Fatal(err)
	}
	config.LengthSize = lengthSize
	private, err := config.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	track, err := media.NewTrack(1, "V_MPEG4/ISO/AVC", private)
	if err != nil {
		t.Fatal(err)
	}
	return &track
}

func TestAppendAnnexB(t *testing.T) {
	bare, err := media.NewTrack(1, "V_MPEG4/ISO/AVC", unhex(t, code+testSPS+code+testPPS))
	if err != nil {
		t.Fatal(err)
	}
	without, _ := media.NewTrack(1, "V_MPEG4/ISO/AVC", nil)
	for name, tc := range map[string]struct {
		track *media.Track
		key   bool
		data  string
		want  string
	}{
		"a key frame behind lengths of four":   {avcTrack(t, 4), true, "00000003 658884", code + testSPS + code + testPPS + code + "658884"},
		"behind lengths of two":                {avcTrack(t, 2), true, "0003 658884", code + testSPS + code + testPPS + code + "658884"},
		"another frame":                        {avcTrack(t, 4), false, "00000003 419a24 00000002 4199", code + "419a24" + code + "4199"},
		"a delimiter stays in front":           {avcTrack(t, 4), true, "00000002 09f0 00000003 658884", code + "09f0" + code + testSPS + code + testPPS + code + "658884"},
		"sets that the frame has":              {avcTrack(t, 4), true, "00000004" + testPPS + "00000003 658884", code + testSPS + code + testPPS + code + "658884"},
		"start codes although lengths are due": {avcTrack(t, 4), true, "000001 658884", code + testSPS + code + testPPS + code + "658884"},
		"private data in annex b form":         {&bare, true, "000001 658884 00000001 6588", code + testSPS + code + testPPS + code + "658884" + code + "6588"},
		"no private data":                      {&without, true, code + testSPS + code + testPPS + "000001 658884", code + testSPS + code + testPPS + code + "658884"},
		"no private data but lengths":          {&without, true, "00000003 658884", code + "658884"},
	} {
		f := consumer.Frame{Frame: media.Frame{Key: tc.key, Data: unhex(t, tc.data)}, Format: tc.track}
		got, err := f.AppendAnnexB([]byte("before"))
		if want := append([]byte("before"), unhex(t, tc.want)...); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %x, %v, want %x", name, got, err, want)
		}
	}
}

func TestAppendAnnexBRefusesWhatIsNone(t *testing.T) {
	sound := media.Track{Codec: media.AAC}
	for name, tc := range map[string]struct {
		frame consumer.Frame
		want  error
	}{
		"sound":                 {consumer.Frame{Format: &sound}, media.ErrUnsupported},
		"a track of no header":  {consumer.Frame{}, media.ErrUnsupported},
		"a length beyond it":    {consumer.Frame{Format: avcTrack(t, 4), Frame: media.Frame{Data: unhex(t, "00000009 6588")}}, media.ErrInvalid},
		"nothing":               {consumer.Frame{Format: avcTrack(t, 4)}, media.ErrInvalid},
		"three bytes of length": {consumer.Frame{Format: avcTrack(t, 4), Frame: media.Frame{Data: unhex(t, "000003 658884")}}, media.ErrInvalid},
	} {
		got, err := tc.frame.AppendAnnexB([]byte("before"))
		if !errors.Is(err, tc.want) || string(got) != "before" {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

func TestUnits(t *testing.T) {
	hevc := &media.Track{Codec: media.HEVC}
	for name, tc := range map[string]struct {
		track *media.Track
		data  string
		want  []string
	}{
		"behind lengths":             {avcTrack(t, 4), "00000003 658884 00000001 41", []string{"658884", "41"}},
		"up to a damaged one":        {avcTrack(t, 4), "00000003 658884 00000009 41", []string{"658884"}},
		"between start codes":        {avcTrack(t, 4), "000001 6588 00000001 41", []string{"6588", "41"}},
		"h.265 without private data": {hevc, "00000001 2601 000001 0201", []string{"2601", "0201"}},
		"obus":                       {&media.Track{Codec: media.AV1}, "1200 0a0b 00000024cffffffff5af00 3201ff", []string{"1200", "0a0b00000024cffffffff5af00", "3201ff"}},
		"an obu that is cut":         {&media.Track{Codec: media.AV1}, "1200 0a0b00", []string{"1200"}},
		"a frame of another codec":   {&media.Track{Codec: media.Opus}, "fc01", []string{"fc01"}},
		"a frame without a format":   {nil, "fc01", []string{"fc01"}},
		"no data":                    {nil, "", nil},
	} {
		var got []string
		for unit := range (consumer.Frame{Frame: media.Frame{Data: unhex(t, tc.data)}, Format: tc.track}).Units() {
			got = append(got, hex.EncodeToString(unit))
		}
		if !slices.Equal(got, tc.want) {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
}
