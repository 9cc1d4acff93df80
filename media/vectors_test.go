package media_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/millrace/millrace/media"
)

// Frames of real files and clients: all are framed as their private data say,
// and what the headers of their units tell agrees with the container.
func TestFramesOfOtherPeoplesFiles(t *testing.T) {
	t.Parallel()
	for _, pattern := range []string{"media/*.mkv", "putmedia/*.mkv", "getmedia/*.mkv"} {
		for _, name := range vectorFiles(t, pattern) {
			if strings.HasSuffix(name, "test_mixed_tags.mkv") {
				continue // its payloads are not media
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				checkFrames(t, readMKV(t, name))
			})
		}
	}
}

func checkFrames(t *testing.T, f *mkvFile) {
	t.Helper()
	sizes := map[uint64]int{}
	codecs := map[uint64]media.Codec{}
	for _, track := range f.tracks {
		known, err := media.NewTrack(media.TrackNumber(track.number), track.codecID, track.private)
		if err != nil && track.private != nil {
			t.Errorf("track %d: %v", track.number, err)
		}
		if known.Codec == media.Unknown {
			t.Errorf("track %d: %q is unknown", track.number, track.codecID)
		}
		if known.Width != 0 && track.width != 0 && (known.Width != track.width || known.Height != track.height) {
			t.Errorf("track %d: %dx%d, container says %dx%d", track.number, known.Width, known.Height, track.width, track.height)
		}
		p, _ := known.Parameters()
		sizes[track.number], codecs[track.number] = p.LengthSize, known.Codec
	}
	for i, block := range f.blocks {
		checkFrame(t, i, block, codecs[block.track], sizes[block.track])
	}
}

func checkFrame(t *testing.T, i int, block mkvBlock, codec media.Codec, size int) {
	t.Helper()
	if codec.Type() != media.Video {
		return
	}
	info := media.Inspect(codec, block.payload, size)
	if info.Key != block.key {
		t.Errorf("block %d: key is %v, container says %v", i, info.Key, block.key)
	}
	if size == 0 {
		return
	}
	if !info.Clean || media.IsAnnexB(block.payload) {
		t.Errorf("block %d is not clean", i)
		return
	}
	annexB, err := media.AppendAnnexB(nil, block.payload, size)
	if err != nil || !media.IsAnnexB(annexB) {
		t.Errorf("block %d: to annex b: %v", i, err)
	}
	back, err := media.AppendLengthPrefixed(nil, annexB)
	if err != nil || !bytes.Equal(withoutTrailingZeros(block.payload, size), back) {
		t.Errorf("block %d changes on the way to annex b and back: %v", i, err)
	}
}

// withoutTrailingZeros drops the zero bytes at the end of units, which Annex B
// cannot carry.
func withoutTrailingZeros(payload []byte, size int) []byte {
	var out []byte
	for unit := range media.LengthPrefixedUnits(payload, size) {
		unit = bytes.TrimRight(unit, "\x00")
		n := len(unit)
		out = append(out, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
		out = append(out, unit...)
	}
	return out
}

func TestPictureSizesThatClientsAnnounce(t *testing.T) {
	t.Parallel()
	for _, name := range vectorFiles(t, "putmedia/*.expect.json") {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var expect struct {
			Tracks []struct {
				CodecID         string `json:"codec_id"`
				CodecPrivateHex string `json:"codec_private_hex"`
				Width, Height   int
				Rate            float64
				Channels        int
			}
		}
		if err := json.Unmarshal(data, &expect); err != nil {
			t.Fatal(err)
		}
		for _, want := range expect.Tracks {
			private, err := hex.DecodeString(want.CodecPrivateHex)
			if err != nil {
				t.Fatal(err)
			}
			if len(private) == 0 {
				continue
			}
			got, err := media.NewTrack(1, want.CodecID, private)
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if got.Width != want.Width || got.Height != want.Height || got.SampleRate != want.Rate || got.Channels != want.Channels {
				t.Errorf("%s: %+v, want %+v", name, got, want)
			}
		}
	}
}

// One capture has no codec private data: its parameter sets are in the first
// key frame, which is in Annex B form.
func TestPrivateDataAreMadeFromAKeyFrame(t *testing.T) {
	t.Parallel()
	f := readMKV(t, vectorFiles(t, "putmedia/kvssink-h265-mulaw.body.mkv")[0])
	c, err := media.HEVCConfigFromAnnexB(f.blocks[0].payload)
	if err != nil {
		t.Fatal(err)
	}
	record, err := c.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	track, err := media.NewTrack(1, "V_MPEGH/ISO/HEVC", record)
	if err != nil || track.Width != 320 || track.Height != 240 {
		t.Errorf("%dx%d, %v", track.Width, track.Height, err)
	}
}
