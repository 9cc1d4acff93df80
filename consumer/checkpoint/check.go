package checkpoint

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// check returns ErrInvalid for a key that no store takes.
func (k Key) check() error {
	if err := checkName("application", k.App); err != nil {
		return err
	}
	return checkName("stream", k.Stream)
}

// checkName returns ErrInvalid for a name that no store takes. NUL and what is no
// UTF-8 are what databases refuse.
func checkName(what, name string) error {
	switch {
	case name == "":
		return fmt.Errorf("%w: the %s has no name", ErrInvalid, what)
	case len(name) > MaxName:
		return fmt.Errorf("%w: the %s's name has %d bytes, more than %d", ErrInvalid, what, len(name), MaxName)
	case !utf8.ValidString(name) || strings.Contains(name, "\x00"):
		return fmt.Errorf("%w: the %s's name %q is not UTF-8 without NUL", ErrInvalid, what, name)
	}
	return nil
}

// checkRecord returns ErrInvalid for what cannot be saved.
func checkRecord(k Key, r Record) error {
	if err := k.check(); err != nil {
		return err
	}
	if len(r.Position) > MaxPosition {
		return fmt.Errorf("%w: a position of %d bytes, more than %d", ErrInvalid, len(r.Position), MaxPosition)
	}
	if r.Owner == "" {
		return nil
	}
	return checkName("owner", r.Owner)
}

// checkOwner returns ErrInvalid for a key or an owner that no store takes.
func checkOwner(k Key, owner string) error {
	if err := k.check(); err != nil {
		return err
	}
	return checkName("owner", owner)
}

// checkLease returns what Acquire is asked for: ttl in whole milliseconds.
func checkLease(k Key, owner string, ttl time.Duration) (time.Duration, error) {
	if err := checkOwner(k, owner); err != nil {
		return 0, err
	}
	if ttl <= 0 || ttl > MaxTTL {
		return 0, fmt.Errorf("%w: a lease of %v, not of more than 0 and at most %v", ErrInvalid, ttl, MaxTTL)
	}
	return (ttl + time.Millisecond - 1).Truncate(time.Millisecond), nil
}
