package store

import (
	"fmt"
	"strconv"
	"strings"
)

const packSuffix = ".pack"

// A pack's number is the epoch in which it was made in the upper 32 bits, and
// a counter in the lower. So no number is ever used twice, even when all packs
// of an epoch have gone.
func packNumber(epoch, counter uint32) uint64 { return uint64(epoch)<<32 | uint64(counter) }

func epochOf(pack uint64) uint32 { return uint32(pack >> 32) }

func packName(number uint64) string { return fmt.Sprintf("%016x%s", number, packSuffix) }

func parsePackName(name string) (uint64, bool) {
	digits, ok := strings.CutSuffix(name, packSuffix)
	if !ok || len(digits) != 16 {
		return 0, false
	}
	n, err := strconv.ParseUint(digits, 16, 64)
	return n, err == nil && packName(n) == name
}

// NewestEpoch is the highest epoch of any pack in fs, 0 if there is none. It
// looks at names only. An Engine refuses to start with a lower one.
func NewestEpoch(fs FS) (uint32, error) {
	names, err := fs.ReadDir()
	if err != nil {
		return 0, fmt.Errorf("list packs: %w", err)
	}
	var newest uint64
	for _, name := range names {
		if n, ok := parsePackName(name); ok {
			newest = max(newest, n)
		}
	}
	return epochOf(newest), nil
}

// PackNumber returns the number of the pack in a file of that name, and false
// if it is not the name of a pack. The upper 32 bits of a number are its epoch.
func PackNumber(name string) (uint64, bool) { return parsePackName(name) }

// PackName is the name of the file of a pack.
func PackName(number uint64) string { return packName(number) }
