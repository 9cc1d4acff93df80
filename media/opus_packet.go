package media

import "time"

// OpusDuration returns how long an Opus packet plays, 2.5 to 120 ms, from its
// first bytes (RFC 6716, section 3). It checks the count of frames, and that
// frames of one size share the packet evenly.
func OpusDuration(packet []byte) (time.Duration, error) {
	if len(packet) == 0 {
		return 0, syntax(Opus, "packet", ErrMissing)
	}
	count := 1
	switch packet[0] & 3 {
	case 0:
	case 1:
		count = 2
		if len(packet)%2 == 0 {
			return 0, syntax(Opus, "packet size", ErrInvalid)
		}
	case 2:
		count = 2
		if len(packet) < 2 {
			return 0, syntax(Opus, "packet", ErrTruncated)
		}
	case 3:
		if len(packet) < 2 {
			return 0, syntax(Opus, "packet", ErrTruncated)
		}
		count = int(packet[1] & 0x3f)
	}
	const longest = 120 * time.Millisecond
	d := time.Duration(count) * opusFrame(packet[0]>>3)
	if d == 0 || d > longest {
		return 0, syntax(Opus, "packet frame count", ErrInvalid)
	}
	return d, nil
}

// opusFrame returns the duration of one frame of a configuration, 0 to 31.
func opusFrame(config byte) time.Duration {
	silk := [...]time.Duration{10, 20, 40, 60}
	switch {
	case config < 12:
		return silk[config&3] * time.Millisecond
	case config < 16:
		return silk[config&1] * time.Millisecond
	default:
		return 2500 * time.Microsecond << (config & 3)
	}
}
