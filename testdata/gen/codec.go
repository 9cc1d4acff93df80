package main

import (
	"encoding/binary"
	"encoding/hex"
	"slices"
)

// Parameter sets that encoders wrote, for pictures of 640x360 at 25 a second
// that never were.
const (
	spsAVC  = "6742c01eda0280bfe5c044000003000400000300c83c58ba80"
	ppsAVC  = "68ce0fc8"
	vpsHEVC = "40010c01ffff01600000030090000003000003003f928090"
	spsHEVC = "42010101600000030090000003000003003fa0050201696592a4932bc05a020000030002000003003210"
	ppsHEVC = "4401c172b46240"
)

// privateAVC returns the H.264 decoder configuration record.
func privateAVC() []byte {
	sps, pps := unhex(spsAVC), unhex(ppsAVC)
	return slices.Concat([]byte{1, sps[1], sps[2], sps[3], 0xff, 0xe1}, short(sps), []byte{1}, short(pps))
}

// privateHEVC returns the H.265 decoder configuration record.
func privateHEVC() []byte {
	b := unhex("0101600000009000000000003ff000fcfdf8f800000f03")
	for i, set := range []string{vpsHEVC, spsHEVC, ppsHEVC} {
		b = append(b, byte(0xa0+i), 0, 1)
		b = append(b, short(unhex(set))...)
	}
	return b
}

// short returns b behind its length in two bytes.
func short(b []byte) []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...)
}

// wave returns a WAVEFORMATEX for G.711 mono at 8 kHz, with the byte rate and
// the zero bits that the C client writes.
func wave(tag byte) []byte {
	return unhex(hex.EncodeToString([]byte{tag}) + "000100401f0000e8030000010000000000")
}

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

// lengthPrefixed returns NAL units behind lengths of four bytes.
func lengthPrefixed(units ...[]byte) []byte {
	var p []byte
	for _, u := range units {
		p = binary.BigEndian.AppendUint32(p, uint32(len(u)))
		p = append(p, u...)
	}
	return p
}

// annexB returns NAL units behind start codes.
func annexB(units ...[]byte) []byte {
	var p []byte
	for _, u := range units {
		p = append(p, 0, 0, 0, 1)
		p = append(p, u...)
	}
	return p
}

// avc returns an H.264 frame of n filler bytes, a key frame with its parameter sets.
func (b *body) avc(key bool, n int) []byte {
	if key {
		return lengthPrefixed(unhex(spsAVC), unhex(ppsAVC), b.slice(n, 0x65))
	}
	return lengthPrefixed(b.slice(n, 0x41))
}

// hevc returns an H.265 frame of n filler bytes, framed as told.
func (b *body) hevc(framed func(...[]byte) []byte, key bool, n int) []byte {
	if key {
		return framed(unhex(vpsHEVC), unhex(spsHEVC), unhex(ppsHEVC), b.slice(n, 0x26, 1))
	}
	return framed(b.slice(n, 0x02, 1))
}

// slice returns a NAL unit with n filler bytes behind its header that says in its
// first bit, as both codecs do, that it is the first of a picture.
func (b *body) slice(n int, header ...byte) []byte {
	unit := append(header, b.filler(n)...)
	unit[len(header)] |= 0x80
	return unit
}
