package api

import (
	"context"
	"crypto/rand"
	"errors"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/auth"
)

// versionLength is the number of characters of a version that we make.
const versionLength = 20

// newVersion makes a random version of base-62 characters. No two are the same
// in practice, so that a version is never taken for an earlier one.
func newVersion() string {
	const chars = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	version := make([]byte, 0, versionLength)
	for len(version) < versionLength {
		var b [versionLength]byte
		_, _ = rand.Read(b[:]) // never fails
		for _, c := range b {
			if c < 4*byte(len(chars)) && len(version) < versionLength { // what is above would favour some
				version = append(version, chars[int(c)%len(chars)])
			}
		}
	}
	return string(version)
}

// checkCurrent compares the version that a caller gave with the stream's, and
// then its status. An empty version is not compared.
func checkCurrent(s millrace.Stream, version string) error {
	if version != "" && version != s.Version {
		return millrace.Errorf(millrace.CodeVersionMismatch,
			"The stream version %s is not the current version of the stream %s. Get it with DescribeStream.", version, s.Name)
	}
	if s.Status != millrace.StatusActive {
		return millrace.Errorf(millrace.CodeInUse, "The stream %s is not active: its status is %s.", s.Name, s.Status)
	}
	return nil
}

// update changes a stream whose version the caller knows, and returns it as it
// is now. edit sees the stream as it is, and may refuse.
func (h *Handler) update(ctx context.Context, c *call, t target, version string, edit func(*millrace.Stream) error) (millrace.Stream, error) {
	return h.settle(ctx, c, t, version, func(s millrace.Stream) (millrace.Stream, error) {
		if err := edit(&s); err != nil {
			return s, err
		}
		s.Version = newVersion()
		return s, h.config.Control.Update(ctx, s, version)
	})
}

// settle finds the stream, compares its version and status, and calls change.
// If somebody else was quicker in between, so that what change found is no
// longer there or no longer as it was, it looks once more, in order to answer
// with what is wrong by now.
func (h *Handler) settle(ctx context.Context, c *call, t target, version string,
	change func(millrace.Stream) (millrace.Stream, error),
) (millrace.Stream, error) {
	action := auth.Action(c.operation.name)
	for attempt := 0; ; attempt++ {
		s, err := h.find(ctx, c, t, action)
		if err != nil {
			return s, err
		}
		if err := checkCurrent(s, version); err != nil {
			return s, err
		}
		s, err = change(s)
		if attempt > 0 || !overtaken(err) {
			return s, err
		}
	}
}

// overtaken is true of the answers of a control state that has moved on.
func overtaken(err error) bool {
	return errors.Is(err, millrace.ErrConflict) || errors.Is(err, millrace.ErrExists) || errors.Is(err, millrace.ErrNotFound)
}
