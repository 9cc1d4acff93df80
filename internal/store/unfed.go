package store

import (
	"slices"

	"github.com/millrace/millrace/internal/pack"
)

// unfed is which records of a pack are found and not in the pages yet. The zero
// value is that of a pack in which nothing was settled.
type unfed struct {
	offsets []int64 // ascending; of records that were settled
	waiting []bool  // for each, whether it is still to be fed
	first   int     // what is before it does not wait
	count   int     // of those that wait
	end     int64   // records that start at or behind it were not settled
}

// settle notes a record whose outcome is known. It waits if it is found.
func (u *unfed) settle(offset int64, found bool) {
	u.end = max(u.end, offset+pack.Align)
	if found {
		u.wait(offset)
	}
}

// wait notes a record that is to be fed.
func (u *unfed) wait(offset int64) {
	u.end = max(u.end, offset+pack.Align)
	i, there := slices.BinarySearch(u.offsets, offset)
	if !there {
		u.offsets, u.waiting = slices.Insert(u.offsets, i, offset), slices.Insert(u.waiting, i, false)
	}
	if !u.waiting[i] {
		u.waiting[i] = true
		u.count++
	}
	u.first = min(u.first, i)
}

// done notes a record that need not be fed any more.
func (u *unfed) done(offset int64) {
	i, there := slices.BinarySearch(u.offsets, offset)
	if !there || !u.waiting[i] {
		return
	}
	u.waiting[i] = false
	u.count--
	for u.first < len(u.waiting) && !u.waiting[u.first] {
		u.first++
	}
	if u.first > len(u.offsets)/2 {
		u.offsets = slices.Delete(u.offsets, 0, u.first)
		u.waiting = slices.Delete(u.waiting, 0, u.first)
		u.first = 0
	}
}

// from is the offset before which nothing waits.
func (u *unfed) from() int64 {
	if u.first < len(u.offsets) {
		return u.offsets[u.first]
	}
	return u.end
}
