package fragment

// sampleSize is what a Sample takes in memory, in bytes.
const sampleSize = 24

// TableCost is what the samples of a fragment take until it is durable, as they
// are and encoded, in bytes for each.
const TableCost = sampleSize + 16

// Held is how many bytes the Assembler keeps: the header of its session, and
// what it has collected beside the media that it passed on. It is at most a few
// times what Limits allow of each.
func (a *Assembler) Held() int {
	c := &a.cluster
	n := cap(a.leading) + cap(c.prefix) + cap(c.trailing) + cap(c.samples)*sampleSize
	if h := a.header; h != nil {
		n += cap(h.plain) + cap(h.tagged) + cap(h.leading)
	}
	return n
}
