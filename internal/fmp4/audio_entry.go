package fmp4

import (
	"fmt"
	"math"
	"strings"

	"github.com/Eyevinn/mp4ff/mp4"

	"github.com/millrace/millrace/internal/timeline"
	"github.com/millrace/millrace/media"
)

// soundEntry is the part that all entries of sound share. Their rate has 16
// bits; a higher one is said by the timescale and by the codec alone.
func soundEntry(name string, channels int, rate uint32) *mp4.AudioSampleEntryBox {
	const sampleSize = 16 // bits, whatever the codec
	if rate > math.MaxUint16 {
		rate = 0
	}
	return mp4.CreateAudioSampleEntryBox(name, uint16(channels), sampleSize, uint16(rate), nil)
}

func aacEntry(t *timeline.Track) (entry, error) {
	config, err := aacConfig(t)
	if err != nil {
		return entry{}, err
	}
	c, err := media.ParseAACConfig(config)
	if err != nil {
		return entry{}, err
	}
	const maxConfig = 64 // bytes; a descriptor's length has seven bits
	if len(config) > maxConfig {
		return entry{}, fmt.Errorf("audio specific config of %d bytes: %w", len(config), media.ErrLimit)
	}
	box := soundEntry("mp4a", c.Channels, t.Timescale)
	box.AddChild(mp4.CreateEsdsBox(config))
	return entry{box: box}, nil
}

// aacConfig is the AudioSpecificConfig, which the Windows form of codec private
// data has behind its own structure.
func aacConfig(t *timeline.Track) ([]byte, error) {
	if !strings.HasPrefix(t.Media.CodecID, "A_MS/ACM") {
		return t.Media.Private, nil
	}
	w, err := media.ParseWaveFormat(t.Media.Private)
	return w.Extra, err
}

func opusEntry(t *timeline.Track) (entry, error) {
	h, err := media.ParseOpusHead(t.Media.Private)
	if err != nil {
		return entry{}, err
	}
	box := soundEntry("Opus", int(h.Channels), t.Timescale)
	box.AddChild(&mp4.DopsBox{
		OutputChannelCount: h.Channels, PreSkip: h.PreSkip, InputSampleRate: h.InputRate, OutputGain: h.Gain,
		ChannelMappingFamily: h.Family, StreamCount: h.Streams, CoupledCount: h.Coupled, ChannelMapping: h.Mapping,
	})
	return entry{box: box}, nil
}

func g711Entry(t *timeline.Track) (entry, error) {
	if t.Fault != nil {
		return entry{}, t.Fault
	}
	name := "alaw"
	if t.Media.Codec == media.MuLaw {
		name = "ulaw"
	}
	return entry{box: soundEntry(name, t.Parameters.Channels, t.Timescale)}, nil
}
