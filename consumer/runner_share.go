package consumer

import (
	"cmp"
	"math"
	"slices"
)

// A worker is one of those that share the streams, as the store shows it.
type worker struct {
	owner string
	room  int // for how many streams; math.MaxInt without a bound
	held  int // streams whose lease it has
}

// share returns how many of n streams each worker should have: as many as each
// other, or one more, and none more than it has room for. All workers that see
// the same come to the same: who holds more goes first, and so keeps the odd
// ones; the order of names decides the rest.
func share(n int, workers []worker) map[string]int {
	order := slices.SortedFunc(slices.Values(workers), func(a, b worker) int {
		return cmp.Or(cmp.Compare(b.held, a.held), cmp.Compare(a.owner, b.owner))
	})
	parts := make(map[string]int, len(order))
	for n > 0 {
		order = slices.DeleteFunc(order, func(w worker) bool { return parts[w.owner] >= w.room })
		if len(order) == 0 {
			break
		}
		each := max(n/len(order), 1)
		for _, w := range order {
			part := min(each, w.room-parts[w.owner], n)
			parts[w.owner] += part
			n -= part
		}
	}
	return parts
}

// roomFor is the room of a worker whose bound is most; 0 is none.
func roomFor(most int) int {
	if most <= 0 {
		return math.MaxInt
	}
	return most
}
