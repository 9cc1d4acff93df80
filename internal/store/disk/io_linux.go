package disk

import (
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// maxVector is how many pieces the kernel takes in one call (IOV_MAX).
const maxVector = 1024

// writev writes all of bufs at off and returns how many bytes went out. It
// uses bufs up.
func writev(f *os.File, bufs [][]byte, off int64) (int64, error) {
	var done int64
	for {
		bufs = skip(bufs, 0)
		if len(bufs) == 0 {
			return done, nil
		}
		n, err := unix.Pwritev(int(f.Fd()), bufs[:min(len(bufs), maxVector)], off+done)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return done, &os.PathError{Op: "write", Path: f.Name(), Err: err}
		case n == 0:
			return done, io.ErrShortWrite
		}
		done += int64(n)
		bufs = skip(bufs, n)
	}
}

// skip drops the first n bytes of bufs, and empty pieces before and behind.
func skip(bufs [][]byte, n int) [][]byte {
	for len(bufs) > 0 && n >= len(bufs[0]) {
		n -= len(bufs[0])
		bufs = bufs[1:]
	}
	if n > 0 {
		bufs[0] = bufs[0][n:]
	}
	return bufs
}

func datasync(f *os.File) error {
	for {
		err := unix.Fdatasync(int(f.Fd()))
		if !errors.Is(err, unix.EINTR) {
			return os.NewSyscallError("fdatasync", err)
		}
	}
}

func startWriteback(f *os.File, off, n int64) error {
	err := unix.SyncFileRange(int(f.Fd()), off, n, unix.SYNC_FILE_RANGE_WRITE)
	return os.NewSyscallError("sync_file_range", err)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
