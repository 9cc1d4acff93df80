package spool

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/millrace/millrace"
)

// gatherSize is how much of a frame is copied, in bytes, to go out in one write
// with its record. Larger pieces are written as they are.
const gatherSize = 64 << 10

// A writer is what the goroutine that writes has for itself.
type writer struct {
	file   *dataFile // nil before the first fragment, and after leave
	handle file      // of file
	size   int64     // of file: where the next record goes
	header []byte    // of file

	ref    Ref // of the open fragment, 0 if none is
	index  uint32
	tail   bool // trailing elements came
	totals entry

	frame  frameRecord
	gather []byte
}

// Begin opens a fragment. A fragment that is open must have been ended or cut.
// The error may be a *FullError; then nothing was begun, and Begin may be called
// again.
func (s *Spool) Begin(h Head) (Ref, error) {
	w := &s.out
	if err := w.mayBegin(s, h); err != nil {
		return 0, err
	}
	if err := s.admit(fragmentSize+clusterSize+endSize+indexEntry, true); err != nil {
		return 0, err
	}
	if err := w.ready(s, h.Header); err != nil {
		return 0, err
	}
	for try := 0; ; try++ {
		ref, err := w.begin(s, h)
		if err == nil || errors.Is(err, ErrFull) || try > 0 {
			return ref, err
		}
		if err := w.roll(s, h.Header); err != nil {
			return 0, err
		}
	}
}

func (w *writer) mayBegin(s *Spool, h Head) error {
	switch {
	case w.ref != 0:
		return fmt.Errorf("begin: a fragment is open: %w", ErrOrder)
	case len(h.Header) > MaxHeader:
		return fmt.Errorf("begin: header of %d bytes: %w", len(h.Header), ErrTooLarge)
	case h.Scale == 0 || h.Identity.Session == millrace.SessionID{}:
		return fmt.Errorf("begin: a scale and a session are needed: %w", millrace.ErrInvalid)
	}
	return s.open()
}

// ready makes w.file one that a fragment with this header can go to.
func (w *writer) ready(s *Spool, header []byte) error {
	if w.file != nil && w.size < s.o.FileBytes && bytes.Equal(w.header, header) && !s.failed(w.file) {
		return nil
	}
	return w.roll(s, header)
}

func (w *writer) begin(s *Spool, h Head) (Ref, error) {
	s.mu.Lock()
	ref, synced := s.next, w.file.synced
	s.mu.Unlock()
	r := fragmentRecord{
		record:   record{salt: w.file.salt, ref: ref},
		identity: h.Identity, timecode: h.Timecode, scale: h.Scale,
		start: h.Start.UnixNano(), begun: s.clock.nano(), synced: synced,
	}
	if !h.Origin.IsZero() {
		r.flags, r.origin = flagRelative, h.Origin.UnixNano()
	}
	w.gather = r.append(w.gather[:0])
	if err := w.write(s); err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next++
	e := w.file.entryOf(&r, w.size)
	w.file.entries = append(w.file.entries, e)
	w.file.pending++
	s.pending++
	w.ref, w.index, w.tail, w.totals = ref, 0, false, e
	w.advance(s, int64(len(w.gather)))
	return ref, nil
}

// Append adds to the open fragment what pieces come to, at most MaxAppend bytes:
// whole Matroska elements, that of one frame, or one that is none. It is in the
// file when Append returns, but not synced, and nothing of pieces is kept. On an
// error nothing of it is there, what came before is, and Append may be called
// again; only if the error is ErrCut the fragment is no longer open. An Append
// without bytes does nothing.
func (s *Spool) Append(frame Frame, pieces ...[]byte) error {
	w := &s.out
	if err := w.mayAppend(s, frame); err != nil {
		return err
	}
	w.frame.set(frame)
	w.frame.sumPieces(pieces)
	if w.frame.payload == 0 {
		return nil
	}
	if w.frame.payload > MaxAppend {
		return fmt.Errorf("append %d bytes: %w", w.frame.payload, ErrTooLarge)
	}
	size := int64(frameSize+len(w.frame.sums)) + w.frame.payload
	if err := s.admit(size, false); err != nil {
		return err
	}
	return w.retry(s, func() error { return w.append(s, pieces, size) })
}

func (w *writer) mayAppend(s *Spool, frame Frame) error {
	switch {
	case w.ref == 0:
		return fmt.Errorf("append: no fragment is open: %w", ErrOrder)
	case w.tail && !frame.Trailing:
		return fmt.Errorf("append: a frame behind trailing elements: %w", ErrOrder)
	}
	return s.open()
}

// retry calls write, and once more after the open fragment was carried to a new
// file, if the file fails. Without room it does not.
func (w *writer) retry(s *Spool, write func() error) error {
	if s.failed(w.file) {
		if err := w.carry(s); err != nil {
			return err
		}
	}
	err := write()
	if err == nil || errors.Is(err, ErrFull) {
		return err
	}
	if err := w.carry(s); err != nil {
		return err
	}
	return write()
}

func (w *writer) append(s *Spool, pieces [][]byte, size int64) error {
	f := &w.frame
	f.salt, f.ref, f.index = w.file.salt, w.ref, w.index+1
	w.gather = f.append(w.gather[:0])
	if err := w.write(s, pieces...); err != nil {
		return err
	}
	w.index++
	w.tail = f.flags&flagTrailing != 0
	w.totals.add(f, w.size+size)
	s.mu.Lock()
	defer s.mu.Unlock()
	_, e := s.find(w.ref)
	e.end, e.bytes, e.frames, e.duration = w.totals.end, w.totals.bytes, w.totals.frames, w.totals.duration
	if !e.outcome.Final() {
		s.media += f.payload
	}
	w.advance(s, size)
	return nil
}

// End closes the open fragment. It is synced in the background, as
// Options.SyncEvery says. On an error, which may be a *FullError, it is still
// open, but for ErrCut.
func (s *Spool) End() error {
	w := &s.out
	if w.ref == 0 {
		return fmt.Errorf("end: no fragment is open: %w", ErrOrder)
	}
	if err := s.open(); err != nil {
		return err
	}
	if err := w.retry(s, func() error { return w.end(s) }); err != nil {
		return err
	}
	if w.size >= s.o.FileBytes {
		s.leave() // so that it can be removed without another Begin
	}
	s.ended()
	return nil
}

func (w *writer) end(s *Spool) error {
	r := endRecord{
		record: record{salt: w.file.salt, ref: w.ref, index: w.index + 1},
		bytes:  w.totals.bytes, duration: w.totals.duration, frames: w.totals.frames,
	}
	w.gather = r.append(w.gather[:0])
	if err := w.write(s); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_, e := s.find(w.ref)
	e.state &^= stateOpen
	e.end = w.size + endSize
	w.advance(s, endSize)
	w.ref = 0
	return nil
}

// Cut closes the open fragment at its last whole frame, as a crash would: it is
// torn from now on, or gone if it is empty. Without an open fragment it does
// nothing.
func (s *Spool) Cut() {
	ref := s.out.ref
	if s.out.cut(s) {
		_ = s.Settle(Dropped, ref) // an empty fragment would not be found again either
	}
}

// cut reports whether the fragment is empty.
func (w *writer) cut(s *Spool) bool {
	if w.ref == 0 {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_, e := s.find(w.ref)
	e.state = e.state&^stateOpen | stateTorn
	w.ref = 0
	return e.bytes == 0
}

// advance says that n bytes were written to the file. The caller holds mu.
func (w *writer) advance(s *Spool, n int64) {
	w.size += n
	w.file.size = w.size
	s.charge(w.file)
}

// write writes gather and pieces at the end of the file.
func (w *writer) write(s *Spool, pieces ...[]byte) error {
	err := w.writePieces(pieces)
	if err == nil {
		return nil
	}
	// What went out of it is cut, so that the file ends with a whole record.
	cut := w.handle.Truncate(w.size)
	if noRoom(err) && cut == nil {
		return s.full(BoundDisk, int64(len(w.gather)), err)
	}
	s.fail(w.file)
	return fmt.Errorf("write to spool: %w", errors.Join(err, cut))
}

func (w *writer) writePieces(pieces [][]byte) error {
	head := len(w.gather)
	at := w.size
	defer func() { w.gather = w.gather[:head] }()
	for _, p := range pieces {
		if len(w.gather)+len(p) <= gatherSize {
			w.gather = append(w.gather, p...)
			continue
		}
		for _, b := range [...][]byte{w.gather, p} {
			if _, err := w.handle.WriteAt(b, at); err != nil {
				return err
			}
			at += int64(len(b))
		}
		w.gather = w.gather[:0]
	}
	_, err := w.handle.WriteAt(w.gather, at)
	return err
}

func hash(header []byte) HeaderHash { return sha256.Sum256(header) }
