package producer

import (
	"math"

	"github.com/millrace/millrace/media"
)

const (
	g711Rate = 8000 // samples a second, where none is declared
	g711Bits = 8
)

// declareSamples checks the format of G.711 and PCM, or makes one.
func (c *conditioner) declareSamples() error {
	t := &c.now
	law := t.Codec == media.ALaw || t.Codec == media.MuLaw
	if law && len(t.Private) == 0 {
		if t.SampleRate == 0 {
			t.SampleRate = g711Rate
		}
		t.Channels, t.BitDepth = max(t.Channels, 1), g711Bits
	}
	if t.CodecID == "A_MS/ACM" {
		if err := c.declareWave(law); err != nil {
			return err
		}
	}
	if t.SampleRate == 0 || t.Channels == 0 {
		return &TrackError{Track: t.Number, Part: "sample rate and channels", Err: media.ErrMissing}
	}
	align := t.Channels
	if !law {
		if t.BitDepth == 0 || t.BitDepth%8 != 0 {
			return &TrackError{Track: t.Number, Part: "bit depth", Err: media.ErrInvalid}
		}
		align *= t.BitDepth / 8
	}
	c.shape, c.known = samples{align}, true
	return nil
}

// declareWave reads the format, or writes that of G.711. Some clients leave the
// bits of a sample out, without which the sound is not played.
func (c *conditioner) declareWave(law bool) error {
	t := &c.now
	w, err := media.ParseWaveFormat(t.Private)
	switch {
	case len(t.Private) == 0 && law:
		w, err = media.NewG711(t.Codec, uint32(math.Round(t.SampleRate)), uint16(t.Channels))
	case err == nil && law && w.BitsPerSample == 0:
		w.BitsPerSample = g711Bits
	}
	if err != nil {
		return c.privateError(err)
	}
	switch {
	case t.SampleRate != 0 && uint32(math.Round(t.SampleRate)) != w.SampleRate:
		return c.contradicts("sample rate")
	case t.Channels != 0 && t.Channels != int(w.Channels):
		return c.contradicts("channels")
	case t.BitDepth != 0 && t.BitDepth != int(w.BitsPerSample):
		return c.contradicts("bit depth")
	}
	if len(t.Private) == 0 || law && t.Private[14]|t.Private[15] == 0 {
		if t.Private, err = w.Append(nil); err != nil {
			return c.privateError(err)
		}
	}
	t.SampleRate, t.Channels, t.BitDepth = float64(w.SampleRate), int(w.Channels), int(w.BitsPerSample)
	if _, err := t.Parameters(); err != nil {
		return c.privateError(err)
	}
	return nil
}

// samples is for G.711 and PCM: whole samples of all channels.
type samples struct {
	align int // bytes of one sample of all channels
}

func (s samples) shape(_ *conditioner, _ []byte, f media.Frame) (conditioned, error) {
	if n := len(f.Data) % s.align; n != 0 {
		return conditioned{}, refuse(f, len(f.Data)-n, "end of the last sample", ErrBadFrame)
	}
	return conditioned{Payload: f.Data, Key: true, Discardable: f.Discardable}, nil
}
