package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// A far server is in another process: the sink, or one that was there before, of
// which nothing but its URL is known.
type far struct {
	url     string
	process *exec.Cmd // nil for one that was there
	ask     io.WriteCloser
	answers *bufio.Reader
}

// startSink starts this program once more as the sink.
func startSink(ctx context.Context) (*far, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	f := &far{process: exec.CommandContext(ctx, self, "-sink")}
	f.process.Stderr = os.Stderr
	if f.ask, err = f.process.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := f.process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	f.answers = bufio.NewReader(out)
	if err := f.process.Start(); err != nil {
		return nil, fmt.Errorf("start sink: %w", err)
	}
	if f.url, err = f.line(); err != nil {
		_ = f.stop() // the other error is the one that counts
		return nil, fmt.Errorf("start sink: %w", err)
	}
	return f, nil
}

func (f *far) line() (string, error) {
	line, err := f.answers.ReadString('\n')
	return strings.TrimSpace(line), err
}

// cpu is the processor time that the sink has used; 0 for another server.
func (f *far) cpu() (time.Duration, error) {
	if f.process == nil {
		return 0, nil
	}
	if _, err := io.WriteString(f.ask, "\n"); err != nil {
		return 0, fmt.Errorf("ask sink: %w", err)
	}
	line, err := f.line()
	if err != nil {
		return 0, fmt.Errorf("ask sink: %w", err)
	}
	n, err := strconv.ParseInt(line, 10, 64)
	return time.Duration(n), err
}

// stop ends the sink and waits for it.
func (f *far) stop() error {
	_ = f.ask.Close() // Wait has the error
	return f.process.Wait()
}
