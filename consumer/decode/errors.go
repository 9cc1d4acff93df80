package decode

import (
	"errors"
	"strings"
)

// What can go wrong beside what contexts say. A child that dies is a
// *ProcessError.
var (
	// ErrNoFFmpeg: the program cannot be found.
	ErrNoFFmpeg = errors.New("ffmpeg is not installed")
	// ErrUnsupported: the track's codec is not for this decoder.
	ErrUnsupported = errors.New("codec is not supported")
	// ErrNotConfigured: a frame came before a track.
	ErrNotConfigured = errors.New("decoder is not configured")
	// ErrClosed: the decoder was closed.
	ErrClosed = errors.New("decoder is closed")
	// ErrTooLarge: a picture has more than Options.MaxPixels.
	ErrTooLarge = errors.New("picture is too large")
	// ErrUnread: loops over pictures were left early so often that too many frames
	// wait. The frame was not taken; a loop that is walked to its end helps.
	ErrUnread = errors.New("pictures were not taken")
)

// errEarly is what a child did that ended in good order, and too early.
var errEarly = errors.New("ended before its input did")

// ProcessError is the end of a child process.
type ProcessError struct {
	// Err says how it ended: an *exec.ExitError, or what went wrong on its pipes.
	Err error
	// Output is what it said last of warnings and errors, a few lines.
	Output []string
}

// Error says how the child ended and what it said.
func (e *ProcessError) Error() string {
	text := "ffmpeg: " + e.Err.Error()
	if len(e.Output) > 0 {
		text += ": " + strings.Join(e.Output, "; ")
	}
	return text
}

// Unwrap returns how it ended.
func (e *ProcessError) Unwrap() error { return e.Err }
