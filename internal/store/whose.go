package store

import (
	"errors"
	"fmt"

	"github.com/millrace/millrace/internal/pack"
)

// ErrForeignPack says that a pack was written by another store. Streams are
// numbers in packs, so that its media would be found in streams of this one, or
// would count as those of streams that were deleted, and go.
var ErrForeignPack = errors.New("the pack belongs to another store")

// whose is the identity of the store that wrote a pack, zero if that is not
// known.
func whose(f File) [16]byte {
	h, err := pack.ReadFileHeader(f)
	if err != nil {
		return [16]byte{} // who needs the header finds out why
	}
	return h.Store
}

// refuseForeign returns ErrForeignPack for a pack of another store.
func (e *Engine) refuseForeign(number uint64, f File) error {
	if IsForeign(whose(f), e.cfg.Identity) {
		return fmt.Errorf("%w: %s; is control.db the right one? If it is, move the pack elsewhere", ErrForeignPack, packName(number))
	}
	return nil
}

// IsForeign reports whether a pack of one store lies in the directory of
// another, as far as both are known.
func IsForeign(pack, own [16]byte) bool {
	return pack != own && pack != [16]byte{} && own != [16]byte{}
}
