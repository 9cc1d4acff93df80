package spool_test

import (
	"testing"
	"unsafe"

	"github.com/millrace/millrace/producer/spool"
)

// TestOpenReadsNoMedia: but for the last file, where the process was killed, and
// there only what is behind the last sync.
func TestOpenReadsNoMedia(t *testing.T) {
	const fragments, size = 200, 20_000
	m := newMemory()
	o := spool.Options{FileBytes: 1 << 20}.On(m)
	s, err := spool.Open(o)
	must(t, err)
	for n := range fragments {
		put(t, s, n, 2, size)
		if n == fragments-3 {
			must(t, s.Sync(t.Context()))
		}
	}
	m.mu.Lock()
	m.down = true
	m.mu.Unlock()
	_ = s.Close()
	m.restart(false, nil)
	m.read = 0
	s, err = spool.Open(o)
	must(t, err)
	defer s.Close()
	m.mu.Lock()
	read := m.read
	m.mu.Unlock()
	// The last file may be read through by its windows; it is at most 1 MiB.
	if all := int64(fragments * 2 * size); s.Stats().Pending != fragments || read > all/3 {
		t.Errorf("%d pending, %d of %d bytes were read", s.Stats().Pending, read, all)
	}
	if o := s.Opening(); o.Scanned != 1 {
		t.Errorf("opening is %+v", o)
	}
}

// TestAFragmentCostsLittleMemory: a hundred bytes.
func TestAFragmentCostsLittleMemory(t *testing.T) {
	if n := unsafe.Sizeof(spool.Entry{}); n > 100 {
		t.Errorf("%d bytes per fragment", n)
	}
}
