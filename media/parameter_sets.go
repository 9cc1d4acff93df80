package media

import (
	"bytes"
	"slices"
)

// appendNew appends unit to units unless it is there already or units are full.
func appendNew(units [][]byte, unit []byte, bound int) [][]byte {
	same := func(other []byte) bool { return bytes.Equal(other, unit) }
	if len(units) >= bound || slices.ContainsFunc(units, same) {
		return units
	}
	return append(units, unit)
}
