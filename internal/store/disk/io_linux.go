package disk

import (
	"cmp"
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"github.com/millrace/millrace/internal/store"
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

// punch gives the whole blocks of a range back.
func punch(f *os.File, off, n int64) error {
	const how = unix.FALLOC_FL_PUNCH_HOLE | unix.FALLOC_FL_KEEP_SIZE
	for {
		err := unix.Fallocate(int(f.Fd()), how, off, n)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.ENOSYS):
			return store.ErrUnsupported
		}
		return os.NewSyscallError("fallocate", err)
	}
}

// allocated is how many bytes of the file system a file takes.
func allocated(f *os.File) (int64, error) {
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return 0, os.NewSyscallError("fstat", err)
	}
	return st.Blocks * 512, nil
}

func space(dir string) (store.Space, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return store.Space{}, os.NewSyscallError("statfs", err)
	}
	return spaceOf(&st), nil
}

// spaceOf counts in fragments, as the kernel does: where a block is said to be
// larger, that is only what is best read at once. Old systems know no fragments.
func spaceOf(st *unix.Statfs_t) store.Space {
	size := int64(cmp.Or(st.Frsize, st.Bsize))
	return store.Space{Total: int64(st.Blocks) * size, Free: int64(st.Bavail) * size}
}
