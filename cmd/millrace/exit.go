package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"strings"
	"syscall"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/credentials"
	"github.com/millrace/millrace/internal/wire"
	"github.com/millrace/millrace/internal/wire/client"
	"github.com/millrace/millrace/producer/spool"
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

// An advisedError is one for which the command knows a better next step than
// its kind suggests. Its exit code is that of the error within.
type advisedError struct {
	err  error
	hint string
}

func (e *advisedError) Error() string { return e.err.Error() }
func (e *advisedError) Unwrap() error { return e.err }

// advise gives an error its next step, where it is of that code.
func advise(err error, code millrace.Code, hint string) error {
	if millrace.CodeOf(err) != code {
		return err
	}
	return &advisedError{err, hint}
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
		lines := strings.Split(err.Error(), "\n")
		for i, line := range lines {
			lines[i] = visible(line) // some of it may be the server's words
		}
		fmt.Fprintf(c.err, "millrace: %v\n", strings.Join(lines, "\nmillrace: "))
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
	var noTLS tls.RecordHeaderError
	var advised *advisedError
	switch {
	case errors.As(err, &advised):
		code, _ = judge(advised.err)
		return code, advised.hint
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
	case errors.Is(err, client.ErrEndpoint):
		return exitUsage, "Is AWS_ENDPOINT_URL right? It begins with http:// or https://."
	case errors.Is(err, credentials.ErrMissing):
		return exitUsage, "The server printed its root key at its first start; it keeps it in its data directory."
	case errors.Is(err, wire.ErrWantsTLS):
		return exitUnavailable, "Say https:// in AWS_ENDPOINT_URL."
	case errors.As(err, &refused):
		return judgeRefusal(refused)
	case errors.Is(err, spool.ErrLocked):
		return exitFailure, "One program at a time has a stream's spool: end the one that has it, or name another directory. Its *.spool.mkv files can be copied and played meanwhile."
	case errors.Is(err, errInUse):
		return exitFailure, ""
	case errors.Is(err, millrace.ErrConflict):
		return exitFailure, "One server at a time has a data directory. Which process has it says: millrace doctor --quick --data DIR"
	case errors.As(err, &certificate):
		return exitUnavailable, certificateHint(certificate)
	case errors.Is(err, http.ErrSchemeMismatch), errors.As(err, &noTLS):
		return exitUnavailable, "The server speaks http there: say http:// in AWS_ENDPOINT_URL, or start it with --tls-auto."
	case errors.Is(err, syscall.EPIPE):
		return exitFailure, ""
	case errors.As(err, &network) && network.Op == "listen":
		return exitFailure, listenHint(err)
	case errors.Is(err, fs.ErrPermission) && network == nil:
		return exitFailure, "Run it as the user to whom that belongs."
	case errors.As(err, &network), errors.Is(err, context.DeadlineExceeded):
		return exitUnavailable, "Is the server running, and is AWS_ENDPOINT_URL its address?"
	}
	return exitFailure, ""
}

// listenHint says what to do about an address that cannot be listened on.
func listenHint(err error) string {
	const elsewhere = "choose another address with --listen, or for the metrics with --metrics-listen."
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return "Another program listens there; " + elsewhere
	case errors.Is(err, fs.ErrPermission):
		return "Ports below 1024 want a privilege, CAP_NET_BIND_SERVICE, which the systemd unit in deploy/ gives; or " + elsewhere
	}
	return "Or " + elsewhere
}

// certificateHint says what makes a certificate good that was refused.
func certificateHint(err *tls.CertificateVerificationError) string {
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &name):
		return "The certificate is for other names than the one in AWS_ENDPOINT_URL; a server with --tls-auto takes more with --tls-names."
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "Is this machine's clock right?"
	}
	return "If the server has an authority of its own, name its file, which the server printed at its start, with --ca, MILLRACE_CA or AWS_CA_BUNDLE."
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
		return exitRefused, "Are AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY the server's, AWS_SESSION_TOKEN unset or theirs, and this machine's clock right?"
	case millrace.CodeExpiredToken:
		return exitRefused, "The key or session has ended. Take another: millrace key session, or millrace key create."
	case millrace.CodeAccessDenied, millrace.CodeNotAuthorized, millrace.CodeMissingToken, millrace.CodeIncompleteSignature:
		return exitRefused, ""
	case millrace.CodeInvalidArgument, millrace.CodeInvalidResourceFormat:
		return exitUsage, ""
	case millrace.CodeUnavailable, millrace.CodeInternal, millrace.CodeRateLimit, millrace.CodeConnectionLimit:
		return exitUnavailable, ""
	}
	return exitFailure, ""
}
