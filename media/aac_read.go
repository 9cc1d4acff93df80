package media

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
