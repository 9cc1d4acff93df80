package memory

import (
	"context"

	"github.com/millrace/millrace"
)

// errShort is why a session has to end: clients send again what it had open.
func errShort() error {
	return millrace.Errorf(millrace.CodeMediaInternal, "the server is short of memory")
}

// A Writer is what one session takes. One goroutine uses it.
type Writer struct {
	budget *Budget
	end    func(error)
	use    int64 // bytes in use

	// Guarded by budget.mu.
	counted int64
	gone    bool // it was told to end
}

// NewWriter returns a Writer that has nothing. end is called at most once, if
// the session has to end; it must return at once. The Writer must be closed.
func (b *Budget) NewWriter(end func(error)) *Writer {
	w := &Writer{budget: b, end: end}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.writers[w] = struct{}{}
	return w
}

// Take waits for n more bytes, at most until ctx ends, whose cause is the error
// then. What was reserved is taken first.
func (w *Writer) Take(ctx context.Context, n int) error {
	if err := w.Reserve(ctx, n); err != nil {
		return err
	}
	w.use += int64(n)
	return nil
}

// Reserve waits as Take does until n bytes can be taken without waiting.
func (w *Writer) Reserve(ctx context.Context, n int) error {
	has := w.has()
	need := w.budget.counts(w.use+int64(n)) - has
	if need <= 0 {
		return nil
	}
	if err := w.budget.take(ctx, &w.budget.in, need, has); err != nil {
		return err
	}
	w.count(need)
	return nil
}

// counts is what so many bytes of one Writer count for (M1).
func (b *Budget) counts(use int64) int64 { return min(use, b.in.limit/2) }

func (w *Writer) has() int64 {
	w.budget.mu.Lock()
	defer w.budget.mu.Unlock()
	return w.counted
}

func (w *Writer) count(n int64) {
	w.budget.mu.Lock()
	defer w.budget.mu.Unlock()
	w.counted += n
}

// Short reports whether somebody waits for memory to write to.
func (w *Writer) Short() bool { return w.budget.short.Load() > 0 }

// Free says that n bytes are not in use any more. They stay reserved until Trim.
func (w *Writer) Free(n int) { w.use -= int64(n) }

// Trim gives back what is reserved.
func (w *Writer) Trim() {
	w.budget.mu.Lock()
	defer w.budget.mu.Unlock()
	if n := w.counted - w.budget.counts(w.use); n > 0 {
		w.counted -= n
		w.budget.give(&w.budget.in, n)
	}
}

// Hand makes n of the bytes in use nobody's, which the session's end does not
// bring back any more, and adds more bytes to them that it did not take. It
// returns what they count for; that is to be given back with Give, or with Lend.
func (w *Writer) Hand(n, more int) (counted int64) {
	w.budget.mu.Lock()
	defer w.budget.mu.Unlock()
	w.use -= int64(n)
	counted = min(int64(n), w.counted)
	w.counted -= counted
	w.budget.in.used += int64(more)
	return counted + int64(more)
}

// Close gives everything back.
func (w *Writer) Close() {
	w.budget.mu.Lock()
	defer w.budget.mu.Unlock()
	delete(w.budget.writers, w)
	n := w.counted
	w.use, w.counted = 0, 0
	w.budget.give(&w.budget.in, n)
}

// Give gives back what Hand has returned.
func (b *Budget) Give(counted int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.give(&b.in, counted)
}

// largest finds the Writer to end. It is found once.
func (b *Budget) largest() *Writer {
	b.mu.Lock()
	defer b.mu.Unlock()
	var found *Writer
	for w := range b.writers {
		if !w.gone && w.counted > 0 && (found == nil || w.counted > found.counted) {
			found = w
		}
	}
	if found != nil {
		found.gone = true
		b.ended++
	}
	return found
}
