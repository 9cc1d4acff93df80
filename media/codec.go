package media

import "strings"

// Codec names how the frames of a track are encoded.
type Codec uint8

// The codecs this package can tell apart.
const (
	// Unknown is a codec that this package has no name for.
	Unknown Codec = iota
	// AVC is H.264.
	AVC
	// HEVC is H.265.
	HEVC
	// AV1 is AOMedia Video 1.
	AV1
	// VP8 is recognised, its frames are not looked into beyond the key flag.
	VP8
	// VP9 is recognised, its frames are not looked into beyond the key flag.
	VP9
	// MJPEG is a sequence of JPEG pictures.
	MJPEG
	// AAC is Advanced Audio Coding as raw frames, without ADTS headers.
	AAC
	// Opus is the Opus audio codec.
	Opus
	// ALaw is G.711 A-law, eight bits a sample.
	ALaw
	// MuLaw is G.711 mu-law, eight bits a sample.
	MuLaw
	// PCMLittle is signed integer PCM, least significant byte first.
	PCMLittle
	// PCMBig is signed integer PCM, most significant byte first (L16).
	PCMBig
	// PCMFloat is IEEE floating-point PCM, least significant byte first.
	PCMFloat
	// Data is anything that is not meant for a media decoder, such as sensor records.
	Data
	// PNG is a sequence of PNG pictures, such as depth images.
	PNG

	codecs // number of codecs; keep last
)

// String returns a short lower-case name, "unknown" for values out of range.
func (c Codec) String() string {
	names := [codecs]string{
		Unknown: "unknown", AVC: "avc", HEVC: "hevc", AV1: "av1", VP8: "vp8", VP9: "vp9",
		MJPEG: "mjpeg", AAC: "aac", Opus: "opus", ALaw: "alaw", MuLaw: "mulaw",
		PCMLittle: "pcm-le", PCMBig: "pcm-be", PCMFloat: "pcm-float", Data: "data", PNG: "png",
	}
	if c >= codecs {
		return names[Unknown]
	}
	return names[c]
}

// Type returns the kind of track that the codec belongs to, and zero for Unknown.
func (c Codec) Type() TrackType {
	switch c {
	case AVC, HEVC, AV1, VP8, VP9, MJPEG, PNG:
		return Video
	case AAC, Opus, ALaw, MuLaw, PCMLittle, PCMBig, PCMFloat:
		return Audio
	case Data:
		return Metadata
	default:
		return 0
	}
}

// CodecID returns the identifier that Matroska uses for the codec: what
// [DetectCodec] reads back, given matching codec private data. It is empty for
// Unknown. G.711 and PNG share their identifiers with every other format that
// Windows has a number for, so only their private data tell which one it is.
func (c Codec) CodecID() string {
	ids := [codecs]string{
		AVC: "V_MPEG4/ISO/AVC", HEVC: "V_MPEGH/ISO/HEVC", AV1: "V_AV1", VP8: "V_VP8", VP9: "V_VP9",
		MJPEG: "V_MJPEG", AAC: "A_AAC", Opus: "A_OPUS", ALaw: idACM, MuLaw: idACM,
		PCMLittle: "A_PCM/INT/LIT", PCMBig: "A_PCM/INT/BIG", PCMFloat: "A_PCM/FLOAT/IEEE", Data: "X_DATA", PNG: idVFW,
	}
	if c >= codecs {
		return ""
	}
	return ids[c]
}

// Identifiers under which the codec is named by the codec private data.
const (
	idACM = "A_MS/ACM"
	idVFW = "V_MS/VFW/FOURCC"
)

// DetectCodec returns the codec that a Matroska CodecID and CodecPrivate name.
// Trailing NUL bytes of codecID, with which some clients pad it, are ignored.
// CodecPrivate is looked at only where the identifier leaves the choice to it:
// the WAVEFORMATEX of A_MS/ACM and the BITMAPINFOHEADER of V_MS/VFW/FOURCC.
// What cannot be recognised is Unknown, except that identifiers in the private
// name spaces X_ and D_ are Data.
func DetectCodec(codecID string, private []byte) Codec {
	id := strings.TrimRight(codecID, "\x00")
	switch id {
	case "V_MPEG4/ISO/AVC", "V_MPEG/ISO/AVC":
		return AVC
	case "V_MPEGH/ISO/HEVC", "V_MPEG/ISO/HEVC":
		return HEVC
	case "V_AV1":
		return AV1
	case "V_VP8":
		return VP8
	case "V_VP9":
		return VP9
	case "V_MJPEG":
		return MJPEG
	case "A_OPUS":
		return Opus
	case "A_PCM/INT/LIT":
		return PCMLittle
	case "A_PCM/INT/BIG":
		return PCMBig
	case "A_PCM/FLOAT/IEEE":
		return PCMFloat
	case idACM:
		return detectWave(private)
	case idVFW:
		return detectBitmap(private)
	}
	return detectPrefix(id)
}

func detectPrefix(id string) Codec {
	switch {
	case id == "A_AAC", strings.HasPrefix(id, "A_AAC/"):
		return AAC
	case strings.HasPrefix(id, "X_"), strings.HasPrefix(id, "D_"):
		return Data
	default:
		return Unknown
	}
}
