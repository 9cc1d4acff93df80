package store

import (
	"cmp"
	"slices"
)

// A gapList keeps the longest of the gaps that it is given, up to most of them.
// It holds twice as many, so that it sorts them out rarely.
type gapList struct {
	most  int
	list  []run
	other int // that it has let go
}

func (l *gapList) add(g run) {
	if l.list = append(l.list, g); len(l.list) > 2*l.most {
		l.sortOut()
	}
}

// sortOut lets go of the shortest. Of two of the same length the later one goes.
func (l *gapList) sortOut() {
	slices.SortFunc(l.list, func(a, b run) int {
		return cmp.Or(cmp.Compare(b.end-b.start, a.end-a.start), cmp.Compare(a.start, b.start))
	})
	if n := len(l.list) - l.most; n > 0 {
		l.list, l.other = l.list[:l.most], l.other+n
	}
}

// finish returns the gaps by time, and how many there were besides.
func (l *gapList) finish() (list []run, other int) {
	l.sortOut()
	slices.SortFunc(l.list, func(a, b run) int { return cmp.Compare(a.start, b.start) })
	return l.list, l.other
}
