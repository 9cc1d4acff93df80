package media

// bitReader reads the bits of a NAL unit or of another packed structure. It
// drops emulation prevention bytes (the 3 in 00 00 03) where raw is false.
// After the end it returns zeros and remembers that it was asked: callers read a
// whole structure and look at short once.
type bitReader struct {
	data  []byte
	raw   bool  // no emulation prevention in data
	short bool  // more was read than there is
	cur   byte  // current byte
	left  uint8 // unread bits in cur
	zeros uint8 // zero bytes in a row before cur, cur included
}

func (r *bitReader) nextByte() {
	if !r.raw && r.zeros >= 2 && len(r.data) > 0 && r.data[0] == 3 {
		r.data = r.data[1:]
		r.zeros = 0
	}
	if len(r.data) == 0 {
		r.short = true
		r.cur, r.left = 0, 8
		return
	}
	r.cur, r.left = r.data[0], 8
	r.data = r.data[1:]
	if r.cur == 0 {
		r.zeros++
		r.zeros = min(r.zeros, 2)
	} else {
		r.zeros = 0
	}
}

func (r *bitReader) flag() bool {
	if r.left == 0 {
		r.nextByte()
	}
	r.left--
	return r.cur>>r.left&1 == 1
}

// bits reads n bits, at most 32, most significant first.
func (r *bitReader) bits(n int) uint32 {
	var v uint32
	for range n {
		v <<= 1
		if r.flag() {
			v |= 1
		}
	}
	return v
}

// skip passes over n bits and stops early at the end of the data.
func (r *bitReader) skip(n int) {
	for ; n > 0 && !r.short; n-- {
		r.flag()
	}
}

// remaining returns the number of unread bits, emulation prevention included.
func (r *bitReader) remaining() int { return int(r.left) + 8*len(r.data) }

// ue reads an unsigned Exp-Golomb code. Codes of more than 32 bits, which no
// format has, count as being past the end.
func (r *bitReader) ue() uint32 {
	zeros := 0
	for !r.flag() {
		zeros++
		if zeros > 31 || r.short {
			r.short = true
			return 0
		}
	}
	return 1<<zeros - 1 + r.bits(zeros)
}

// se reads a signed Exp-Golomb code.
func (r *bitReader) se() int32 {
	v := r.ue()
	if v&1 == 1 {
		return int32(v/2) + 1
	}
	return -int32(v / 2)
}

// bitWriter appends bits to a slice, most significant first.
type bitWriter struct {
	data []byte
	free uint8 // unused bits in the last byte
}

func (w *bitWriter) bits(n int, v uint32) {
	for n--; n >= 0; n-- {
		if w.free == 0 {
			w.data = append(w.data, 0)
			w.free = 8
		}
		w.free--
		w.data[len(w.data)-1] |= byte(v>>n&1) << w.free
	}
}
