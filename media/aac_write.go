package media

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
