package client

import (
	"errors"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/wire"
)

// maxPatience is the longest wait between the tries of one call. A server that
// asks for more is not called again; the caller may do that.
const maxPatience = 30 * time.Second

// RetryAfter returns how long to wait at least before what failed with err is
// tried again: what the server said, or until credentials are looked for again.
// It is zero if nobody said anything.
func RetryAfter(err error) time.Duration {
	var later *laterError
	if errors.As(err, &later) {
		return max(later.wait, 0)
	}
	var remote *wire.RemoteError
	if errors.As(err, &remote) {
		return remote.RetryAfter
	}
	return 0
}

// Throttled reports whether err says that there were too many calls.
func Throttled(err error) bool {
	switch millrace.CodeOf(err) {
	case millrace.CodeRateLimit, millrace.CodeThrottled, millrace.CodeConnectionLimit:
		return true
	}
	return false
}

// A laterError is an error and when it is worth to try again.
type laterError struct {
	err  error
	wait time.Duration
}

func (e *laterError) Error() string { return e.err.Error() }

func (e *laterError) Unwrap() error { return e.err }
