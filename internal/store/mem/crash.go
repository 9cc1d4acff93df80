package mem

import (
	"maps"
	"slices"
)

// A Chooser decides what a crash leaves: it returns a number from 0 to n-1.
// The same answers leave the same.
type Chooser func(n int) int

// pageSize is how much of a file is lost or kept at once.
const pageSize = 4096

// How a crash treats what was written to a file and not synced.
const (
	keepNothing = iota
	keepAll
	keepSome // of the pages, and tear one
	keepZeros
	crashModes
)

// Crash cuts the power. It returns the directory as it is found at the next
// start: what was synced, and of the rest what choose lets through. Whatever
// still uses f gets ErrCrashed.
func (f *FS) Crash(choose Chooser) *FS {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.dead = true
	names := maps.Clone(f.durable)
	for _, c := range f.changes {
		if choose(2) == 1 {
			c.apply(names)
		}
	}
	after := NewFS()
	copies := make(map[*inode]*inode)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		n := names[name]
		if copies[n] == nil {
			data := n.survive(choose)
			copies[n] = &inode{data: data, stable: slices.Clone(data)}
		}
		after.names[name] = copies[n]
	}
	after.durable = maps.Clone(after.names)
	return after
}

// Kill ends the program but not the machine. It returns the directory as the
// next program finds it: everything that was written is there, but what was
// not synced is still not durable. Whatever still uses f gets ErrCrashed.
func (f *FS) Kill() *FS {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.dead = true
	return &FS{names: f.names, durable: f.durable, changes: f.changes}
}

// survive returns what a crash leaves of a file.
func (n *inode) survive(choose Chooser) []byte {
	data := slices.Clone(n.stable)
	if len(n.pending) == 0 {
		return data
	}
	mode := choose(crashModes)
	for _, w := range n.pending {
		switch {
		case mode == keepAll:
			data = w.apply(data)
		case mode == keepNothing:
		case w.data == nil:
			if choose(2) == 1 {
				data = w.apply(data)
			}
		default:
			data = w.survive(data, choose, mode == keepZeros)
		}
	}
	return data
}

// survive applies the pages of a write that choose lets through. With zeros,
// the length of a lost page is kept.
func (w write) survive(data []byte, choose Chooser, zeros bool) []byte {
	for rest := w; len(rest.data) > 0; {
		n := min(len(rest.data), pageSize-int(rest.at%pageSize))
		page := write{at: rest.at, data: rest.data[:n]}
		rest = write{at: rest.at + int64(n), data: rest.data[n:]}
		switch choose(8) {
		case 0:
			page.data = page.data[:choose(n)] // torn
		case 1, 2:
			if !zeros {
				continue
			}
			page.data = make([]byte, n)
		}
		data = page.apply(data)
	}
	return data
}
