package producer

import (
	"math"

	"github.com/millrace/millrace/media"
)

// declareAAC checks the configuration, or makes one of AAC-LC from sampling rate
// and channels. Without either it has to come with ADTS headers.
func (c *conditioner) declareAAC() error {
	t := &c.now
	if t.CodecID == "A_MS/ACM" && len(t.Private) > 0 {
		w, err := media.ParseWaveFormat(t.Private)
		if err != nil {
			return c.privateError(err)
		}
		t.Private = w.Extra
	}
	s := &rawAAC{}
	c.shape, t.CodecID = s, media.AAC.CodecID()
	config := media.AACConfig{ObjectType: aacLC, SampleRate: int(math.Round(t.SampleRate)), ChannelConfig: aacChannelConfig(t.Channels)}
	var err error
	switch {
	case len(t.Private) > 0:
		if config, err = media.ParseAACConfig(t.Private); err != nil {
			return c.privateError(err)
		}
	case t.SampleRate > 0 && t.Channels > 0:
		if t.Private, err = config.Append(nil); err != nil {
			return c.privateError(err)
		}
		config.Channels = t.Channels
	default:
		return nil
	}
	if part := contradiction(*t, config); part != "" {
		return c.contradicts(part)
	}
	s.config, c.known = config, true
	c.describe(config)
	return nil
}

const aacLC = 2

// aacChannelConfig is the configuration that has so many channels, 0 if none has.
func aacChannelConfig(channels int) uint8 {
	switch {
	case channels >= 1 && channels <= 6:
		return uint8(channels)
	case channels == 8:
		return 7
	default:
		return 0
	}
}

// contradiction names the field of the declaration that cannot be true of the
// configuration. Extensions that double rate or channels may be declared or not,
// even where the configuration leaves them to the frames.
func contradiction(t media.Track, c media.AACConfig) string {
	rate := int(math.Round(t.SampleRate))
	switch {
	case rate != 0 && rate != c.SampleRate && rate != c.ExtensionRate && (c.SBR || rate != 2*c.SampleRate):
		return "sample rate"
	case t.Channels == 0, c.Channels == 0, t.Channels == c.Channels, t.Channels == 2 && c.Channels == 1 && c.Signalling != media.AACBackward:
		return ""
	case c.PS && t.Channels == 2:
		return ""
	default:
		return "channels"
	}
}

// describe fills in rate and channels where they are not declared.
func (c *conditioner) describe(config media.AACConfig) {
	if c.now.SampleRate == 0 {
		c.now.SampleRate = float64(config.SampleRate)
	}
	if c.now.Channels == 0 {
		c.now.Channels = config.Channels
	}
}

// rawAAC takes the ADTS headers off frames of AAC that have them.
type rawAAC struct {
	config media.AACConfig // in force
}

func (s *rawAAC) shape(c *conditioner, _ []byte, f media.Frame) (conditioned, error) {
	out := conditioned{Payload: f.Data, Key: true, Discardable: f.Discardable}
	if !media.HasADTS(f.Data) {
		if !c.known {
			return conditioned{}, refuse(f, 0, "AudioSpecificConfig or ADTS header", ErrNeedPrivate)
		}
		return out, nil
	}
	h, err := media.ParseADTS(f.Data)
	switch {
	case err != nil:
		return conditioned{}, refuse(f, 0, "adts header", damaged(err))
	case h.FrameSize > len(f.Data):
		return conditioned{}, refuse(f, len(f.Data), "end of the adts frame", ErrBadFrame)
	case h.FrameSize < len(f.Data):
		return conditioned{}, refuse(f, h.FrameSize, "more than one adts frame", ErrBadFrame)
	case h.Blocks > 1:
		return conditioned{}, refuse(f, 6, "more than one block behind an adts header", ErrBadFrame)
	}
	if out.Changed, err = s.settle(c, f, h); err != nil {
		return conditioned{}, err
	}
	out.Payload = f.Data[h.HeaderSize:]
	return out, nil
}

// settle puts the configuration of a header in force. What is declared and cannot
// be true of it gives way.
func (s *rawAAC) settle(c *conditioner, f media.Frame, h media.ADTSHeader) (changed bool, err error) {
	now := s.config
	if c.known && h.ObjectType == now.ObjectType && h.SampleRate == now.SampleRate && h.ChannelConfig == now.ChannelConfig {
		return false, nil
	}
	if h.ChannelConfig == 0 {
		return false, refuse(f, 2, "AudioSpecificConfig that lists the channels", ErrNeedPrivate)
	}
	config := h.Config()
	private, err := config.Append(nil)
	if err != nil {
		return false, refuse(f, 2, "adts channels", damaged(err))
	}
	before := c.known
	s.config, c.known, c.now.Private = config, true, private
	if before || contradiction(c.now, config) != "" {
		c.now.SampleRate, c.now.Channels = 0, 0
	}
	c.describe(config)
	return before, nil
}

// declareOpus checks the identification header, or makes one.
func (c *conditioner) declareOpus() error {
	t := &c.now
	c.shape, c.known, t.CodecID = packets{}, true, media.Opus.CodecID()
	if len(t.Private) > 0 {
		h, err := media.ParseOpusHead(t.Private)
		if err != nil {
			return c.privateError(err)
		}
		if t.Channels != 0 && t.Channels != int(h.Channels) {
			return c.contradicts("channels")
		}
		t.Channels = int(h.Channels)
	} else {
		if t.Channels == 0 {
			t.Channels = 1
		}
		private, err := media.OpusHead{Channels: uint8(t.Channels), InputRate: uint32(t.SampleRate)}.Append(nil)
		if err != nil {
			return c.privateError(err)
		}
		t.Private = private
	}
	t.SampleRate = opusRate
	return nil
}

const opusRate = 48000 // what Opus decodes to, in samples a second

// packets is for Opus.
type packets struct{}

func (packets) shape(_ *conditioner, _ []byte, f media.Frame) (conditioned, error) {
	if _, err := media.OpusDuration(f.Data); err != nil {
		return conditioned{}, refuse(f, 0, "opus packet", damaged(err))
	}
	return conditioned{Payload: f.Data, Key: true, Discardable: f.Discardable}, nil
}
