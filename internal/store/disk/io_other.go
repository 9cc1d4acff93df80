//go:build !linux

package disk

import (
	"os"

	"github.com/millrace/millrace/internal/store"
)

// writev writes all of bufs at off and returns how many bytes went out.
func writev(f *os.File, bufs [][]byte, off int64) (int64, error) {
	var done int64
	for _, p := range bufs {
		n, err := f.WriteAt(p, off+done)
		done += int64(n)
		if err != nil {
			return done, err
		}
	}
	return done, nil
}

func datasync(f *os.File) error { return f.Sync() }

func startWriteback(*os.File, int64, int64) error { return nil }

func punch(*os.File, int64, int64) error { return store.ErrUnsupported }

func allocated(f *os.File) (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

func space(string) (store.Space, error) { return store.Space{}, nil }
