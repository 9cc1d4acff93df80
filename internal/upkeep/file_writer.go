package upkeep

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"

	"github.com/millrace/millrace/internal/store"
)

const (
	copyStep      = 256 << 10 // bytes that are copied at once; a multiple of block
	writebackStep = 8 << 20   // bytes after which the system is asked to write out
	block         = 4 << 10   // holes are made of whole blocks
	leastHole     = 16 << 10  // shorter runs of zeros are written as they are
)

// A fileWriter makes one file, which has its name when it is durable.
//
// Crash safety: the bytes go to a name of their own, which a start removes; they
// are synced before the file is renamed. That the new name is durable is for
// the caller to see to, with SyncDir, before it tells anybody of the file.
type fileWriter struct {
	fs     store.FS
	name   string
	file   store.File
	size   int64
	asked  int64 // up to where the system was asked to write out
	sum    hash.Hash
	sparse bool
}

func createFile(fs store.FS, name string) (*fileWriter, error) {
	file, err := fs.Create(name + partSuffix)
	if err != nil {
		return nil, err
	}
	return &fileWriter{fs: fs, name: name, file: file, sum: sha256.New(), sparse: true}, nil
}

// Write implements io.Writer. Runs of zeros become holes where the file system
// has them.
func (w *fileWriter) Write(p []byte) (int, error) {
	n, err := w.file.WriteV([][]byte{p})
	if err != nil {
		return int(n), err
	}
	w.sum.Write(p)
	if err := w.punch(p); err != nil {
		return int(n), err
	}
	w.size += n
	if w.size-w.asked >= writebackStep {
		_ = w.file.StartWriteback(w.asked, w.size-w.asked) // only a hint
		w.asked = w.size
	}
	return int(n), nil
}

// punch makes holes of the zeros in p, which has just been written.
func (w *fileWriter) punch(p []byte) error {
	for at := 0; w.sparse && at < len(p); {
		n := zeros(p[at:])
		if n >= leastHole {
			err := w.file.Punch(w.size+int64(at), int64(n))
			if errors.Is(err, store.ErrUnsupported) {
				w.sparse = false
			} else if err != nil {
				return err
			}
		}
		at += max(n, block)
	}
	return nil
}

// zeros is how many bytes of whole blocks at the start of p are zero.
func zeros(p []byte) (n int) {
	var zero [block]byte
	for len(p) >= block && bytes.Equal(p[:block], zero[:]) {
		n, p = n+block, p[block:]
	}
	return n
}

// finish makes the bytes durable and gives the file its name.
func (w *fileWriter) finish() error {
	if err := w.file.Sync(); err != nil {
		return errors.Join(err, w.abort())
	}
	if err := w.file.Close(); err != nil {
		return errors.Join(err, w.fs.Remove(w.name+partSuffix))
	}
	return w.fs.Rename(w.name+partSuffix, w.name)
}

// abort leaves nothing.
func (w *fileWriter) abort() error {
	return errors.Join(w.file.Close(), w.fs.Remove(w.name+partSuffix))
}

// sha256 is the hash of what was written.
func (w *fileWriter) sha256() string { return hex.EncodeToString(w.sum.Sum(nil)) }

// writeFile makes a file of b.
func writeFile(fs store.FS, name string, b []byte) error {
	w, err := createFile(fs, name)
	if err != nil {
		return err
	}
	if _, err := w.Write(b); err != nil {
		return errors.Join(err, w.abort())
	}
	return w.finish()
}
