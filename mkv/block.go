package mkv

// BlockFlags is the flags byte of a SimpleBlock or Block.
type BlockFlags uint8

// Flags of a block. FlagKeyframe and FlagDiscardable have a meaning in a
// SimpleBlock only.
const (
	FlagKeyframe    BlockFlags = 0x80
	FlagInvisible   BlockFlags = 0x08
	FlagDiscardable BlockFlags = 0x01

	flagLacing BlockFlags = 0x06
)

// Lacing is how several frames share a block.
type Lacing uint8

// The kinds of lacing.
const (
	LacingNone  Lacing = 0
	LacingXiph  Lacing = 1
	LacingFixed Lacing = 2
	LacingEBML  Lacing = 3
)

// Block is the content of a SimpleBlock or Block.
type Block struct {
	// Track is the number of the track the block belongs to.
	Track uint64
	// RelTime is the block's time relative to its Cluster's Timecode, in
	// ticks. It may be negative.
	RelTime int16
	Flags   BlockFlags
	// Payload is what follows the flags: the frame, or all of a laced block.
	// It aliases the parsed data.
	Payload []byte
}

// ParseBlock reads the payload of a SimpleBlock or Block without copying. Data
// too short for a block's head is ErrBadValue.
func ParseBlock(data []byte) (Block, error) {
	track, n := decodeVint(data)
	if n == 0 || len(data) < n+3 {
		return Block{}, ErrBadValue
	}
	return Block{
		Track:   track,
		RelTime: int16(uint16(data[n])<<8 | uint16(data[n+1])),
		Flags:   BlockFlags(data[n+2]),
		Payload: data[n+3:],
	}, nil
}

// Keyframe reports whether a SimpleBlock is a key frame. For a Block ask its
// BlockGroup.
func (b Block) Keyframe() bool { return b.Flags&FlagKeyframe != 0 }

// Invisible reports whether the frame shall be decoded but not shown.
func (b Block) Invisible() bool { return b.Flags&FlagInvisible != 0 }

// Discardable reports whether nothing refers to the frame of a SimpleBlock.
func (b Block) Discardable() bool { return b.Flags&FlagDiscardable != 0 }

// Lacing returns how Payload is cut into frames.
func (b Block) Lacing() Lacing { return Lacing(b.Flags & flagLacing >> 1) }

// AppendSimpleBlockHeader appends all of a SimpleBlock but its payload, which
// has payloadLen bytes and follows. The size is as short as possible.
func AppendSimpleBlockHeader(b []byte, track uint64, rel int16, flags BlockFlags, payloadLen int) []byte {
	n := sizeWidth(int64(track), 0)
	b = appendHead(b, IDSimpleBlock, n+3+payloadLen, 0)
	b = AppendSize(b, int64(track), n)
	return append(b, byte(uint16(rel)>>8), byte(rel), byte(flags))
}
