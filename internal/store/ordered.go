package store

import (
	"math"
	"slices"
	"sort"
)

// blockItems is how many items a block of an ordered sequence holds at most.
const blockItems = 512

// An ordered sequence keeps items sorted, in blocks, so that appending is
// cheap and inserting anywhere moves one block's items at most. Items that
// compare equal do not occur twice.
type ordered[T any] struct {
	compare func(a, b T) int
	end     func(T) int64 // upper bound of the time that an item covers
	blocks  []*block[T]
	length  int
}

// A block is a run of items. latest is at least the end of each.
type block[T any] struct {
	items  []T
	latest int64
}

// A place is a position in an ordered sequence. It is valid until the next
// change.
type place struct{ block, item int }

// search returns the first place whose item is in the upper part, which above
// tells: false up to some item, and true from then on.
func (o *ordered[T]) search(above func(*T) bool) place {
	b := sort.Search(len(o.blocks), func(i int) bool {
		items := o.blocks[i].items
		return above(&items[len(items)-1])
	})
	if b == len(o.blocks) {
		return place{block: b}
	}
	items := o.blocks[b].items
	return place{b, sort.Search(len(items), func(i int) bool { return above(&items[i]) })}
}

// at returns the item at p, nil behind the last one.
func (o *ordered[T]) at(p place) *T {
	if p.block >= len(o.blocks) {
		return nil
	}
	return &o.blocks[p.block].items[p.item]
}

// next returns the place behind p.
func (o *ordered[T]) next(p place) place {
	if p.item+1 < len(o.blocks[p.block].items) {
		return place{p.block, p.item + 1}
	}
	return place{block: p.block + 1}
}

// first and last return the outermost items, nil if there is none.
func (o *ordered[T]) first() *T { return o.at(place{}) }

func (o *ordered[T]) last() *T {
	if len(o.blocks) == 0 {
		return nil
	}
	items := o.blocks[len(o.blocks)-1].items
	return &items[len(items)-1]
}

// behind is the place behind the last item.
func (o *ordered[T]) behind() place { return place{block: len(o.blocks)} }

// find returns the place of the item that equals v.
func (o *ordered[T]) find(v T) (place, bool) {
	p := o.search(func(x *T) bool { return o.compare(*x, v) >= 0 })
	x := o.at(p)
	return p, x != nil && o.compare(*x, v) == 0
}

// insert adds v unless an equal item is there.
func (o *ordered[T]) insert(v T) bool {
	if last := o.last(); last == nil || o.compare(*last, v) < 0 {
		o.push(v)
		return true
	}
	p, found := o.find(v)
	if found {
		return false
	}
	b := o.blocks[p.block]
	if len(b.items) == blockItems {
		o.split(p.block)
		p, _ = o.find(v)
		b = o.blocks[p.block]
	}
	b.items = slices.Insert(b.items, p.item, v)
	b.latest = max(b.latest, o.end(v))
	o.length++
	return true
}

// push adds v behind the last item.
func (o *ordered[T]) push(v T) {
	if n := len(o.blocks); n == 0 || len(o.blocks[n-1].items) == blockItems {
		o.blocks = append(o.blocks, &block[T]{latest: math.MinInt64})
	}
	b := o.blocks[len(o.blocks)-1]
	b.items = append(b.items, v)
	b.latest = max(b.latest, o.end(v))
	o.length++
}

func (o *ordered[T]) split(at int) {
	b := o.blocks[at]
	upper := &block[T]{items: slices.Clone(b.items[blockItems/2:])}
	b.items = b.items[:blockItems/2]
	o.measure(b)
	o.measure(upper)
	o.blocks = slices.Insert(o.blocks, at+1, upper)
}

func (o *ordered[T]) measure(b *block[T]) {
	b.latest = math.MinInt64
	for i := range b.items {
		b.latest = max(b.latest, o.end(b.items[i]))
	}
}

// remove takes away the item that equals v.
func (o *ordered[T]) remove(v T) {
	p, found := o.find(v)
	if !found {
		return
	}
	b := o.blocks[p.block]
	b.items = slices.Delete(b.items, p.item, p.item+1)
	if len(b.items) == 0 {
		o.blocks = slices.Delete(o.blocks, p.block, p.block+1)
	}
	o.length--
}

// backward calls visit for the items before p, last first, until it returns
// false. Blocks that end at or before after are left out.
func (o *ordered[T]) backward(p place, after int64, visit func(*T) bool) {
	for bi := min(p.block, len(o.blocks)-1); bi >= 0; bi-- {
		b := o.blocks[bi]
		if b.latest <= after {
			continue
		}
		n := len(b.items)
		if bi == p.block {
			n = p.item
		}
		for i := n - 1; i >= 0; i-- {
			if !visit(&b.items[i]) {
				return
			}
		}
	}
}
