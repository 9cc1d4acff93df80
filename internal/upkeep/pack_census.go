package upkeep

import (
	"context"
	"errors"
	"io/fs"

	"github.com/millrace/millrace/internal/pack"
	"github.com/millrace/millrace/internal/store"
)

// A packCensus sums up the files in a directory of packs.
type packCensus struct {
	packs      int
	unreadable int    // whose file header is lost
	newer      string // the last one of a newer format
	foreign    string // the last file that is no pack
}

// countPacks reads the file headers of all packs.
func countPacks(ctx context.Context, files store.FS) (c packCensus, err error) {
	names, err := files.ReadDir()
	if err != nil {
		return c, err
	}
	for _, name := range names {
		if err := ctx.Err(); err != nil {
			return c, err
		}
		if _, ok := store.PackNumber(name); !ok {
			c.foreign = name
			continue
		}
		c.packs++
		switch err := readHeader(files, name); {
		case errors.Is(err, fs.ErrNotExist):
			c.packs--
		case errors.Is(err, pack.ErrVersion):
			c.newer = name
		case err != nil:
			c.unreadable++
		}
	}
	return c, nil
}

func readHeader(files store.FS, name string) error {
	f, err := files.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = pack.ReadFileHeader(f)
	return err
}
