package playback_test

import (
	"bufio"
	"encoding/hex"
	"os"
	"strings"
	"testing"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/playback"
	"github.com/millrace/millrace/internal/timeline"
	"github.com/millrace/millrace/media"
)

// A part is a track of a format.
type part struct {
	number  media.TrackNumber
	codecID string
	private string // in hex
}

func formatOf(t testing.TB, parts ...part) *timeline.Format {
	t.Helper()
	f := &timeline.Format{}
	for _, p := range parts {
		b, err := hex.DecodeString(strings.ReplaceAll(p.private, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		m, _ := media.NewTrack(p.number, p.codecID, b)
		if m.Type == 0 && strings.HasPrefix(p.codecID, "A_") {
			m.Type = media.Audio
		}
		if m.Type == 0 {
			m.Type = media.Video
		}
		f.Tracks = append(f.Tracks, timeline.NewTrack(m))
	}
	return f
}

// privateOf is the codec private data of a name in media's test data, in hex.
func privateOf(t testing.TB, name string) string {
	t.Helper()
	file, err := os.Open("../../media/testdata/private.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if fields := strings.Split(lines.Text(), "\t"); len(fields) == 3 && fields[0] == name {
			return fields[2]
		}
	}
	t.Fatalf("no %s", name)
	return ""
}

const (
	avcID  = "V_MPEG4/ISO/AVC"
	hevcID = "V_MPEGH/ISO/HEVC"
	waveID = "A_MS/ACM"

	aacLC = "1210"
	alaw  = "0600 0100 401f0000 401f0000 0100 0800 0000"
	mulaw = "0700 0100 401f0000 401f0000 0100 0800 0000"
)

// TestTheServicesTable is the table of codecs, row by row.
func TestTheServicesTable(t *testing.T) {
	avc, hevc := privateOf(t, "avc-main-crop"), privateOf(t, "hevc-crop-hrd")
	uses := []playback.Use{playback.UseFMP4, playback.UseTS, playback.UseDASH, playback.UseClip}
	for name, tc := range map[string]struct {
		parts []part
		want  string // y or n for each of uses
	}{
		"H.264":                           {[]part{{1, avcID, avc}}, "yyyy"},
		"H.264 as some pages spell it":    {[]part{{1, "V_MPEG/ISO/AVC", avc}}, "yyyy"},
		"H.264 and AAC":                   {[]part{{1, avcID, avc}, {2, "A_AAC", aacLC}}, "yyyy"},
		"H.264 and AAC with a suffix":     {[]part{{1, avcID, avc}, {2, "A_AAC/MPEG4/LC", aacLC}}, "yyyy"},
		"H.264 and G.711 A-law":           {[]part{{1, avcID, avc}, {2, waveID, alaw}}, "nnyy"},
		"H.264 and G.711 mu-law":          {[]part{{1, avcID, avc}, {2, waveID, mulaw}}, "nnyn"},
		"H.265":                           {[]part{{1, hevcID, hevc}}, "ynyy"},
		"H.265 and AAC":                   {[]part{{1, hevcID, hevc}, {2, "A_AAC", aacLC}}, "ynyy"},
		"H.265 and G.711":                 {[]part{{1, hevcID, hevc}, {2, waveID, alaw}}, "nnnn"},
		"AAC":                             {[]part{{1, "A_AAC", aacLC}}, "yyyn"},
		"G.711":                           {[]part{{1, waveID, alaw}}, "nnnn"},
		"a third track":                   {[]part{{1, avcID, avc}, {2, "A_AAC", aacLC}, {3, "A_AAC", aacLC}}, "nnnn"},
		"a track with a number above two": {[]part{{1, avcID, avc}, {3, "A_AAC", aacLC}}, "nnnn"},
		"the picture in the second track": {[]part{{2, avcID, avc}, {1, "A_AAC", aacLC}}, "nnnn"},
		"two pictures":                    {[]part{{1, avcID, avc}, {2, avcID, avc}}, "nnnn"},
		"AV1":                             {[]part{{1, "V_AV1", privateOf(t, "av1-10")}}, "nnnn"},
		"H.264 and Opus":                  {[]part{{1, avcID, avc}, {2, "A_OPUS", privateOf(t, "opus-51")}}, "nnnn"},
		"an unknown codec":                {[]part{{1, "V_THEORA", ""}}, "nnnn"},
		"no track":                        {nil, "nnnn"},
		"the tracks in another order":     {[]part{{2, "A_AAC", aacLC}, {1, avcID, avc}}, "yyyy"},
		"H.264 and data":                  {[]part{{1, avcID, avc}, {2, "X_DATA", ""}}, "nnnn"},
		"H.265 and G.711 mu-law":          {[]part{{1, hevcID, hevc}, {2, waveID, mulaw}}, "nnnn"},
		"H.265 as some pages spell it":    {[]part{{1, "V_MPEG/ISO/HEVC", hevc}}, "ynyy"},
	} {
		t.Run(name, func(t *testing.T) {
			for i, u := range uses {
				_, err := playback.Rules{Strict: true}.Admit(u, formatOf(t, tc.parts...))
				if want := tc.want[i] == 'y'; (err == nil) != want {
					t.Errorf("use %d: %v", u, err)
				}
				if err != nil && millrace.CodeOf(err) != millrace.CodeUnsupportedMedia {
					t.Errorf("use %d: code %d: %v", u, millrace.CodeOf(err), err)
				}
			}
		})
	}
}

// TestCodecPrivateData is the table of their rules, row by row, with the texts
// that clients know.
func TestCodecPrivateData(t *testing.T) {
	avc, hevc := privateOf(t, "avc-main-crop"), privateOf(t, "hevc-crop-hrd")
	missing, invalid := millrace.CodeMissingPrivateData, millrace.CodeInvalidPrivateData
	for name, tc := range map[string]struct {
		parts []part
		use   playback.Use
		code  millrace.Code
		text  string
	}{
		"H.264 without any":                  {[]part{{1, avcID, ""}}, playback.UseFMP4, missing, "Missing codec private data in fragment for track 1."},
		"AAC without any":                    {[]part{{1, avcID, avc}, {2, "A_AAC", ""}}, playback.UseFMP4, missing, "Missing codec private data in fragment for track 2."},
		"H.265 without any":                  {[]part{{1, hevcID, ""}}, playback.UseFMP4, missing, "Missing codec private data in fragment for track 1."},
		"G.711 without any":                  {[]part{{1, avcID, avc}, {2, waveID, ""}}, playback.UseClip, missing, "Missing codec private data in fragment for track 2."},
		"H.264 as Annex B":                   {[]part{{1, avcID, "00000001 6742c01e 00000001 68ce3c80"}}, playback.UseFMP4, invalid, "Invalid codec private data in fragment for track 1."},
		"H.264 that is garbage":              {[]part{{1, avcID, "ffffffffffffffff"}}, playback.UseFMP4, invalid, "Invalid codec private data in fragment for track 1."},
		"H.264 that is cut":                  {[]part{{1, avcID, avc[:20]}}, playback.UseFMP4, invalid, "Invalid codec private data in fragment for track 1."},
		"H.264 without parameter sets":       {[]part{{1, avcID, "0142c01effe000"}}, playback.UseFMP4, invalid, "Invalid codec private data in fragment for track 1."},
		"H.265 as Annex B":                   {[]part{{1, hevcID, "00000001 40010c01"}}, playback.UseFMP4, invalid, "Invalid codec private data in fragment for track 1."},
		"H.265 that is cut":                  {[]part{{1, hevcID, hevc[:30]}}, playback.UseFMP4, invalid, "Invalid codec private data in fragment for track 1."},
		"AAC of eighteen bytes":              {[]part{{1, avcID, avc}, {2, "A_AAC", strings.Repeat("12", 18)}}, playback.UseFMP4, invalid, "AAC CPD must be of length 2 or 5, but was 18."},
		"AAC of three bytes":                 {[]part{{1, "A_AAC", "121000"}}, playback.UseFMP4, invalid, "AAC CPD must be of length 2 or 5, but was 3."},
		"AAC with the frequency index 13":    {[]part{{1, "A_AAC", "1690"}}, playback.UseFMP4, invalid, "Invalid codec private data in fragment for track 1."},
		"AAC without channels":               {[]part{{1, "A_AAC", "1200"}}, playback.UseFMP4, invalid, "Invalid codec private data in fragment for track 1."},
		"G.711 that is too short":            {[]part{{1, avcID, avc}, {2, waveID, "0600 0100"}}, playback.UseClip, invalid, "Invalid codec private data in fragment for track 2."},
		"G.711 with another tag":             {[]part{{1, avcID, avc}, {2, waveID, "5500" + alaw[4:]}}, playback.UseClip, invalid, "Invalid codec private data in fragment for track 2."},
		"G.711 of sixteen bits":              {[]part{{1, avcID, avc}, {2, waveID, "0600 0100 401f0000 401f0000 0100 1000 0000"}}, playback.UseClip, invalid, "Invalid codec private data in fragment for track 2."},
		"G.711 of three channels":            {[]part{{1, avcID, avc}, {2, waveID, "0600 0300 401f0000 401f0000 0100 0800 0000"}}, playback.UseClip, invalid, "Invalid codec private data in fragment for track 2."},
		"what is missing comes before":       {[]part{{1, avcID, "ffff"}, {2, "A_AAC", ""}}, playback.UseFMP4, missing, "Missing codec private data in fragment for track 2."},
		"codecs come before what is missing": {[]part{{1, avcID, ""}, {2, waveID, alaw}}, playback.UseFMP4, millrace.CodeUnsupportedMedia, "The type of the media is not supported or could not be determined from the media codec ids: (track 1: V_MPEG4/ISO/AVC), (track 2: A_MS/ACM)."},
		"G.711 of sixteen bytes is right":    {[]part{{1, avcID, avc}, {2, waveID, "0600 0100 401f0000 401f0000 0100 0800"}}, playback.UseClip, 0, ""},
		"AAC of two bytes is right":          {[]part{{1, "A_AAC", aacLC}}, playback.UseFMP4, 0, ""},
		"AAC of five bytes is right":         {[]part{{1, "A_AAC", "121056e500"}}, playback.UseFMP4, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := playback.Rules{Strict: true}.Admit(tc.use, formatOf(t, tc.parts...))
			if tc.code == 0 {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if millrace.CodeOf(err) != tc.code || !strings.HasPrefix(err.Error(), strings.TrimSuffix(tc.text, ".")) {
				t.Errorf("code %d: %v", millrace.CodeOf(err), err)
			}
		})
	}
}

// What the service does not play is played where there is a place for it.
func TestWhateverHasAPlaceIsPlayed(t *testing.T) {
	avc, hevc := privateOf(t, "avc-main-crop"), privateOf(t, "hevc-crop-hrd")
	opus, av1 := privateOf(t, "opus-51"), privateOf(t, "av1-10")
	for name, tc := range map[string]struct {
		parts []part
		use   playback.Use
		want  string // numbers of the tracks that are played; empty: none
	}{
		"H.265 and G.711":                        {[]part{{1, hevcID, hevc}, {2, waveID, alaw}}, playback.UseFMP4, "12"},
		"AV1 and Opus":                           {[]part{{1, "V_AV1", av1}, {2, "A_OPUS", opus}}, playback.UseFMP4, "12"},
		"the first of several":                   {[]part{{4, "X_DATA", ""}, {7, avcID, avc}, {5, "A_AAC", aacLC}, {2, "A_AAC", aacLC}, {1, avcID, avc}}, playback.UseFMP4, "75"},
		"AAC of eighteen bytes":                  {[]part{{1, "A_AAC", "1210" + strings.Repeat("00", 16)}}, playback.UseFMP4, "1"},
		"sound that has no place is passed over": {[]part{{1, avcID, avc}, {2, waveID, alaw}}, playback.UseTS, "1"},
		"a picture that has none is refused":     {[]part{{1, hevcID, hevc}, {2, "A_AAC", aacLC}}, playback.UseTS, ""},
		"VP8 is refused":                         {[]part{{1, "V_VP8", ""}}, playback.UseFMP4, ""},
		"sound alone":                            {[]part{{3, "A_OPUS", opus}}, playback.UseFMP4, "3"},
		"data alone is refused":                  {[]part{{1, "X_DATA", ""}}, playback.UseFMP4, ""},
		"H.264 without private data is refused":  {[]part{{1, avcID, ""}}, playback.UseFMP4, ""},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := playback.Rules{}.Admit(tc.use, formatOf(t, tc.parts...))
			got := ""
			for _, track := range p.Tracks() {
				got += string(rune('0' + track.Media.Number))
			}
			if got != tc.want || (err == nil) != (tc.want != "") {
				t.Errorf("played %q, %v; want %q", got, err, tc.want)
			}
		})
	}
}

func TestProgramsAreCompared(t *testing.T) {
	avc, other := privateOf(t, "avc-main-crop"), privateOf(t, "avc-baseline-1080")
	admit := func(parts ...part) playback.Program {
		p, err := playback.Rules{}.Admit(playback.UseFMP4, formatOf(t, parts...))
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	base := admit(part{1, avcID, avc}, part{2, "A_AAC", aacLC})
	for name, tc := range map[string]struct {
		p             playback.Program
		media, codecs bool
	}{
		"the same":              {admit(part{1, avcID, avc}, part{2, "A_AAC", aacLC}), true, true},
		"other track numbers":   {admit(part{3, avcID, avc}, part{9, "A_AAC", aacLC}), true, true},
		"another resolution":    {admit(part{1, avcID, other}, part{2, "A_AAC", aacLC}), false, true},
		"no sound":              {admit(part{1, avcID, avc}), false, false},
		"another codec":         {admit(part{1, hevcID, privateOf(t, "hevc-crop-hrd")}, part{2, "A_AAC", aacLC}), false, false},
		"another rate of sound": {admit(part{1, avcID, avc}, part{2, "A_AAC", "1190"}), false, true},
	} {
		if base.SameMedia(tc.p) != tc.media || base.SameCodecs(tc.p) != tc.codecs {
			t.Errorf("%s: media %v, codecs %v", name, base.SameMedia(tc.p), base.SameCodecs(tc.p))
		}
	}
}
