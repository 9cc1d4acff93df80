package spool_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/producer/spool"
)

// A fragment is written, and found again after a restart.
func Example() {
	dir, err := os.MkdirTemp("", "spool")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)

	s, err := spool.Open(spool.Options{Dir: dir, MaxBytes: 1 << 30})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := record(s); err != nil {
		fmt.Println(err)
	}
	if err := s.Close(); err != nil {
		fmt.Println(err)
	}

	s, err = spool.Open(spool.Options{Dir: dir, MaxBytes: 1 << 30})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	for f := range s.Pending() {
		n, err := send(s, f.Ref)
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Printf("sent fragment %d: %d frames, %d bytes, %v long\n", f.Identity.Sequence, f.Frames, n, f.Duration)
		if err := s.Settle(spool.Persisted, f.Ref); err != nil {
			fmt.Println(err)
		}
	}
	fmt.Println(s.Stats().Pending, "are left")
	// Output:
	// sent fragment 7: 2 frames, 20 bytes, 80ms long
	// 0 are left
}

// record writes a fragment of two frames. When the spool is full it drops what is
// oldest.
func record(s *spool.Spool) error {
	head := spool.Head{
		Identity: millrace.Identity{Session: millrace.SessionID{1}, Sequence: 7},
		Header:   []byte("EBML, Segment, Info, Tracks"),
		Scale:    1_000_000,
		Start:    time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC),
	}
	_, err := s.Begin(head)
	var full *spool.FullError
	if errors.As(err, &full) {
		dropped, _ := s.Drop(full.Go.Last)
		fmt.Printf("dropped %d frames from %v to %v\n", dropped.Frames, dropped.Start, dropped.End)
		_, err = s.Begin(head)
	}
	if err != nil {
		return err
	}
	for i := range 2 {
		frame := spool.Frame{Track: 1, Offset: time.Duration(i) * 40 * time.Millisecond, Duration: 40 * time.Millisecond, Key: i == 0}
		if err := s.Append(frame, []byte("head"), []byte("frame.")); err != nil {
			return err
		}
	}
	if err := s.End(); err != nil {
		return err
	}
	return s.Sync(context.Background())
}

// send reads a fragment as it would be sent.
func send(s *spool.Spool, ref spool.Ref) (int64, error) {
	r, err := s.Reader(ref)
	if err != nil {
		return 0, err
	}
	defer r.Close()
	var sent int64
	for {
		if _, _, err := r.Next(); err != nil {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return sent, err
		}
		n, err := io.Copy(io.Discard, r)
		if err != nil {
			return sent, err
		}
		sent += n
	}
}
