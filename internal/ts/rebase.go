package ts

import "slices"

// Rebase appends segment to dst with start, in ticks of 90 kHz, added to every
// PCR, PTS and DTS, modulo 2^33. The segment is left as it is and does not
// overlap dst. It allocates only to make dst longer. Anything that is not what
// NewSegment made is copied without a fault.
func Rebase(dst, segment []byte, start int64) []byte {
	at := len(dst)
	dst = append(slices.Grow(dst, len(segment)), segment...)
	for p := dst[at:]; len(p) >= packetSize; p = p[packetSize:] {
		rebasePacket(p[:packetSize], start)
	}
	return dst
}

// rebasePacket changes the times of one packet.
func rebasePacket(p []byte, start int64) {
	const sync, hasField, hasPayload, begins = 0x47, 0x20, 0x10, 0x40
	if p[0] != sync {
		return
	}
	begun := p[1]&begins != 0 && p[3]&hasPayload != 0
	pid := pidOf(p)
	body := p[4:]
	if p[3]&hasField != 0 {
		length := int(body[0])
		if length >= len(body) {
			begun = false
			length = len(body) - 1
		}
		rebaseClock(body[1:1+length], start)
		body = body[1+length:]
	}
	if begun && (pid == picturePID || pid == soundPID) {
		rebasePES(body, start)
	}
}

// rebaseClock changes the PCR in an adaptation field, given without its length:
// 33 bits, of which the last begins the fifth byte.
func rebaseClock(field []byte, start int64) {
	const hasPCR = 0x10
	if len(field) < 7 || field[0]&hasPCR == 0 {
		return
	}
	b := field[1:6]
	v := int64(b[0])<<25 | int64(b[1])<<17 | int64(b[2])<<9 | int64(b[3])<<1 | int64(b[4]>>7)
	v = (v + start) & clockMask
	b[0], b[1], b[2], b[3] = byte(v>>25), byte(v>>17), byte(v>>9), byte(v>>1)
	b[4] = b[4]&0x7f | byte(v<<7)
}

// rebasePES changes the times in the header of a PES packet.
func rebasePES(b []byte, start int64) {
	const hasPTS, hasDTS = 0x80, 0x40
	if len(b) < 14 || b[0] != 0 || b[1] != 0 || b[2] != 1 || b[7]&hasPTS == 0 {
		return
	}
	rebaseStamp(b[9:14], start)
	if b[7]&hasDTS != 0 && len(b) >= 19 {
		rebaseStamp(b[14:19], start)
	}
}

// rebaseStamp changes a PTS or DTS: 4 bits of its kind, then 3, 15 and 15 bits
// that are followed by a marker each.
func rebaseStamp(b []byte, start int64) {
	v := int64(b[0]>>1&7)<<30 | int64(b[1])<<22 | int64(b[2]>>1)<<15 | int64(b[3])<<7 | int64(b[4]>>1)
	v = (v + start) & clockMask
	b[0] = b[0]&0xf1 | byte(v>>30)<<1
	b[1] = byte(v >> 22)
	b[2] = byte(v>>15)<<1 | b[2]&1
	b[3] = byte(v >> 7)
	b[4] = byte(v)<<1 | b[4]&1
}
