package millrace

import "fmt"

// A StorageTier says what kind of storage newly arriving media is meant for.
// It changes nothing about what a stream can do.
type StorageTier uint8

// The storage tiers.
const (
	TierHot StorageTier = iota
	TierWarm
)

// String returns the protocol's spelling.
func (t StorageTier) String() string {
	switch t {
	case TierHot:
		return "HOT"
	case TierWarm:
		return "WARM"
	}
	return fmt.Sprintf("StorageTier(%d)", uint8(t))
}

// ParseStorageTier reads the protocol's spelling.
func ParseStorageTier(s string) (StorageTier, error) {
	for t := TierHot; t <= TierWarm; t++ {
		if t.String() == s {
			return t, nil
		}
	}
	return 0, fmt.Errorf("storage tier %.40q is not one of HOT, WARM", s)
}
