package mkv

// BufferSize returns the memory a Reader holds, for the tests of its bounds.
func (r *Reader) BufferSize() int { return len(r.buf.mem) }
