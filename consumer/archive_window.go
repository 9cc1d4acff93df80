package consumer

// Sizes of what is listed at once, in fragments.
const (
	// wantedInWindow is what windows are made for: most of one page of 1,000.
	wantedInWindow = 700
	// mostInWindow is where a window that was guessed too wide is given up.
	mostInWindow = 4000
	// mostAtOnce is how many fragments of one millisecond there may be, in which no
	// smaller window is to be had: sessions that count from zero begin at the same
	// time on the producer's clock.
	mostAtOnce = 100_000
)

// windows divide a range of time into parts, in each of which about
// wantedInWindow fragments begin. How many there are is found out by listing
// them: a part that has more is made narrower, before anything of it is used, and
// the next one is as wide as the last one was dense.
//
// That way a list of any length is read in order and in bounded memory, also from
// a server that promises no order, as AWS does not: what comes from one window is
// sorted, and all of it is before what comes from the next.
type windows struct {
	next, end int64 // of what is left, in milliseconds, both within
	width     int64 // of the next window; 0: all that is left
	narrowed  uint  // times in a row
}

// left reports whether there is another window.
func (w *windows) left() bool { return w.next <= w.end }

// window is the next one; both bounds are within.
func (w *windows) window() (from, to int64) {
	if w.width <= 0 || w.width > w.end-w.next {
		return w.next, w.end
	}
	return w.next, w.next + w.width - 1
}

// narrow makes the next window narrower, of which some fragments are known, from
// first to last and perhaps in no order. It reports whether that is possible.
// If they came in order, the new window has seven tenths of them; if they did not,
// a few times more lead to a window that is narrow enough.
func (w *windows) narrow(first, last int64) bool {
	from, to := w.window()
	if from == to {
		return false
	}
	first, last = max(first, from), min(last, to)
	width := first - from + (max(last-first, 0)/10*7)>>w.narrowed + 1
	w.width = max(min(width, to-from), 1)
	w.narrowed = min(w.narrowed+1, 32)
	return true
}

// pass goes on behind the window, in which n fragments begin, the first of them
// at first.
func (w *windows) pass(n int, first int64) {
	from, to := w.window()
	w.next, w.narrowed = to+1, 0
	if n > 0 {
		span := to - max(first, from) + 1
		w.width = max(min(span/int64(n)*wantedInWindow, (to-from+1)*8), wantedInWindow)
		return
	}
	w.width = 0 // it is a pause, or the end
}
