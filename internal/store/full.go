package store

import (
	"errors"
	"fmt"
	"syscall"
)

// ErrFull says that there was no room for a fragment: by the policy of a full
// disk, or because nothing was left that could have made room. What was kept
// before stays readable, and what comes later is kept once there is room again.
var ErrFull = errors.New("no room for more media")

// isFull reports whether an error means that the disk is full, whoever has
// filled it.
func isFull(err error) bool {
	return errors.Is(err, ErrFull) || errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// withFull is err, and ErrFull too if it means that the disk is full.
func withFull(err error) error {
	if !isFull(err) || errors.Is(err, ErrFull) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrFull, err)
}

// A FullPolicy says what happens when there is no room for more media.
type FullPolicy uint8

// The policies of a full disk.
const (
	OldestFirst FullPolicy = iota // packs go, the one with the oldest media first
	RefuseNew                     // new media are refused with ErrFull
)
