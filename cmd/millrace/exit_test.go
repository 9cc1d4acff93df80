package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
)

func TestWhatCannotBeOpenedOrListenedOnComesWithANextStep(t *testing.T) {
	listen := func(err error) error {
		return fmt.Errorf("start server: listen: %w", &net.OpError{Op: "listen", Net: "tcp", Err: err})
	}
	for name, c := range map[string]struct {
		err  error
		code int
		hint string
	}{
		"port in use":         {listen(os.NewSyscallError("bind", syscall.EADDRINUSE)), exitFailure, "--metrics-listen"},
		"port below 1024":     {listen(os.NewSyscallError("bind", syscall.EACCES)), exitFailure, "CAP_NET_BIND_SERVICE"},
		"no such port":        {listen(errors.New("invalid port")), exitFailure, "--listen"},
		"directory of others": {fmt.Errorf("open lock file: %w", &fs.PathError{Op: "open", Path: "data/lock", Err: syscall.EACCES}), exitFailure, "the user to whom"},
		"nobody listens":      {&net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}, exitUnavailable, "AWS_ENDPOINT_URL"},
	} {
		t.Run(name, func(t *testing.T) {
			code, hint := judge(c.err)
			if code != c.code || !strings.Contains(hint, c.hint) {
				t.Fatalf("exit code %d, hint %q; want %d and %q in the hint", code, hint, c.code, c.hint)
			}
		})
	}
}
