package server_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/config"
	"github.com/millrace/millrace/internal/server"
)

// childData is the variable of the environment that makes the test binary a
// server on the data directory that it names.
const childData = "MILLRACE_TEST_SERVER_DATA"

// childClock is the variable that says how far such a server's clock is ahead of
// the machine's, as a duration. Empty is not at all.
const childClock = "MILLRACE_TEST_SERVER_CLOCK"

// readerIdle ends responses at the live edge where a test waits for their end.
const readerIdle = 200 * time.Millisecond

func childConfig(data string) config.Server {
	cfg := config.Default(config.ProfileDefault)
	cfg.Data, cfg.Listen = data, "127.0.0.1:0"
	cfg.AccessKeyID, cfg.SecretAccessKey = keyID, secret
	cfg.Region = "us-west-2"
	cfg.ReaderIdleTimeout = readerIdle
	return cfg
}

// serveAsChild runs a server, says on standard output where it is, and ends
// with its standard input, and so with its parent.
func serveAsChild(data string) (status int) {
	ahead, _ := time.ParseDuration(os.Getenv(childClock))
	now := func() time.Time { return time.Now().Add(ahead) }
	s, err := server.Start(context.Background(), childConfig(data), server.Options{Now: now})
	if err == nil {
		fmt.Println(s.URL())
		_, _ = io.Copy(io.Discard, os.Stdin)
		err = s.Close()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// A child is a server in a process of its own.
type child struct {
	*rig
	cmd    *exec.Cmd
	stdin  io.Closer
	stderr bytes.Buffer
}

// startChild runs a server on a data directory. It returns when the server can
// be reached, or when the process has ended; r.url is empty then.
func startChild(t *testing.T, data string, started func(*child)) *child {
	t.Helper()
	c := &child{rig: newRig(t, childConfig(data), time.Now)}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c.cmd = exec.Command(exe)
	c.cmd.Env = append(os.Environ(), childData+"="+data)
	c.cmd.Stderr = &c.stderr
	stdin, err := c.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.stdin = stdin
	stdout, err := c.cmd.StdoutPipe()
	if err == nil {
		err = c.cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.kill() })
	started(c)
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err == nil {
		c.url = strings.TrimSpace(line)
	}
	return c
}

// kill ends the process as a power switch would, but for what the kernel has
// taken over. It returns what the process wrote to its standard error.
func (c *child) kill() string {
	_ = c.cmd.Process.Kill()
	return c.wait()
}

// stop lets the server shut down.
func (c *child) stop() (stderr string, ok bool) {
	c.stdin.Close()
	stderr = c.wait()
	return stderr, c.cmd.ProcessState.Success()
}

func (c *child) wait() string {
	if c.cmd.ProcessState == nil {
		_ = c.cmd.Wait() // fails for a process that was killed
	}
	return c.stderr.String()
}
