package ts

import (
	"fmt"

	"github.com/asticode/go-astits"

	"github.com/millrace/millrace/internal/timeline"
	"github.com/millrace/millrace/media"
)

const (
	// soundSpan is how much sound goes into one PES packet, in ticks.
	soundSpan = clockStep

	// soundSlip is how far a frame may be from where the frames before it in its
	// PES packet end, in ticks: times are rounded to milliseconds.
	soundSlip = 2 * second / 1000

	adtsHeader   = 7
	maxADTSFrame = 1<<13 - 1 // bytes, with the header
)

// sound is the lane of AAC: PES packets of several ADTS frames.
type sound struct {
	header  [adtsHeader]byte // of a frame without its length
	frame   int64            // samples in one
	scale   int64
	delay   int64
	samples []timeline.Sample
	cluster []byte
	index   int
	at      int64 // of the next frame, in ticks of the track
	data    []byte
}

func newSound(t *timeline.Track, r *timeline.Run, cluster []byte, delay int64) (*sound, error) {
	config, err := media.ParseAACConfig(t.Media.Private)
	if err != nil {
		return nil, err
	}
	header, err := newADTS(config)
	if err != nil {
		return nil, err
	}
	return &sound{
		header: header, frame: int64(config.SamplesPerFrame()), scale: int64(t.Timescale), delay: delay,
		samples: r.Samples, cluster: cluster, at: r.Start,
	}, nil
}

// newADTS makes the header of frames: syncword and MPEG-4 without CRC, profile,
// rate and channels of the core, a buffer of which nothing is said. What
// replicates bands is left to the decoder to find.
func newADTS(c media.AACConfig) ([adtsHeader]byte, error) {
	rate := adtsRate(c.SampleRate)
	switch {
	case c.ObjectType < 1 || c.ObjectType > 4:
		return [adtsHeader]byte{}, fmt.Errorf("aac of object type %d in a transport stream: %w", c.ObjectType, media.ErrUnsupported)
	case rate < 0:
		return [adtsHeader]byte{}, fmt.Errorf("aac of %d Hz in a transport stream: %w", c.SampleRate, media.ErrUnsupported)
	case c.ChannelConfig < 1 || c.ChannelConfig > 7:
		return [adtsHeader]byte{}, fmt.Errorf("aac of channel configuration %d in a transport stream: %w", c.ChannelConfig, media.ErrUnsupported)
	case c.ShortFrames:
		return [adtsHeader]byte{}, fmt.Errorf("aac of 960 samples a frame in a transport stream: %w", media.ErrUnsupported)
	}
	return [adtsHeader]byte{
		0xff, 0xf1, (c.ObjectType-1)<<6 | byte(rate)<<2 | c.ChannelConfig>>2,
		c.ChannelConfig & 3 << 6, 0, 0x1f, 0xfc,
	}, nil
}

// adtsRate is the index of a rate, -1 if it has none.
func adtsRate(rate int) int {
	for i, r := range [...]int{96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350} {
		if r == rate {
			return i
		}
	}
	return -1
}

func (s *sound) stream() elementary {
	return elementary{pid: soundPID, kind: astits.StreamTypeAACAudio}
}

func (s *sound) next() (int64, bool) {
	return s.time(s.at), s.index < len(s.samples)
}

// time is a time of the track on the clock.
func (s *sound) time(ticks int64) int64 {
	return headStart + s.delay + timeline.Rescale(ticks, s.scale, second)
}

func (s *sound) fill(to *packet) (bool, error) {
	s.data = s.data[:0]
	first, frames := s.at, int64(0)
	to.pts = to.dts
	for s.index < len(s.samples) {
		follows := first + frames*s.frame
		slip := s.time(s.at) - s.time(follows)
		full := s.time(follows+s.frame)-s.time(first) > soundSpan
		if frames > 0 && (full || slip > soundSlip || slip < -soundSlip) {
			break
		}
		some, err := s.take()
		if err != nil {
			return false, err
		}
		if !some {
			break
		}
		frames++
	}
	to.data = s.data
	return frames > 0, nil
}

// take appends the next frame, unless it is empty.
func (s *sound) take() (bool, error) {
	sample := &s.samples[s.index]
	length := adtsHeader + int64(sample.Size)
	if length > maxADTSFrame {
		return false, fmt.Errorf("frame at %d: aac of %d bytes: %w", sample.Offset, sample.Size, media.ErrLimit)
	}
	s.index++
	s.at += int64(sample.Duration)
	if sample.Size == 0 {
		return false, nil
	}
	h := s.header
	h[3] |= byte(length >> 11)
	h[4] = byte(length >> 3)
	h[5] |= byte(length << 5)
	s.data = append(append(s.data, h[:]...), s.cluster[sample.Offset:int64(sample.Offset)+int64(sample.Size)]...)
	return true, nil
}
