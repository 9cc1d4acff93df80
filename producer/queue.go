package producer

import "slices"

// A queue holds the fragments that are not durable yet, in order, and a cursor
// to what has to be sent next. The upload's mutex guards it.
type queue struct {
	fragments []*fragment
	at        int   // index of the fragment that is being sent
	piece     int   // first piece of it that was not sent
	bytes     int64 // of all fragments
}

// push adds a fragment at the end.
func (q *queue) push(f *fragment) {
	q.fragments = append(q.fragments, f)
	q.bytes += f.size
}

// remove takes a fragment out, wherever it is.
func (q *queue) remove(f *fragment) {
	i := slices.Index(q.fragments, f)
	if i < 0 {
		return
	}
	q.fragments = slices.Delete(q.fragments, i, i+1)
	q.bytes -= f.size
	switch {
	case i < q.at:
		q.at--
	case i == q.at:
		q.piece = 0
	}
}

// rewind makes everything be sent again, and returns how many fragments that
// is for another time.
func (q *queue) rewind() (again int) {
	q.at, q.piece = 0, 0
	for _, f := range q.fragments {
		if f.started {
			again++
		}
	}
	return again
}

// current returns the fragment to send from, and nil if all that came was sent.
func (q *queue) current() *fragment {
	for q.at < len(q.fragments) {
		f := q.fragments[q.at]
		if q.piece < len(f.pieces) {
			return f
		}
		if f.open() {
			return nil
		}
		q.at, q.piece = q.at+1, 0
	}
	return nil
}

// idle reports whether nothing is kept.
func (q *queue) idle() bool { return len(q.fragments) == 0 }

// take appends unsent pieces of f to batch, up to limit bytes but at least
// one, and moves the cursor behind them.
func (q *queue) take(f *fragment, batch [][]byte, limit int) ([][]byte, int) {
	n := 0
	for n < limit && q.piece < len(f.pieces) {
		p := f.pieces[q.piece]
		batch = append(batch, p)
		n += len(p)
		q.piece++
	}
	f.started = true
	return batch, n
}
