package mkv

// seekHeadReserve is the room kept for a SeekHead with the four entries a
// FileWriter may have: 5 bytes of head and 21 for each.
const seekHeadReserve = 5 + 4*21

// seek is an entry of a SeekHead.
type seek struct {
	id       ElementID
	position int64 // from the first byte of the Segment's payload
}

func appendSeekHead(b []byte, seeks []seek) []byte {
	var p []byte
	for _, s := range seeks {
		e := AppendBytes(nil, IDSeekID, AppendID(nil, s.id))
		e = AppendUint(e, IDSeekPosition, uint64(s.position))
		p = AppendBytes(p, IDSeek, e)
	}
	return AppendBytes(b, IDSeekHead, p)
}

// appendVoid appends a Void that is n bytes long with its head; n is at least 2.
func appendVoid(b []byte, n int) []byte {
	b = AppendID(b, IDVoid)
	if n-2 < 1<<7-1 {
		return append(AppendSize(b, int64(n-2), 1), make([]byte, n-2)...)
	}
	return append(AppendSize(b, int64(n-9), 8), make([]byte, n-9)...)
}
