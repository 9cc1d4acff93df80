package main

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"slices"
)

// Element identifiers, as they stand on the wire.
const (
	idEBML               = 0x1a45dfa3
	idEBMLVersion        = 0x4286
	idEBMLReadVersion    = 0x42f7
	idEBMLMaxIDLength    = 0x42f2
	idEBMLMaxSizeLength  = 0x42f3
	idDocType            = 0x4282
	idDocTypeVersion     = 0x4287
	idDocTypeReadVersion = 0x4285
	idVoid               = 0xec
	idCRC32              = 0xbf

	idSegment         = 0x18538067
	idSeekHead        = 0x114d9b74
	idSeek            = 0x4dbb
	idSeekID          = 0x53ab
	idSeekPosition    = 0x53ac
	idInfo            = 0x1549a966
	idSegmentUID      = 0x73a4
	idSegmentFilename = 0x7384
	idTimecodeScale   = 0x2ad7b1
	idDuration        = 0x4489
	idTitle           = 0x7ba9
	idMuxingApp       = 0x4d80
	idWritingApp      = 0x5741

	idTracks            = 0x1654ae6b
	idTrackEntry        = 0xae
	idTrackNumber       = 0xd7
	idTrackUID          = 0x73c5
	idTrackType         = 0x83
	idFlagLacing        = 0x9c
	idDefaultDuration   = 0x23e383
	idName              = 0x536e
	idLanguage          = 0x22b59c
	idCodecID           = 0x86
	idCodecName         = 0x258688
	idCodecPrivate      = 0x63a2
	idVideo             = 0xe0
	idPixelWidth        = 0xb0
	idPixelHeight       = 0xba
	idAudio             = 0xe1
	idSamplingFrequency = 0xb5
	idChannels          = 0x9f

	idCluster       = 0x1f43b675
	idTimecode      = 0xe7
	idPosition      = 0xa7
	idPrevSize      = 0xab
	idSimpleBlock   = 0xa3
	idBlockGroup    = 0xa0
	idBlock         = 0xa1
	idBlockDuration = 0x9b
	idReference     = 0xfb

	idCues               = 0x1c53bb6b
	idCuePoint           = 0xbb
	idCueTime            = 0xb3
	idCueTrackPositions  = 0xb7
	idCueTrack           = 0xf7
	idCueClusterPosition = 0xf1

	idTags      = 0x1254c367
	idTag       = 0x7373
	idTargets   = 0x63c0
	idSimpleTag = 0x67c8
	idTagName   = 0x45a3
	idTagString = 0x4487
)

// shortest asks el for the shortest size field that the content fits in.
const shortest = 0

// el returns an element with a size field of width bytes.
func el(id uint32, width int, content ...[]byte) []byte {
	data := slices.Concat(content...)
	return slices.Concat(idBytes(id), sizeField(uint64(len(data)), width), data)
}

func idBytes(id uint32) []byte {
	b := binary.BigEndian.AppendUint32(nil, id)
	for b[0] == 0 {
		b = b[1:]
	}
	return b
}

// sizeField returns a size in width bytes, or as few as it takes.
func sizeField(n uint64, width int) []byte {
	if width == shortest {
		for width = 1; n >= 1<<(7*width)-1; width++ {
		}
	}
	if width > 8 || n >= 1<<(7*width)-1 {
		panic(fmt.Sprintf("size %d does not fit in %d bytes", n, width))
	}
	b := binary.BigEndian.AppendUint64(nil, n|1<<(7*width))
	return b[8-width:]
}

// unknownSize returns the size field that says the size is not known.
func unknownSize(width int) []byte {
	b := binary.BigEndian.AppendUint64(nil, 1<<(7*width+1)-1)
	return b[8-width:]
}

// num returns an unsigned integer of n bytes, as short as possible for n zero.
func num(v uint64, n int) []byte {
	b := binary.BigEndian.AppendUint64(nil, v)
	if n > 0 {
		return b[8-n:]
	}
	for len(b) > 1 && b[0] == 0 {
		b = b[1:]
	}
	return b
}

func float(v float64) []byte { return binary.BigEndian.AppendUint64(nil, math.Float64bits(v)) }

// padded returns a string with NUL bytes up to n.
func padded(s string, n int) []byte {
	b := make([]byte, n)
	copy(b, s)
	return b
}

// checked puts a CRC-32 element in front of the content of a master.
func checked(content ...[]byte) []byte {
	data := slices.Concat(content...)
	sum := binary.LittleEndian.AppendUint32(nil, crc32.ChecksumIEEE(data))
	return append(el(idCRC32, shortest, sum), data...)
}
