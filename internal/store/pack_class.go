package store

import "github.com/millrace/millrace/internal/pack"

// inPack is the class as packs keep it, where 0 means that it is not known.
func (c Class) inPack() pack.Class { return pack.Class(c) + 1 }

// classOfPack is the class that a pack says it has. One that does not say, or
// says what this release does not know, counts as ClassLong: nothing is
// expected of it before its last fragment has gone.
func classOfPack(c pack.Class) Class {
	if c == pack.ClassUnknown || c > pack.Class(Classes) {
		return ClassLong
	}
	return Class(c - 1)
}
