package media_test

import (
	"testing"

	"github.com/millrace/millrace/media"
)

func TestDetectCodec(t *testing.T) {
	t.Parallel()
	const aLaw, muLaw = "0600 0100 401f0000 e8030000 0100 0000 0000", "0700 0100 401f0000 401f0000 0100 0800"
	const mjpg = "28000000 40010000 f0000000 0100 1800 4d4a5047 00000000 00000000 00000000 00000000 00000000"
	tests := []struct {
		name, id, private string
		want              media.Codec
	}{
		{"H.264 as Matroska spells it", "V_MPEG4/ISO/AVC", "", media.AVC},
		{"H.264 as the AWS text spells it", "V_MPEG/ISO/AVC", "", media.AVC},
		{"H.264 padded with NUL bytes", "V_MPEG4/ISO/AVC\x00\x00\x00", "", media.AVC},
		{"H.265 as Matroska spells it", "V_MPEGH/ISO/HEVC", "", media.HEVC},
		{"H.265 as the AWS text spells it", "V_MPEG/ISO/HEVC", "", media.HEVC},
		{"AV1", "V_AV1", "", media.AV1},
		{"VP8", "V_VP8", "", media.VP8},
		{"VP9", "V_VP9", "", media.VP9},
		{"MJPEG by its own identifier", "V_MJPEG", "", media.MJPEG},
		{"MJPEG by its FourCC", "V_MS/VFW/FOURCC", mjpg, media.MJPEG},
		{"a FourCC identifier without a header", "V_MS/VFW/FOURCC", "", media.Unknown},
		{"AAC", "A_AAC", "", media.AAC},
		{"AAC with a profile in the identifier", "A_AAC/MPEG4/MAIN", "", media.AAC},
		{"an identifier that only begins like AAC", "A_AACX", "", media.Unknown},
		{"Opus", "A_OPUS", "", media.Opus},
		{"A-law with the numbers that a common client gets wrong", "A_MS/ACM", aLaw, media.ALaw},
		{"mu-law without the size of extra data", "A_MS/ACM", muLaw, media.MuLaw},
		{"mu-law with a padded identifier", "A_MS/ACM\x00", muLaw, media.MuLaw},
		{"an extensible format that means A-law", "A_MS/ACM", "feff 0100 401f0000 401f0000 0100 0800 1600 0800 04000000 0600 000000001000800000aa00389b71", media.ALaw},
		{"a Windows format of another codec", "A_MS/ACM", "5500 0100 401f0000 401f0000 0100 0000", media.Unknown},
		{"a Windows format cut short", "A_MS/ACM", "0600", media.Unknown},
		{"little-endian PCM", "A_PCM/INT/LIT", "", media.PCMLittle},
		{"big-endian PCM", "A_PCM/INT/BIG", "", media.PCMBig},
		{"floating-point PCM", "A_PCM/FLOAT/IEEE", "", media.PCMFloat},
		{"an identifier for experiments", "X_TEST", "", media.Data},
		{"an identifier for data", "D_SENSOR", "", media.Data},
		{"a codec that is not known", "V_REAL/RV40", "", media.Unknown},
		{"nothing at all", "", "", media.Unknown},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := media.DetectCodec(test.id, unhex(t, test.private)); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

func TestEveryCodecHasANameATypeAndAnIdentifier(t *testing.T) {
	t.Parallel()
	names := map[string]bool{}
	for c := media.AVC; c <= media.Data; c++ {
		if names[c.String()] || c.String() == media.Unknown.String() {
			t.Errorf("codec %d has the name %q", c, c)
		}
		names[c.String()] = true
		if c.Type() == 0 {
			t.Errorf("%v has no track type", c)
		}
		if got := media.DetectCodec(c.CodecID(), nil); got != c && c != media.ALaw && c != media.MuLaw {
			t.Errorf("%v has the identifier %q, which reads back as %v", c, c.CodecID(), got)
		}
	}
	if got := media.Codec(200).String(); got != "unknown" {
		t.Errorf("a codec out of range is called %q", got)
	}
	if media.Codec(200).CodecID() != "" || media.Unknown.CodecID() != "" || media.Unknown.Type() != 0 {
		t.Error("an unknown codec has an identifier or a type")
	}
}

func TestTrackTypeNames(t *testing.T) {
	t.Parallel()
	tests := map[media.TrackType]string{
		media.Video: "video", media.Audio: "audio", media.Subtitle: "subtitle", media.Metadata: "metadata", 99: "other",
	}
	for kind, want := range tests {
		if got := kind.String(); got != want {
			t.Errorf("type %d is %q, want %q", kind, got, want)
		}
	}
}

func TestNewTrackDropsPadding(t *testing.T) {
	t.Parallel()
	track, err := media.NewTrack(3, "V_VP8\x00\x00", nil)
	if err != nil || track.CodecID != "V_VP8" || track.Number != 3 || track.Type != media.Video || track.Codec != media.VP8 {
		t.Errorf("got %+v, %v", track, err)
	}
}

func TestClonedFrameHasItsOwnData(t *testing.T) {
	t.Parallel()
	data := []byte{1, 2, 3}
	clone := media.Frame{Track: 1, Key: true, Data: data}.Clone()
	data[0] = 9
	if clone.Data[0] != 1 || clone.Track != 1 || !clone.Key {
		t.Errorf("got %+v", clone)
	}
}
