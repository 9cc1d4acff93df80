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

// readCore reads object type, rate and channels.
func (c *AACConfig) readCore(r *bitReader) error {
	c.ObjectType, c.SampleRate = readAACObject(r), readAACRate(r)
	c.ChannelConfig = uint8(r.bits(4))
	if c.ObjectType == aacSBR || c.ObjectType == aacPS {
		c.Signalling, c.SBR, c.PS = AACHierarchical, true, c.ObjectType == aacPS
		c.ExtensionRate = readAACRate(r)
		c.ObjectType = readAACObject(r)
	}
	switch {
	case r.short:
		return syntax(AAC, "config", ErrTruncated)
	case c.ObjectType == 0, c.ObjectType == aacSBR, c.ObjectType == aacPS:
		return syntax(AAC, "config object type", ErrInvalid)
	case c.SampleRate == 0, c.SBR && c.ExtensionRate == 0:
		return syntax(AAC, "config sample rate", ErrInvalid)
	}
	c.Channels = aacChannels(c.ChannelConfig)
	if c.Channels == 0 && c.ChannelConfig != 0 {
		return syntax(AAC, "config channels", ErrInvalid)
	}
	return nil
}

// readGeneral reads the GASpecificConfig of the object types that have one.
func (c *AACConfig) readGeneral(r *bitReader) error {
	if !aacHasGeneral(c.ObjectType) {
		return nil
	}
	c.ShortFrames = r.flag()
	if r.flag() { // dependsOnCoreCoder
		r.skip(14)
	}
	extension := r.flag()
	if c.ChannelConfig == 0 {
		c.Channels = readAACProgram(r)
		if c.Channels == 0 {
			return syntax(AAC, "config channels", ErrInvalid)
		}
	}
	if c.ObjectType == 6 || c.ObjectType == 20 {
		r.skip(3)
	}
	if extension {
		skipAACExtension(r, c.ObjectType)
	}
	if c.ObjectType >= 17 {
		r.skip(2) // epConfig
	}
	return nil
}

func skipAACExtension(r *bitReader, object uint8) {
	switch object {
	case 22:
		r.skip(16)
	case 17, 19, 20, 23:
		r.skip(3)
	}
	r.skip(1)
}

func aacHasGeneral(object uint8) bool {
	switch object {
	case 1, 2, 3, 4, 6, 7, 17, 19, 20, 21, 22, 23:
		return true
	default:
		return false
	}
}

// readBackward reads the trailing extension, if there is one.
func (c *AACConfig) readBackward(r *bitReader) {
	const syncSBR, syncPS = 0x2b7, 0x548
	if r.remaining() < 17 || r.bits(11) != syncSBR || readAACObject(r) != aacSBR {
		return
	}
	if !r.flag() { // sbrPresentFlag
		c.Signalling = AACBackward
		return
	}
	rate := readAACRate(r)
	if r.short || rate == 0 {
		return
	}
	c.Signalling, c.SBR, c.ExtensionRate = AACBackward, true, rate
	if r.remaining() >= 12 && r.bits(11) == syncPS {
		c.PS = r.flag()
	}
}

func readAACObject(r *bitReader) uint8 {
	object := r.bits(5)
	if object == 31 {
		object = 32 + r.bits(6)
	}
	return uint8(object)
}

// readAACRate reads a rate index and returns the rate, zero for a reserved index.
func readAACRate(r *bitReader) int {
	index := r.bits(4)
	if index == 15 {
		return int(r.bits(24))
	}
	if rates := aacRates(); int(index) < len(rates) {
		return rates[index]
	}
	return 0
}

func aacRates() [13]int {
	return [...]int{96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350}
}

func aacChannels(config uint8) int {
	table := [...]int{1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 6, 7: 8, 11: 7, 12: 8, 14: 8}
	if int(config) < len(table) {
		return table[config]
	}
	return 0
}

// readAACProgram reads a program_config_element and returns its number of channels.
func readAACProgram(r *bitReader) int {
	r.skip(10) // tag, object type, rate index
	main := int(r.bits(4)) + int(r.bits(4)) + int(r.bits(4))
	low, other, coupled := int(r.bits(2)), int(r.bits(3)), int(r.bits(4))
	for _, n := range [...]int{4, 4, 3} { // mono, stereo and matrix mix-down
		if r.flag() {
			r.skip(n)
		}
	}
	channels := low
	for range main {
		channels++
		if r.flag() { // a pair of channels
			channels++
		}
		r.skip(4)
	}
	r.skip(4*low + 4*other + 5*coupled)
	r.skip(int(r.left)) // to the next byte
	r.skip(8 * int(r.bits(8)))
	return channels
}

// Append appends the configuration to dst. It writes the object types Main, LC,
// SSR and LTP with a channel configuration other than 0; others are
// ErrUnsupported. On error it returns dst as it was.
func (c AACConfig) Append(dst []byte) ([]byte, error) {
	switch {
	case c.ObjectType < aacMain || c.ObjectType > aacLTP:
		return dst, syntax(AAC, "config object type", ErrUnsupported)
	case c.ChannelConfig == 0:
		return dst, syntax(AAC, "config channels", ErrUnsupported)
	case aacChannels(c.ChannelConfig) == 0:
		return dst, syntax(AAC, "config channels", ErrInvalid)
	case !validAACRate(c.SampleRate), c.SBR && !validAACRate(c.ExtensionRate):
		return dst, syntax(AAC, "config sample rate", ErrInvalid)
	case c.SBR == (c.Signalling == AACImplicit), c.PS && !c.SBR:
		if c.SBR || c.PS {
			return dst, syntax(AAC, "config signalling", ErrInvalid)
		}
	}
	w := &bitWriter{}
	c.write(w)
	return append(dst, w.data...), nil
}

func (c AACConfig) write(w *bitWriter) {
	hierarchical := c.Signalling == AACHierarchical && c.SBR
	switch {
	case hierarchical && c.PS:
		w.bits(5, aacPS)
	case hierarchical:
		w.bits(5, aacSBR)
	default:
		w.bits(5, uint32(c.ObjectType))
	}
	writeAACRate(w, c.SampleRate)
	w.bits(4, uint32(c.ChannelConfig))
	if hierarchical {
		writeAACRate(w, c.ExtensionRate)
		w.bits(5, uint32(c.ObjectType))
	}
	w.bits(1, bit(c.ShortFrames))
	w.bits(2, 0)
	if c.Signalling != AACBackward {
		return
	}
	w.bits(11, 0x2b7)
	w.bits(5, aacSBR)
	w.bits(1, bit(c.SBR))
	if c.SBR {
		writeAACRate(w, c.ExtensionRate)
	}
	if c.PS {
		w.bits(11, 0x548)
		w.bits(1, 1)
	}
}

func validAACRate(rate int) bool { return rate > 0 && rate < 1<<24 }

func writeAACRate(w *bitWriter, rate int) {
	for i, known := range aacRates() {
		if rate == known {
			w.bits(4, uint32(i))
			return
		}
	}
	w.bits(4, 15)
	w.bits(24, uint32(rate))
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
