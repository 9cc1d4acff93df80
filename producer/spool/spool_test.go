package spool_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/producer/spool"
)

// epoch is when the first fragment of a test starts.
var epoch = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)

// testHeader is shaped like the header of a stream: an EBML head, and the start
// of a Segment of unknown size.
const testHeader = "\x1a\x45\xdf\xa3\x84\x42\x86\x81\x01" + "\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xff" + "\xec\x83abc"

func headOf(n int) spool.Head {
	return spool.Head{
		Identity: millrace.Identity{Session: millrace.SessionID{1}, Sequence: uint64(n)},
		Header:   []byte(testHeader), Timecode: uint64(n) * 2000, Scale: 1_000_000,
		Start: epoch.Add(time.Duration(n) * 2 * time.Second),
	}
}

// frameOf is the bytes of a frame: a Void, so that they can stand in a Cluster.
func frameOf(n, i, size int) []byte {
	b := fmt.Appendf(nil, "\xec%c\x00\x00\x00\x00\x00%c%c", 1, byte(size>>8), byte(size))
	b[1] = 0x01
	text := fmt.Sprintf("fragment %d frame %d ", n, i)
	return append(b, bytes.Repeat([]byte(text), size/len(text)+1)[:size]...)
}

func open(t testing.TB, o spool.Options) *spool.Spool {
	t.Helper()
	s, err := spool.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func appendFrames(s *spool.Spool, n, from, to, size int) error {
	for i := from; i < to; i++ {
		f := spool.Frame{Track: 1, Offset: time.Duration(i) * 40 * time.Millisecond, Duration: 40 * time.Millisecond, Key: i == 0}
		b := frameOf(n, i, size)
		if err := s.Append(f, b[:3], b[3:]); err != nil {
			return err
		}
	}
	return nil
}

func put(t testing.TB, s *spool.Spool, n, frames, size int) spool.Ref {
	t.Helper()
	ref, err := s.Begin(headOf(n))
	must(t, err)
	must(t, appendFrames(s, n, 0, frames, size))
	must(t, s.End())
	return ref
}

// framesOf reads a fragment.
func framesOf(s *spool.Spool, ref spool.Ref) ([][]byte, error) {
	r, err := s.Reader(ref)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	var frames [][]byte
	for {
		_, size, err := r.Next()
		if errors.Is(err, io.EOF) {
			return frames, nil
		}
		if err != nil {
			return frames, err
		}
		b, err := io.ReadAll(r)
		if err != nil {
			return frames, err
		}
		if int64(len(b)) != size {
			return frames, fmt.Errorf("frame has %d bytes, not %d", len(b), size)
		}
		frames = append(frames, b)
	}
}

// wantFrames are the frames of put.
func wantFrames(n, frames, size int) [][]byte {
	var want [][]byte
	for i := range frames {
		want = append(want, frameOf(n, i, size))
	}
	return want
}

func sameFrames(a, b [][]byte) bool { return slices.EqualFunc(a, b, bytes.Equal) }

func TestWhatIsWrittenIsThereAfterARestart(t *testing.T) {
	o := spool.Options{Dir: t.TempDir()}
	s := open(t, o)
	sizes := []int{100, 16 << 10, 64<<10 - 9, 64<<10 - 8, 200_000}
	for n, size := range sizes {
		put(t, s, n, 5, size)
	}
	id := s.Producer()
	check := func() {
		t.Helper()
		list := slices.Collect(s.Pending())
		if len(list) != len(sizes) {
			t.Fatalf("%d fragments are pending", len(list))
		}
		for n, f := range list {
			if f.Identity.Sequence != uint64(n) || f.Torn || f.Frames != 5 || f.Duration != 200*time.Millisecond || !f.Start.Equal(headOf(n).Start) {
				t.Errorf("fragment %d is %+v", n, f)
			}
			got, err := framesOf(s, f.Ref)
			if err != nil || !sameFrames(got, wantFrames(n, 5, sizes[n])) {
				t.Errorf("frames of %d: %d, %v", n, len(got), err)
			}
			if h, err := s.Header(f.Ref); err != nil || string(h) != testHeader {
				t.Errorf("header of %d: %x, %v", n, h, err)
			}
		}
	}
	check()
	must(t, s.Close())
	s = open(t, o)
	check()
	if s.Producer() != id {
		t.Error("the identity changed")
	}
	if o := s.Opening(); o.Fragments != len(sizes) || o.Scanned != 0 {
		t.Errorf("opening is %+v", o)
	}
}

func TestWhatIsSettledIsGoneAfterARestart(t *testing.T) {
	o := spool.Options{Dir: t.TempDir()}
	s := open(t, o)
	var refs []spool.Ref
	for n := range 6 {
		refs = append(refs, put(t, s, n, 2, 1000))
	}
	must(t, s.Settle(spool.Persisted, refs[0], refs[2]))
	must(t, s.Settle(spool.Received, refs[1]))
	must(t, s.Close())
	s = open(t, o)
	var left []spool.Ref
	for f := range s.Pending() {
		left = append(left, f.Ref)
		if (f.Outcome == spool.Received) != (f.Ref == refs[1]) {
			t.Errorf("outcome of %d is %v", f.Ref, f.Outcome)
		}
	}
	if want := []spool.Ref{refs[1], refs[3], refs[4], refs[5]}; !slices.Equal(left, want) {
		t.Errorf("pending are %v, want %v", left, want)
	}
}
