package upkeep

import (
	"context"
	"io"
	"strings"

	"github.com/millrace/millrace/internal/pack"
	"github.com/millrace/millrace/internal/store"
)

// checkPack returns what is damaged in a pack that c describes.
func checkPack(ctx context.Context, r io.ReaderAt, c *Copied) ([]store.Damage, error) {
	number, _ := store.PackNumber(strings.TrimPrefix(c.Name, packPrefix))
	h, err := pack.ReadFileHeader(r)
	if err != nil {
		return []store.Damage{{Pack: number, Err: err}}, nil
	}
	var list []store.Damage
	s := pack.NewScanner(r, h.Salt, c.Size)
	buf := make([]byte, 1<<18)
	for s.Next() {
		rec := s.Record()
		if rec.Mark == pack.MarkDeleted {
			continue
		}
		if err := pack.Verify(r, s.Offset(), rec, buf); err != nil && c.Sealed {
			list = append(list, store.Damage{Pack: number, Offset: s.Offset(), Stream: rec.Stream, Number: rec.Number, Err: err})
		}
	}
	return list, s.Err()
}
