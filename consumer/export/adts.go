package export

import (
	"fmt"
	"strings"

	"github.com/millrace/millrace/consumer"
	"github.com/millrace/millrace/media"
)

// newADTS puts a header before each frame of AAC that has none. What replicates
// bands is left to the decoder to find.
func newADTS(t *track) (packer, error) {
	if t.Media.Codec != media.AAC {
		return nil, errKind
	}
	config, err := aacConfig(t)
	if err != nil {
		return nil, err
	}
	if config.ShortFrames {
		return nil, fmt.Errorf("frames of 960 samples: %w", media.ErrUnsupported)
	}
	header := media.ADTSHeader{ObjectType: config.ObjectType, SampleRate: config.SampleRate, ChannelConfig: config.ChannelConfig}
	if _, err := header.Append(nil, 1); err != nil {
		return nil, err
	}
	return func(dst []byte, f *consumer.Frame) ([]byte, error) {
		if media.HasADTS(f.Data) || len(f.Data) == 0 {
			return append(dst, f.Data...), nil
		}
		dst, err := header.Append(dst, len(f.Data))
		return append(dst, f.Data...), err
	}, nil
}

// aacConfig reads the codec private data, which stand behind a WAVEFORMATEX where
// the identifier is that of Windows.
func aacConfig(t *track) (media.AACConfig, error) {
	private := t.Media.Private
	if strings.HasPrefix(t.Media.CodecID, "A_MS/") {
		format, err := media.ParseWaveFormat(private)
		if err != nil {
			return media.AACConfig{}, err
		}
		private = format.Extra
	}
	return media.ParseAACConfig(private)
}

// newJPEG passes pictures on: what one begins and ends with, it brings.
func newJPEG(t *track) (packer, error) {
	if t.Media.Codec != media.MJPEG {
		return nil, errKind
	}
	return func(dst []byte, f *consumer.Frame) ([]byte, error) { return append(dst, f.Data...), nil }, nil
}
