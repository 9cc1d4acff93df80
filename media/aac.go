package media

import "strconv"

// AAC object types that are looked at.
const (
	aacMain = 1
	aacLTP  = 4
	aacSBR  = 5
	aacPS   = 29
)

// AACSignalling is how an AudioSpecificConfig tells about spectral band replication.
type AACSignalling uint8

// The ways of signalling; decoders that know no SBR refuse the last one only.
const (
	// AACImplicit says nothing: decoders find out from the frames.
	AACImplicit AACSignalling = iota
	// AACBackward has a trailing extension that old decoders do not read.
	AACBackward
	// AACHierarchical has the extension's object type in front.
	AACHierarchical
)

// AACConfig is an MPEG-4 AudioSpecificConfig, packed in bits:
//
//	objectType(5) rateIndex(4) channels(4)                    core
//	[objectType is 5 or 29: extRateIndex(4) objectType(5)]    AACHierarchical
//	shortFrames(1) dependsOnCore(1) extension(1) …            general audio
//	[2b7(11) 5(5) sbr(1) [extRateIndex(4) [548(11) ps(1)]]]   AACBackward
//
// Object type 31 is followed by six more bits, rate index 15 by a rate of 24 bits.
type AACConfig struct {
	// ObjectType is that of the core: 2 is AAC-LC.
	ObjectType uint8
	// SampleRate is that of the core, in samples a second.
	SampleRate int
	// ChannelConfig is 1 to 7, 11, 12 or 14, or 0 where a program configuration
	// element in the data lists the channels.
	ChannelConfig uint8
	// Channels is the number of channels of the core.
	Channels int
	// ShortFrames says that a frame has 960 samples a channel rather than 1,024.
	ShortFrames bool
	// Signalling says how SBR and PS were told.
	Signalling AACSignalling
	// SBR is spectral band replication, PS parametric stereo.
	SBR, PS bool
	// ExtensionRate is the output rate with SBR, zero without.
	ExtensionRate int
}

// ParseAACConfig reads an AudioSpecificConfig. Bytes behind what it knows are ignored.
func ParseAACConfig(b []byte) (AACConfig, error) {
	if len(b) == 0 {
		return AACConfig{}, syntax(AAC, "config", ErrMissing)
	}
	r := &bitReader{data: b, raw: true}
	var c AACConfig
	if err := c.readCore(r); err != nil {
		return AACConfig{}, err
	}
	if err := c.readGeneral(r); err != nil {
		return AACConfig{}, err
	}
	if r.short {
		return AACConfig{}, syntax(AAC, "config", ErrTruncated)
	}
	if c.Signalling != AACHierarchical {
		c.readBackward(r)
	}
	return c, nil
}

// SamplesPerFrame returns the samples that one frame holds for each channel of
// the core: 1,024, or 960.
func (c AACConfig) SamplesPerFrame() int {
	if c.ShortFrames {
		return 960
	}
	return 1024
}

// CodecString returns the RFC 6381 form with the object type that comes first
// in the configuration, such as "mp4a.40.2".
func (c AACConfig) CodecString() string {
	object := int(c.ObjectType)
	switch {
	case c.Signalling != AACHierarchical:
	case c.PS:
		object = aacPS
	case c.SBR:
		object = aacSBR
	}
	return "mp4a.40." + strconv.Itoa(object)
}

func aacParameters(private []byte) (Parameters, error) {
	c, err := ParseAACConfig(private)
	if err != nil {
		return Parameters{}, err
	}
	return Parameters{SampleRate: c.SampleRate, Channels: c.Channels, CodecString: c.CodecString()}, nil
}
