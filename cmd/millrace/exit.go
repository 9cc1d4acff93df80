package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/wire/client"
)

// Exit codes; the package's comment explains them.
const (
	exitOK          = 0
	exitFailure     = 1
	exitUsage       = 2
	exitNotFound    = 3
	exitRefused     = 4
	exitUnavailable = 5
	exitFound       = 6
	exitInterrupted = 130
)

// A usageError is a mistake in the command line.
type usageError struct {
	err  error
	help string // the command that explains
}

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

// usagef makes a usageError for a command.
func usagef(command, format string, args ...any) error {
	return &usageError{fmt.Errorf(format, args...), "millrace " + command + " --help"}
}

// fail reports err and returns the exit code. A nil error is success.
func (c *console) fail(err error) int {
	if err == nil {
		return exitOK
	}
	code, hint := judge(err)
	switch {
	case code == exitInterrupted && !c.json:
		fmt.Fprintln(c.err, "millrace: interrupted")
	case c.json:
		line := struct {
			Error string `json:"error"`
			Hint  string `json:"hint,omitempty"`
			Exit  int    `json:"exit"`
		}{err.Error(), hint, code}
		_ = json.NewEncoder(c.err).Encode(line) // there is nobody left to tell
	default:
		fmt.Fprintf(c.err, "millrace: %v\n", strings.ReplaceAll(err.Error(), "\n", "\nmillrace: "))
		if hint != "" {
			fmt.Fprintf(c.err, "  %s\n", hint)
		}
	}
	return code
}

// judge returns the exit code of an error and the next step it suggests.
func judge(err error) (code int, hint string) {
	var usage *usageError
	var refused *millrace.Error
	var network *net.OpError
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.As(err, &usage):
		return exitUsage, "Try: " + usage.help
	case errors.Is(err, errDamaged):
		return exitFound, "What to do about it is in docs/guide/operations.md."
	case errors.Is(err, errUnfit):
		return exitFound, ""
	case errors.Is(err, context.Canceled):
		return exitInterrupted, ""
	case errors.Is(err, client.ErrNoEndpoint):
		return exitUsage, "Or try: millrace demo"
	case errors.Is(err, client.ErrNoCredentials):
		return exitUsage, "The server printed its root key at its first start; it keeps it in its data directory."
	case errors.As(err, &refused):
		return judgeRefusal(refused)
	case errors.Is(err, errInUse):
		return exitFailure, ""
	case errors.Is(err, millrace.ErrConflict):
		return exitFailure, "One server at a time has a data directory. Which process has it says: millrace doctor --quick --data DIR"
	case errors.As(err, &certificate):
		return exitUnavailable, "If the server's certificate is your own, name its authority with AWS_CA_BUNDLE."
	case errors.Is(err, syscall.EADDRINUSE):
		return exitFailure, "Another program listens there; choose another address with --listen."
	case errors.Is(err, syscall.EPIPE):
		return exitFailure, ""
	case errors.As(err, &network), errors.Is(err, context.DeadlineExceeded):
		return exitUnavailable, "Is the server running, and is AWS_ENDPOINT_URL its address?"
	}
	return exitFailure, ""
}

func judgeRefusal(err *millrace.Error) (code int, hint string) {
	switch err.Code {
	case millrace.CodeNotFound:
		return exitNotFound, "See the streams there are with: millrace stream list"
	case millrace.CodeInUse:
		return exitFailure, "Look at it with: millrace stream describe NAME"
	case millrace.CodeVersionMismatch:
		return exitFailure, "Somebody changed it meanwhile; try again."
	case millrace.CodeUnknownKey, millrace.CodeInvalidSignature:
		return exitRefused, "Are AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY the server's, and is this machine's clock right?"
	case millrace.CodeAccessDenied, millrace.CodeNotAuthorized, millrace.CodeExpiredToken, millrace.CodeMissingToken, millrace.CodeIncompleteSignature:
		return exitRefused, ""
	case millrace.CodeInvalidArgument, millrace.CodeInvalidResourceFormat:
		return exitUsage, ""
	case millrace.CodeUnavailable, millrace.CodeInternal, millrace.CodeRateLimit, millrace.CodeConnectionLimit:
		return exitUnavailable, ""
	}
	return exitFailure, ""
}
