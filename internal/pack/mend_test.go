package pack_test

import (
	"errors"
	"io"
	"testing"

	"github.com/millrace/millrace/internal/pack"
)

// A memory is a file of bytes that are there.
type memory []byte

func (m memory) ReadAt(p []byte, off int64) (int, error) {
	if n := copy(p, m[min(off, int64(len(m))):]); n < len(p) {
		return n, io.EOF
	}
	return len(p), nil
}

func (m memory) WriteAt(p []byte, off int64) (int, error) { return copy(m[off:], p), nil }

func TestATornFileHeaderIsMended(t *testing.T) {
	h := pack.FileHeader{Version: pack.FormatVersion, Class: 2, Epoch: 3, Pack: 3<<32 | 1, Salt: 7}
	whole := h.Append(nil)
	for name, tear := range map[string]func(memory){
		"the first copy":  func(b memory) { clear(b[:4096]) },
		"the second copy": func(b memory) { clear(b[4096:]) },
		"both copies":     func(b memory) { clear(b) },
		"a part of one":   func(b memory) { clear(b[30:50]) },
	} {
		t.Run(name, func(t *testing.T) {
			b := memory(h.Append(nil))
			tear(b)
			if mended, err := pack.MendFileHeader(b, h); !mended || err != nil || string(b) != string(whole) {
				t.Errorf("mended %t, %v", mended, err)
			}
			if mended, err := pack.MendFileHeader(b, h); mended || err != nil {
				t.Errorf("mended again: %t, %v", mended, err)
			}
		})
	}
	b := memory(h.Append(nil))
	if err := errors.Join(pack.WriteHasMarks(b)); err != nil {
		t.Fatal(err)
	}
	clear(b[:8])
	if _, err := pack.MendFileHeader(b, h); err != nil || !pack.HasMarks(b) {
		t.Errorf("what is said of marks is lost, %v", err)
	}
}
