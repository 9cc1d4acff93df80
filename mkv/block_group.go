package mkv

// BlockGroup is a Block and what is said about it.
type BlockGroup struct {
	// Block aliases the parsed data. Its flags do not say whether it is a key
	// frame.
	Block Block
	// Duration is the block's duration in ticks, 0 if it is not said.
	Duration uint64
	// References is how many ReferenceBlocks there are.
	References int
	// Padding is the nanoseconds of sound at the end of the block that are decoded
	// and not heard (DiscardPadding); below 0 they are at its beginning.
	Padding int64
}

// Keyframe reports whether the block refers to no other.
func (g BlockGroup) Keyframe() bool { return g.References == 0 }

// ParseBlockGroup reads the payload of a BlockGroup without copying. Unknown
// children are passed over. A fault is a *SyntaxError, a group without a Block
// among them (ErrBadValue).
func ParseBlockGroup(data []byte) (BlockGroup, error) {
	var g BlockGroup
	found := false
	for e, err := range Children(data) {
		if err != nil {
			return BlockGroup{}, within(IDBlockGroup, 0, err)
		}
		found = found || e.ID == IDBlock
		if err := g.scan(e); err != nil {
			return BlockGroup{}, within(IDBlockGroup, 0, locate(e, err))
		}
	}
	if !found {
		return BlockGroup{}, &SyntaxError{Path: IDBlockGroup.String(), Err: ErrBadValue}
	}
	return g, nil
}

func (g *BlockGroup) scan(e Element) (err error) {
	switch e.ID {
	case IDBlock:
		g.Block, err = ParseBlock(e.Data())
		return err
	case IDBlockDuration:
		return scanUint(&g.Duration, e)
	case IDReferenceBlock:
		g.References++
	case IDDiscardPadding:
		g.Padding, err = ParseInt(e.Data())
		return err
	}
	return nil
}

// AppendPaddedBlock appends a BlockGroup of a block that refers to no other, with
// its payload and Padding.
func AppendPaddedBlock(b []byte, track uint64, rel int16, flags BlockFlags, payload []byte, padding int64) []byte {
	n := sizeWidth(int64(track), 0)
	group := appendHead(nil, IDBlock, n+3+len(payload), 0)
	group = AppendSize(group, int64(track), n)
	group = append(group, byte(uint16(rel)>>8), byte(rel), byte(flags&^(FlagKeyframe|FlagDiscardable)))
	group = AppendInt(append(group, payload...), IDDiscardPadding, padding)
	return AppendBytes(b, IDBlockGroup, group)
}
