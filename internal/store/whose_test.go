package store_test

import (
	"errors"
	"testing"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/mem"
	"github.com/millrace/millrace/internal/store/storetest"
)

// Streams are numbers in packs: those of another store would be taken for ours.
func TestPacksOfAnotherStoreAreRefused(t *testing.T) {
	mine, other := [16]byte{1}, [16]byte{2}
	for name, tc := range map[string]struct {
		wrote, opens [16]byte
		want         error
	}{
		"one's own":                     {mine, mine, nil},
		"another's":                     {other, mine, store.ErrForeignPack},
		"of a store that was not known": {[16]byte{}, mine, nil},
		"where one's own is not known":  {other, [16]byte{}, nil},
	} {
		for _, sealed := range []bool{true, false} {
			fs := mem.NewFS()
			e, err := store.OpenByHand(t.Context(), store.Config{FS: fs, Epoch: 1, Identity: tc.wrote})
			if err != nil {
				t.Fatal(err)
			}
			submit(t, e, storetest.NewFragments(1).Make(millrace.StreamKey{ID: 1}, 100))
			e.Step()
			if sealed {
				e.Close()
			}
			e, err = store.OpenByHand(t.Context(), store.Config{FS: fs.Kill(), Epoch: 2, Identity: tc.opens})
			if !errors.Is(err, tc.want) || (err == nil) != (tc.want == nil) {
				t.Errorf("%s, sealed %v: %v, want %v", name, sealed, err, tc.want)
			}
			if err == nil {
				e.Close()
			}
		}
	}
}
