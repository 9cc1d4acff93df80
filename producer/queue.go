package producer

// A queue holds the fragments that are not settled, in order of age. The
// stream's mutex guards it.
type queue struct {
	first, last *fragment
	pushed      uint64 // ever
	count       int
	bytes       int64 // of all their bodies
}

// push adds a fragment at the end.
func (q *queue) push(f *fragment) {
	q.pushed++
	f.ordinal = q.pushed
	f.prev, f.next = q.last, nil
	if q.last != nil {
		q.last.next = f
	} else {
		q.first = f
	}
	q.last = f
	q.count++
	q.bytes += f.body.size
}

// after returns the oldest fragment that is younger than f, which may have been
// taken out, and the oldest of all if f is nil.
func (q *queue) after(f *fragment) *fragment {
	switch {
	case f == nil:
		return q.first
	case !f.settled:
		return f.next
	}
	younger := q.first
	for younger != nil && younger.ordinal <= f.ordinal {
		younger = younger.next
	}
	return younger
}

// remove takes a fragment out, wherever it is.
func (q *queue) remove(f *fragment) {
	if f.prev != nil {
		f.prev.next = f.next
	} else {
		q.first = f.next
	}
	if f.next != nil {
		f.next.prev = f.prev
	} else {
		q.last = f.prev
	}
	q.count--
	q.bytes -= f.body.size
}

// idle reports whether nothing is kept.
func (q *queue) idle() bool { return q.first == nil }
