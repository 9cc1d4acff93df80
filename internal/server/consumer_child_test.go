package server_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/consumer"
)

// childWork is the variable of the environment that makes the test binary a
// consumer; it holds a work.
const childWork = "MILLRACE_TEST_CONSUMER"

// A work is what a consumer in a process of its own has to do: to read from the
// beginning, or from where the one before it was killed, and to write a line for
// each frame to the end of a file.
type work struct {
	Endpoint string
	Stream   millrace.StreamName
	Results  string // name of the file
	Store    string // name of the file of positions; with it many streams are shared with others
	Owner    string // the consumer's own name among these
}

// consumeAsChild does it. It ends with its standard input, and so with its parent.
func consumeAsChild(text string) (status int) {
	var w work
	err := json.Unmarshal([]byte(text), &w)
	if err == nil {
		ctx, cancel := context.WithCancel(context.Background())
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			cancel()
		}()
		if w.Store != "" {
			err = w.share(ctx)
		} else {
			err = w.transact(ctx)
		}
	}
	if err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func (w work) client() *consumer.Client {
	return &consumer.Client{
		Endpoint: w.Endpoint, Region: "us-west-2",
		Credentials: millrace.StaticCredentials(millrace.Credentials{AccessKeyID: keyID, SecretAccessKey: secret}),
	}
}

// transact keeps what it makes of a frame and the position behind it in one
// transaction: a line of a file, in one write. It goes on behind the last line.
func (w work) transact(ctx context.Context) error {
	results, at, err := openResults(w.Results)
	if err != nil {
		return err
	}
	defer results.Close()
	reader := w.client().Live(w.Stream, consumer.LiveOptions{
		Start: millrace.StartSelector{Type: millrace.StartEarliest}, At: at, Commit: consumer.Manual,
	})
	defer reader.Close()
	for frame, err := range reader.Frames(ctx) {
		if err != nil {
			return err
		}
		position, err := reader.Position().MarshalText()
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(results, "%s %d %s %s\n", frame.Fragment.Number, frame.Index, sum(frame.Data), position); err != nil {
			return err
		}
	}
	return errors.New("the loop ended")
}

// openResults opens a file of results behind its last whole line, and returns the
// position that stands there.
func openResults(name string) (f *os.File, at consumer.Position, err error) {
	if f, err = os.OpenFile(name, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600); err != nil {
		return nil, at, err
	}
	text, err := io.ReadAll(f)
	if err != nil {
		return nil, at, err
	}
	text = text[:bytes.LastIndexByte(text, '\n')+1]
	if err := f.Truncate(int64(len(text))); err != nil {
		return nil, at, err
	}
	if len(text) == 0 {
		return f, at, nil
	}
	last := text[bytes.LastIndexByte(text[:len(text)-1], '\n')+1 : len(text)-1]
	words := strings.SplitN(string(last), " ", 4)
	return f, at, at.UnmarshalText([]byte(words[3]))
}

// resultsIn reads a file of results.
func resultsIn(t *testing.T, name string) (all []sighting) {
	t.Helper()
	f, err := os.Open(name)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		words := strings.SplitN(lines.Text(), " ", 4)
		if len(words) < 4 {
			break // it is being written
		}
		var s sighting
		if s.number, err = millrace.ParseFragmentNumber(words[0]); err != nil {
			t.Fatal(err)
		}
		if _, err := fmt.Sscan(words[1], &s.index); err != nil {
			t.Fatal(err)
		}
		s.sum = words[2]
		all = append(all, s)
	}
	return all
}

// A consumerChild is a consumer in a process of its own.
type consumerChild struct {
	cmd    *exec.Cmd
	stdin  io.Closer
	stderr bytes.Buffer
}

// startConsumer starts a consumer.
func startConsumer(t *testing.T, w any) *consumerChild {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(w)
	if err != nil {
		t.Fatal(err)
	}
	c := &consumerChild{cmd: exec.Command(exe)}
	c.cmd.Env = append(os.Environ(), childWork+"="+string(text))
	c.cmd.Stderr = &c.stderr
	if c.stdin, err = c.cmd.StdinPipe(); err == nil {
		err = c.cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.kill() })
	return c
}

// kill ends the process at once, and returns what it complained of.
func (c *consumerChild) kill() string {
	if c.cmd.ProcessState == nil {
		_ = c.cmd.Process.Kill()
		_ = c.cmd.Wait() // fails for a process that was killed
		_ = c.stdin.Close()
	}
	return strings.TrimSpace(c.stderr.String())
}
