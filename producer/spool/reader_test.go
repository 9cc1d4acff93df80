package spool_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace/producer/spool"
)

func TestAReaderFollowsAnOpenFragment(t *testing.T) {
	s := open(t, spool.Options{Dir: t.TempDir()})
	ref, err := s.Begin(headOf(0))
	must(t, err)
	r, err := s.Reader(ref)
	must(t, err)
	defer r.Close()
	for i := range 3 {
		if _, _, err := r.Next(); !errors.Is(err, spool.ErrMore) {
			t.Fatalf("before frame %d: %v", i, err)
		}
		must(t, appendFrames(s, 0, i, i+1, 70_000))
		f, size, err := r.Next()
		must(t, err)
		got, err := io.ReadAll(r)
		if err != nil || !bytes.Equal(got, frameOf(0, i, 70_000)) || size != int64(len(got)) || f.Key != (i == 0) || f.Track != 1 {
			t.Fatalf("frame %d is %+v, %d bytes, %v", i, f, len(got), err)
		}
	}
	must(t, s.End())
	for range 2 {
		if _, _, err := r.Next(); !errors.Is(err, io.EOF) {
			t.Errorf("behind the last: %v", err)
		}
	}
}

func TestAReaderKeepsItsFile(t *testing.T) {
	dir := t.TempDir()
	s := open(t, spool.Options{Dir: dir, FileBytes: 64 << 10})
	ref := put(t, s, 0, 5, 30_000)
	r, err := s.Reader(ref)
	must(t, err)
	must(t, s.Settle(spool.Persisted, ref))
	frames := 0
	for {
		if _, _, err = r.Next(); err != nil {
			break
		}
		frames++
	}
	if !errors.Is(err, io.EOF) || frames != 5 {
		t.Errorf("%d frames, %v", frames, err)
	}
	must(t, r.Close())
	must(t, s.Sync(t.Context())) // who syncs has it open too
	if _, err := os.Stat(filepath.Join(dir, "0000000000000000.spool.mkv")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the file: %v", err)
	}
	if _, err := s.Reader(ref); !errors.Is(err, spool.ErrSettled) {
		t.Errorf("reader of what is settled: %v", err)
	}
}

func TestCallsOutOfTurnAreRefused(t *testing.T) {
	s := open(t, spool.Options{Dir: t.TempDir()})
	for name, call := range map[string]func() error{
		"a frame without a fragment": func() error { return s.Append(spool.Frame{}, []byte("x")) },
		"an end without a fragment":  s.End,
		"no outcome":                 func() error { return s.Settle(spool.Pending, 1) },
		"a fragment in a fragment": func() error {
			_, err := s.Begin(headOf(0))
			must(t, err)
			_, err = s.Begin(headOf(1))
			return err
		},
		"a frame behind the tags": func() error {
			_, err := s.Begin(headOf(0))
			if err != nil && !errors.Is(err, spool.ErrOrder) {
				return err
			}
			must(t, s.Append(spool.Frame{Trailing: true}, []byte("x")))
			return s.Append(spool.Frame{}, []byte("x"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			s.Cut()
			if err := call(); !errors.Is(err, spool.ErrOrder) {
				t.Errorf("error is %v", err)
			}
		})
	}
	s.Cut()
	must(t, s.Close())
	if _, err := s.Begin(headOf(0)); !errors.Is(err, spool.ErrClosed) {
		t.Errorf("begin when closed: %v", err)
	}
	if err := s.Sync(t.Context()); !errors.Is(err, spool.ErrClosed) {
		t.Errorf("sync when closed: %v", err)
	}
}

// TestReadersAndSettlersRun beside the writer, and nothing is lost between them.
func TestReadersAndSettlersRun(t *testing.T) {
	s := open(t, spool.Options{Dir: t.TempDir(), FileBytes: 64 << 10})
	const fragments = 150
	refs := make(chan spool.Ref, fragments)
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for ref := range refs {
				f, err := s.Fragment(ref)
				if err != nil {
					t.Error(err)
					return
				}
				n := int(f.Identity.Sequence)
				if got, err := framesOf(s, ref); err != nil || !sameFrames(got, wantFrames(n, 3, 2000)) {
					t.Errorf("fragment %d: %d frames, %v", n, len(got), err)
				}
				if err := s.Settle(spool.Persisted, ref); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for n := range fragments {
		refs <- put(t, s, n, 3, 2000)
	}
	close(refs)
	readers.Wait()
	if st := s.Stats(); st.Pending != 0 || st.Persisted != fragments || st.Bytes != 0 || st.Files > 1 {
		t.Errorf("stats are %+v", st)
	}
}

// TestSyncsArePaced: no more than one in SyncEvery, and not without need.
func TestSyncsArePaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		s, err := spool.Open(spool.Options{SyncEvery: time.Second}.On(m))
		must(t, err)
		for n := range 50 {
			put(t, s, n, 1, 100)
			time.Sleep(100 * time.Millisecond)
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if st := s.Stats(); st.Syncs < 4 || st.Syncs > 6 || st.Unsynced > 0 {
			t.Errorf("%+v", st)
		}
		must(t, s.Close())
	})
}

// TestAFileCanBePlayed: it is a Matroska file, whose elements nest.
func TestAFileCanBePlayed(t *testing.T) {
	for _, orderly := range []bool{true, false} {
		m := written(t, 3, 300, orderly)
		data := m.names["0000000000000000.spool.mkv"].data
		var ids []uint32
		var frames [][]byte
		for b := data; len(b) > 0; {
			id, body, rest := element(t, b)
			if id == 0xec && len(body) > 15 && bytes.HasPrefix(body, []byte("fragment ")) {
				frames = append(frames, b[:len(b)-len(rest)])
			} else if id != 0xec {
				ids = append(ids, id)
			}
			b = rest
		}
		const cluster, timecode = 0x1f43b675, 0xe7
		if want := []uint32{0x1a45dfa3, 0x18538067, cluster, timecode, cluster, timecode, cluster, timecode}; !slices.Equal(ids, want) {
			t.Errorf("elements are %x", ids)
		}
		want := slices.Concat(wantFrames(0, 4, 300), wantFrames(1, 4, 300), wantFrames(2, 4, 300))
		if !sameFrames(frames, want) {
			t.Errorf("%d frames", len(frames))
		}

		var out bytes.Buffer
		got, err := spool.Salvage(&out, bytes.NewReader(data), int64(len(data)))
		if err != nil || got.Frames != 12 || len(got.Fragments) != 3 || got.Cut != 0 || got.Bytes != int64(out.Len()) {
			t.Errorf("salvaged %+v, %v", got, err)
		}
		if !bytes.HasPrefix(out.Bytes(), []byte(testHeader)) || bytes.Contains(out.Bytes(), []byte("MSPR")) || !bytes.Contains(out.Bytes(), want[11]) {
			t.Error("other bytes were salvaged")
		}
	}
}

// element splits the first element off b. Masters of unknown size, and the head
// of the file, are not gone into, but for what they hold.
func element(t *testing.T, b []byte) (id uint32, body, rest []byte) {
	t.Helper()
	n := bytes.IndexByte([]byte{0x80, 0x40, 0x20, 0x10}, top(b[0])) + 1
	for _, c := range b[:n] {
		id = id<<8 | uint32(c)
	}
	b = b[n:]
	width := bytes.IndexByte([]byte{0x80, 0x40, 0x20, 0x10, 8, 4, 2, 1}, top(b[0])) + 1
	size := uint64(b[0] &^ top(b[0]))
	for _, c := range b[1:width] {
		size = size<<8 | uint64(c)
	}
	b = b[width:]
	if size == 1<<56-1 {
		return id, nil, b
	}
	if size > uint64(len(b)) {
		t.Fatalf("element %x of %d bytes, and %d are left", id, size, len(b))
	}
	return id, b[:size], b[size:]
}

// top is the highest bit of b alone.
func top(b byte) byte {
	for bit := byte(0x80); bit > 0; bit >>= 1 {
		if b&bit != 0 {
			return bit
		}
	}
	return 0
}
