package producer

// A queue holds the fragments that are not settled, in order of age. The
// stream's mutex guards it.
type queue struct {
	first, last *fragment
	pushed      uint64 // ever
	count       int
	held        int   // of them, behind a gate that is closed
	bytes       int64 // of their bodies, as far as they are in memory
	ageing      ageing
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
	if f.held {
		q.held++
	}
	if f.body != nil {
		q.bytes += f.size
	}
}

// after returns the oldest fragment that is younger than f, which may have been
// taken out, and the oldest of all if f is nil. Whether it may be sent yet is
// for Stream.due to say.
func (q *queue) after(f *fragment) *fragment {
	switch {
	case f == nil:
		return q.first
	case !f.settled:
		return f.next
	}
	older, younger := q.last, q.first // from both ends, because f was at one of them, as a rule
	for younger != nil && younger.ordinal <= f.ordinal {
		if older.ordinal < f.ordinal {
			return older.next
		}
		older, younger = older.prev, younger.next
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
	f.prev, f.next = nil, nil
	q.count--
	if f.held {
		q.held--
	}
	if f.body != nil {
		q.bytes -= f.size
	}
}

// idle reports whether nothing is kept.
func (q *queue) idle() bool { return q.first == nil }
