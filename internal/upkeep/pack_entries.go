package upkeep

import (
	"errors"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/pack"
	"github.com/millrace/millrace/internal/store"
)

// entries reads what a pack holds of what was fed.
func (c *comparison) entries(row store.PackRow) ([]pack.Entry, error) {
	f, err := c.files.Open(store.PackName(row.Number))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	footer, h, err := pack.ReadFooter(f, size)
	switch {
	case err == nil && h.Pack == row.Number:
		footer.DropMarked(f)
	case err == nil || errors.Is(err, millrace.ErrCorrupt):
		if footer, err = scanPack(f, row.Salt, size); err != nil {
			return nil, err
		}
	default:
		return nil, err
	}
	footer.Truncate(row.Fed)
	return footer.Entries, nil
}

// scanPack reads the entries of a pack without a footer.
func scanPack(f store.File, salt uint64, size int64) (*pack.Footer, error) {
	footer := new(pack.Footer)
	s := pack.NewScanner(f, salt, size)
	for s.Next() {
		if r := s.Record(); r.Kind == pack.KindFragment && r.Mark != pack.MarkDeleted {
			footer.Entries = append(footer.Entries, pack.EntryOf(r, s.Offset()))
		}
	}
	return footer, s.Err()
}
