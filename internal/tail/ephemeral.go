package tail

import (
	"container/list"
	"sync"
)

// ephemeral is what all streams of zero retention keep together: settled
// fragments, inside a cap that they share, the oldest dropped first.
type ephemeral struct {
	most int64 // bytes

	mu    sync.Mutex // guards what follows; a stream's mu is never taken under it
	order list.List  // of *Fragment, by the time of their end
	at    map[*Fragment]*list.Element
	bytes int64
}

func newEphemeral(most int64) *ephemeral {
	return &ephemeral{most: most, at: map[*Fragment]*list.Element{}}
}

// add counts a fragment. Its stream's mu is held.
func (e *ephemeral) add(f *Fragment) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.at[f] = e.order.PushBack(f)
	e.bytes += f.account.counted
}

// remove counts a fragment no more, if it was counted. Its stream's mu is held.
func (e *ephemeral) remove(f *Fragment) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if at := e.at[f]; at != nil {
		e.order.Remove(at)
		delete(e.at, f)
		e.bytes -= f.account.counted
	}
}

// limit drops fragments until they are within the cap. No stream's mu is held.
func (e *ephemeral) limit() {
	for e.over() && e.shed() {
	}
}

func (e *ephemeral) over() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.bytes > e.most
}

// shed drops the oldest fragment that may go: fragments leave a stream from the
// front only, where one that is still open may stand. It reports false if there
// is none. No stream's mu is held.
func (e *ephemeral) shed() bool {
	for _, f := range e.oldest() {
		if f.stream.shedFront() {
			return true
		}
	}
	return false
}

// shedding is how many fragments are looked at for one that may go.
const shedding = 64

func (e *ephemeral) oldest() []*Fragment {
	e.mu.Lock()
	defer e.mu.Unlock()
	found := make([]*Fragment, 0, min(shedding, e.order.Len()))
	for at := e.order.Front(); at != nil && len(found) < shedding; at = at.Next() {
		found = append(found, at.Value.(*Fragment))
	}
	return found
}
