package spool

import (
	"errors"
	"fmt"

	"github.com/millrace/millrace"
)

// The kinds of error. Test with errors.Is.
var (
	// ErrLocked: another Spool, here or in another process, has the directory.
	ErrLocked = errors.New("spool is open elsewhere")

	// ErrFull: a bound, or the disk. The error is a *FullError.
	ErrFull = errors.New("spool is full")

	// ErrDamaged: bytes on the disk are not what was written. It is also
	// millrace.ErrCorrupt.
	ErrDamaged = fmt.Errorf("spool is damaged: %w", millrace.ErrCorrupt)

	// ErrSync: what was written could not be synced, and could not be written
	// elsewhere either. It is pending still, and at risk.
	ErrSync = errors.New("spool cannot be synced")

	// ErrCut: the disk failed under the open fragment. It was closed at its last
	// whole frame, as torn; the next call may be Begin.
	ErrCut = errors.New("fragment was cut")

	// ErrTooLarge: a header above MaxHeader or an Append above MaxAppend.
	ErrTooLarge = errors.New("too large for the spool")

	// ErrSettled: the fragment is not pending, or was never there.
	ErrSettled = errors.New("fragment is not pending")

	// ErrOrder: Begin, Append or End out of turn.
	ErrOrder = errors.New("out of turn")

	// ErrMore: a Reader has read all there is of a fragment that is still open.
	ErrMore = errors.New("fragment is still open")

	// ErrClosed: the Spool is closed. It is also millrace.ErrClosed.
	ErrClosed = fmt.Errorf("spool: %w", millrace.ErrClosed)

	// ErrVersion: a file was written by a later release. Nothing of the directory
	// is touched.
	ErrVersion = errors.New("spool is of a later version")
)

// A Bound says which limit was met.
type Bound uint8

// The bounds.
const (
	BoundBytes     Bound = iota + 1 // Options.MaxBytes
	BoundFragments                  // Options.MaxFragments
	BoundAge                        // Options.MaxAge
	BoundDisk                       // the disk has no room, or no quota
)

// String returns what is bounded.
func (b Bound) String() string {
	names := [...]string{"", "bytes", "fragments", "age", "disk"}
	if int(b) < len(names) {
		return names[b]
	}
	return "unknown"
}

// A FullError says which bound a Begin or an Append met. Nothing of that call
// was kept, all before it was, and the same call may be made again when there
// is room.
type FullError struct {
	Bound Bound
	Need  int64 // bytes that the call would have taken
	Go    Range // the oldest fragments, which Drop(Go.Last) gives up; empty if that would not make room
	Err   error // of the disk; nil for the other bounds

	// Received are pending fragments, in order, that were noted as Received and
	// without which there would be room as well: to give them up loses least. It is
	// empty if they would not make enough.
	Received []Ref
}

// Error names the bound and what would have to go.
func (e *FullError) Error() string {
	text := fmt.Sprintf("%v: bound of %v: %d fragments with %d bytes would have to go", ErrFull, e.Bound, e.Go.Fragments, e.Go.Bytes)
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Is makes every FullError an ErrFull.
func (e *FullError) Is(target error) bool { return target == ErrFull }

// Unwrap returns the error of the disk.
func (e *FullError) Unwrap() error { return e.Err }

// A Problem is something that went wrong in the background or with the disk,
// and what it concerns.
type Problem struct {
	Err   error // ErrSync, ErrDamaged, ErrCut, or an error of the disk
	File  string
	Range Range // the fragments that it concerns; empty if none does, or if they are not known
}
