package credentials

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"github.com/millrace/millrace"
)

// Bounds of a program that prints credentials.
const (
	processTimeout = time.Minute
	processOutput  = 64 << 10 // bytes
	processTalk    = 1 << 10  // bytes of what it says about an error
)

var errOutput = errors.New("printed too much")

// runProcess starts a command line with the user's shell, as the AWS tools do,
// and reads what it prints.
func runProcess(ctx context.Context, command string) (millrace.Credentials, error) {
	ctx, cancel := context.WithTimeout(ctx, processTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, "/bin/sh", "-c", command)
	if runtime.GOOS == "windows" {
		cmd = exec.CommandContext(ctx, "cmd.exe", "/C", command)
	}
	out, talk := &bounded{most: processOutput}, &bounded{most: processTalk, cut: true}
	cmd.Stdout, cmd.Stderr = out, talk
	cmd.WaitDelay = time.Second // for a child of the child that holds the pipe
	if err := cmd.Run(); err != nil {
		switch {
		case ctx.Err() != nil:
			err = context.Cause(ctx)
		case out.over:
			err = errOutput // of which the program dies, or not
		}
		return millrace.Credentials{}, fmt.Errorf("credential_process: %w: %s", err, strings.TrimSpace(talk.buf.String()))
	}
	return readProcess(out.buf.Bytes())
}

// readProcess reads the JSON of a credential_process. It shows none of it.
func readProcess(output []byte) (millrace.Credentials, error) {
	var in struct {
		Version         int
		AccessKeyID     string `json:"AccessKeyId"`
		SecretAccessKey string
		SessionToken    string
		Expiration      *time.Time
	}
	if err := json.Unmarshal(output, &in); err != nil {
		return millrace.Credentials{}, errors.New("credential_process: printed no JSON object of credentials")
	}
	if in.Version != 1 {
		return millrace.Credentials{}, fmt.Errorf("credential_process: version %d is not known", in.Version)
	}
	c := millrace.Credentials{AccessKeyID: in.AccessKeyID, SecretAccessKey: in.SecretAccessKey, SessionToken: in.SessionToken}
	if in.Expiration != nil {
		c.Expires = *in.Expiration
	}
	if c.AccessKeyID == "" || c.SecretAccessKey == "" {
		return millrace.Credentials{}, errors.New("credential_process: printed no key")
	}
	return c, nil
}

// bounded takes a bounded number of bytes, and is an error for more, unless it
// is to cut them off.
type bounded struct {
	buf  bytes.Buffer
	most int
	cut  bool
	over bool // there was more
}

func (b *bounded) Write(p []byte) (int, error) {
	room := b.most - b.buf.Len()
	b.over = b.over || len(p) > room
	if b.over && !b.cut {
		return 0, errOutput
	}
	b.buf.Write(p[:min(len(p), room)])
	return len(p), nil
}
