package producer

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/millrace/millrace/media"
)

// Encoders hand frames over; what is in a file without a container has to be cut
// into them first.

func elementary(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "codec", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// accessUnits cuts a stream of H.264 or H.265 in front of the first unit behind a
// picture that cannot belong to it.
func accessUnits(codec media.Codec, stream []byte) (frames [][]byte) {
	from, picture := 0, false
	for at := 0; ; {
		begin, _, next, ok := media.NextAnnexB(stream, at)
		if !ok {
			return append(frames, stream[from:])
		}
		code := begin - 3
		if code > 0 && stream[code-1] == 0 {
			code--
		}
		info, _ := media.InspectUnit(codec, stream[begin:next])
		if picture && (info.First || info.Kind == media.UnitSet || info.Kind == media.UnitDelimiter || leads(codec, stream[begin])) {
			frames = append(frames, stream[from:code])
			from, picture = code, false
		}
		picture = picture || info.Kind == media.UnitSlice
		at = next
	}
}

// leads reports whether a unit of supplemental information stands in front of its
// picture.
func leads(codec media.Codec, header byte) bool {
	if codec == media.AVC {
		return header&0x1f == 6
	}
	return header>>1&0x3f == 39
}

// temporalUnitsOf cuts a stream of AV1 in front of the delimiters.
func temporalUnitsOf(t testing.TB, stream []byte) (frames [][]byte) {
	t.Helper()
	from := 0
	for rest := stream; len(rest) > 0; {
		unit, tail, ok := media.CutOBU(rest)
		if !ok {
			t.Fatalf("no unit at %d", len(stream)-len(rest))
		}
		if at := len(stream) - len(rest); unit.Kind == media.OBUTemporalDelimiter && at > 0 {
			frames = append(frames, stream[from:at])
			from = at
		}
		rest = tail
	}
	return append(frames, stream[from:])
}

func adtsFrames(t testing.TB, stream []byte) (frames [][]byte) {
	t.Helper()
	for len(stream) > 0 {
		h, err := media.ParseADTS(stream)
		if err != nil || h.FrameSize > len(stream) {
			t.Fatalf("%+v, %v", h, err)
		}
		frames = append(frames, stream[:h.FrameSize])
		stream = stream[h.FrameSize:]
	}
	return frames
}

// oggPackets takes the packets out of the pages of an Ogg file of one stream.
func oggPackets(t testing.TB, file []byte) (packets [][]byte) {
	t.Helper()
	var packet []byte
	for len(file) > 0 {
		const head = 27
		if !bytes.HasPrefix(file, []byte("OggS")) || len(file) < head {
			t.Fatal("not a page")
		}
		table := file[head : head+int(file[26])]
		file = file[head+len(table):]
		for _, n := range table {
			packet, file = append(packet, file[:n]...), file[n:]
			if n < 255 {
				packets, packet = append(packets, packet), nil
			}
		}
	}
	return packets
}

// Footage is a track and its frames, as an encoder hands them over.
type footage struct {
	track  media.Track
	frames [][]byte // in the order of decoding
	shown  []int    // the place of each in the order of showing
	keys   []int    // places in frames
	step   int      // milliseconds from one to the next
}

// films are those of testdata/codec.
func films(t testing.TB) map[string]footage {
	t.Helper()
	sound, opus := adtsFrames(t, elementary(t, "sound.aac")), oggPackets(t, elementary(t, "sound.opus"))
	return map[string]footage{
		"H.264": {
			media.Track{Codec: media.AVC},
			accessUnits(media.AVC, elementary(t, "picture.h264")),
			twice(0, 3, 1, 2, 6, 4, 5, 9, 7, 8),
			[]int{0, 10},
			100,
		},
		"H.265": {
			media.Track{Codec: media.HEVC},
			accessUnits(media.HEVC, elementary(t, "picture.h265")),
			twice(0, 3, 2, 1, 6, 5, 4, 9, 8, 7),
			[]int{0, 10},
			100,
		},
		"AV1": {
			media.Track{Codec: media.AV1},
			temporalUnitsOf(t, elementary(t, "picture.obu")),
			twice(0, 1, 2, 3, 4, 5, 6, 7, 8, 9),
			[]int{0, 10},
			100,
		},
		"AAC":  {media.Track{Codec: media.AAC}, sound, nil, nil, 64},
		"Opus": {media.Track{Codec: media.Opus, Private: opus[0]}, opus[2:], nil, nil, 20},
	}
}

// twice is the order of two groups of ten pictures.
func twice(order ...int) []int {
	for _, n := range order[:10] {
		order = append(order, n+10)
	}
	return order
}

// at is when frame i is shown, in milliseconds.
func (f *footage) at(i int) int64 {
	if f.shown != nil {
		i = f.shown[i]
	}
	return int64(i * f.step)
}
