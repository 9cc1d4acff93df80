package spool_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/millrace/millrace/producer/spool"
)

const benchFrame = 16 << 10

// BenchmarkAppend writes frames of 16 KiB, thirty to a fragment, which are
// settled as soon as they are ended.
func BenchmarkAppend(b *testing.B) {
	for name, every := range map[string]time.Duration{"sync=files": spool.SyncFiles, "sync=fragments": 0} {
		b.Run(name, func(b *testing.B) {
			s := open(b, spool.Options{Dir: b.TempDir(), SyncEvery: every})
			a := newAppender(b, s)
			b.SetBytes(benchFrame)
			b.ReportAllocs()
			for b.Loop() {
				a.append(b)
			}
		})
	}
}

// BenchmarkWrite is the floor: the same bytes, one write each.
func BenchmarkWrite(b *testing.B) {
	f, err := os.Create(filepath.Join(b.TempDir(), "floor"))
	must(b, err)
	defer f.Close()
	frame := bytes.Repeat([]byte("f"), benchFrame+spool.FrameSize+4)
	b.SetBytes(benchFrame)
	off := int64(0)
	for b.Loop() {
		if _, err := f.WriteAt(frame, off); err != nil {
			b.Fatal(err)
		}
		if off += int64(len(frame)); off > spool.DefaultFileBytes {
			must(b, f.Truncate(0))
			off = 0
		}
	}
}

// An appender appends frames, and ends and settles every thirtieth time.
type appender struct {
	s     *spool.Spool
	ref   spool.Ref
	n     int
	frame []byte
	head  []byte
}

func newAppender(t testing.TB, s *spool.Spool) *appender {
	t.Helper()
	return &appender{s: s, frame: bytes.Repeat([]byte("f"), benchFrame-8), head: []byte("\xa3\x40\x00\x00\x81\x00\x00\x80")}
}

func (a *appender) append(t testing.TB) {
	var err error
	if a.n%30 == 0 {
		if a.n > 0 {
			must(t, a.s.End())
			must(t, a.s.Settle(spool.Persisted, a.ref))
		}
		if a.ref, err = a.s.Begin(headOf(a.n)); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.s.Append(spool.Frame{Track: 1, Key: a.n%30 == 0}, a.head, a.frame); err != nil {
		t.Fatal(err)
	}
	a.n++
}

// TestAppendAllocatesNothing: not for frames that fit in one write, and not for
// large ones.
func TestAppendAllocatesNothing(t *testing.T) {
	s := open(t, spool.Options{Dir: t.TempDir(), SyncEvery: spool.SyncFiles})
	_, err := s.Begin(headOf(0))
	must(t, err)
	head, frame := []byte("\xa3\x40\x00\x00"), make([]byte, 300_000)
	for _, size := range []int{100, 16 << 10, len(frame)} {
		n := testing.AllocsPerRun(20, func() {
			if err := s.Append(spool.Frame{Track: 1}, head, frame[:size]); err != nil {
				t.Fatal(err)
			}
		})
		if n > 0 {
			t.Errorf("a frame of %d bytes costs %v allocations", size, n)
		}
	}
}

// BenchmarkOpen opens and closes a spool of 100,000 pending fragments, in files
// of 1 MiB.
func BenchmarkOpen(b *testing.B) {
	dir := b.TempDir()
	o := spool.Options{Dir: dir, FileBytes: 1 << 20, SyncEvery: time.Hour}
	s := open(b, o)
	for n := range 100_000 {
		put(b, s, n, 1, 500)
	}
	must(b, s.Close())
	b.ReportAllocs()
	for b.Loop() {
		s, err := spool.Open(o)
		must(b, err)
		if s.Stats().Pending != 100_000 {
			b.Fatal("not all are there")
		}
		must(b, s.Close())
	}
}
