package tail

import (
	"slices"
	"time"

	"github.com/millrace/millrace/internal/memory"
)

// An account is what a fragment counts for in the budget of memory, once its
// growth is over: nobody's as long as the tail keeps it, and its readers' when
// they alone hold it. The stream's mu guards it, up to the last Release.
type account struct {
	handed  bool  // its writer has handed it over
	let     bool  // the tail has let it go
	counted int64 // bytes
	loan    *memory.Loan
	readers []*memory.Cut // that break readers off
}

// hand ends the writer's part: what it has taken is not the session's any more.
// The caller holds the fragment. stream.mu is held.
func (f *Fragment) hand(more int) {
	if f.account.handed {
		return
	}
	f.account.handed = true
	f.account.counted = f.Memory.Hand(f.taken, more)
	if f.own {
		f.Memory.Close()
	}
	f.lend()
}

// letGo is the tail's own Release. stream.mu is held.
func (f *Fragment) letGo() {
	f.stream.tail.ephemeral.remove(f)
	f.account.let = true
	f.lend()
	f.Release()
}

// lend makes readers account for what they alone hold. The caller holds the
// fragment too. stream.mu is held.
func (f *Fragment) lend() {
	if a := &f.account; a.handed && a.let && f.refs.Load() > 1 {
		a.loan = f.stream.tail.budget.Lend(a.counted, f.cutReaders)
	}
}

// close gives everything back. Nobody holds the fragment.
func (a *account) close(b *memory.Budget) {
	switch {
	case a.loan != nil:
		a.loan.Return()
	case a.handed:
		b.Give(a.counted)
	}
}

// OnCut says how to break off a reader that holds the fragment, which is done
// where readers hold too much memory, until stop is called.
func (f *Fragment) OnCut(cut memory.Cut) (stop func()) {
	f.stream.mu.Lock()
	defer f.stream.mu.Unlock()
	f.account.readers = append(f.account.readers, &cut)
	return func() {
		f.stream.mu.Lock()
		defer f.stream.mu.Unlock()
		f.account.readers = slices.DeleteFunc(f.account.readers, func(c *memory.Cut) bool { return c == &cut })
	}
}

// cutReaders breaks off those who hold the fragment and are slow. It is a
// memory.Cut. A reader that cannot be broken off yet is not slow.
func (f *Fragment) cutReaders(idle time.Duration) (all bool) {
	cuts, holders := f.cuts()
	for _, cut := range cuts {
		if (*cut)(idle) {
			holders--
		}
	}
	return holders <= 0
}

// cuts returns how to break readers off, and how many there are.
func (f *Fragment) cuts() (list []*memory.Cut, holders int) {
	f.stream.mu.Lock()
	defer f.stream.mu.Unlock()
	return slices.Clone(f.account.readers), int(f.refs.Load())
}
