package mem

import (
	"maps"
	"slices"
)

// A Chooser decides what a crash leaves: it returns a number from 0, which
// loses most, to n-1, which keeps most. The same answers leave the same.
type Chooser func(n int) int

// Crash cuts the power. It returns the directory as it is found at the next
// start, on a machine of its own: what was synced, and of the rest what choose
// lets through. Whatever still uses f gets ErrCrashed. It may be called again,
// for another outcome of the same crash.
func (f *FS) Crash(choose Chooser) *FS { return f.CrashOn(NewPower(), choose) }

// CrashOn is Crash for a machine that is there.
func (f *FS) CrashOn(p *Power, choose Chooser) *FS {
	f.power.Cut()
	f.mu.Lock()
	defer f.mu.Unlock()
	names := maps.Clone(f.durable)
	for _, c := range f.changes {
		if choose(2) == 1 {
			c.apply(names)
		}
	}
	after := NewFSOn(p)
	after.capacity = f.capacity
	copies := make(map[*inode]*inode)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		n := names[name]
		if copies[n] == nil {
			left := survivor{before: n, choose: choose}.content()
			copies[n] = &inode{name: name, now: left, stable: left.clone()}
		}
		after.names[name] = copies[n]
	}
	after.durable = maps.Clone(after.names)
	return after
}

// Kill ends the program but not the machine. It returns the directory as the
// next program finds it: everything that was written is there, but what was
// not synced is still not durable. Whatever still uses f gets ErrCrashed.
func (f *FS) Kill() *FS { return f.KillOn(NewPower()) }

// KillOn is Kill, and goes on with the power that p has.
func (f *FS) KillOn(p *Power) *FS {
	f.power.Cut()
	f.mu.Lock()
	defer f.mu.Unlock()
	copies := make(map[*inode]*inode)
	move := func(n *inode) *inode {
		if n != nil && copies[n] == nil {
			copies[n] = &inode{name: n.name, now: n.now.clone(), stable: n.stable.clone(), pending: slices.Clone(n.pending)}
		}
		return copies[n]
	}
	after := NewFSOn(p)
	after.capacity = f.capacity
	for name, n := range f.names {
		after.names[name] = move(n)
	}
	for name, n := range f.durable {
		after.durable[name] = move(n)
	}
	for _, c := range f.changes {
		c.file = move(c.file)
		after.changes = append(after.changes, c)
	}
	return after
}
