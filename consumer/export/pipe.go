package export

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/millrace/millrace/consumer"
)

// childGrace is how long a child process has to end after the context did, and
// whoever holds its output after it has.
const childGrace = 5 * time.Second

// errChildEnded is why the reader is stopped when the child process has ended.
var errChildEnded = errors.New("the child process has ended")

// Pipe starts cmd, whose Stdin must be nil, and writes what a reader hands out to
// its standard input: as one continuous Matroska document, or in another container
// of the options. When the reader ends, the child reads the end of its input, and
// Pipe waits for it.
//
// A child that ends first and says that it went well had enough: that is no error;
// otherwise its *exec.ExitError is in the one that is returned. When the context
// ends, the child reads the end of its input, has five seconds to end, and is
// killed after that. The reader is not closed.
func Pipe(ctx context.Context, r *consumer.Reader, cmd *exec.Cmd, o Options) error {
	return pipe(ctx, func(ctx context.Context, w Writer) error { return Copy(ctx, r, w) }, cmd, o)
}

func pipe(ctx context.Context, feed func(context.Context, Writer) error, cmd *exec.Cmd, o Options) error {
	in, err := cmd.StdinPipe()
	if err != nil {
		return fmt.Errorf("pipe to %s: %w", cmd.Path, err)
	}
	o.Live = true
	w, err := New(in, o)
	if err != nil {
		return errors.Join(err, in.Close())
	}
	if cmd.WaitDelay == 0 {
		cmd.WaitDelay = childGrace
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	reading, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	ended := make(chan error, 1)
	go func() { // ends with the child, for which await waits
		ended <- cmd.Wait()
		stop(errChildEnded)
	}()
	unblock := context.AfterFunc(reading, func() { _ = in.Close() }) // a write to a child that does not read
	defer unblock()
	fed := feed(reading, w)
	early := errors.Is(context.Cause(reading), errChildEnded)
	_ = in.Close() // the child ends by it
	died := await(ctx, cmd, ended)
	switch {
	case died != nil:
		died = fmt.Errorf("run %s: %w", cmd.Path, died)
		if early || isClosed(fed) {
			return died
		}
		return errors.Join(fed, died)
	case early || isClosed(fed) && ctx.Err() == nil:
		return nil
	}
	return fed
}

// isClosed reports whether a write failed because nobody reads.
func isClosed(err error) bool {
	return errors.Is(err, io.ErrClosedPipe) || errors.Is(err, syscall.EPIPE) || errors.Is(err, os.ErrClosed)
}

// await waits for the child. After the end of the context it does not wait for long.
func await(ctx context.Context, cmd *exec.Cmd, ended <-chan error) error {
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	grace := time.NewTimer(childGrace)
	defer grace.Stop()
	select {
	case err := <-ended:
		return err
	case <-grace.C:
		_ = cmd.Process.Kill() // it may have ended by now
		return <-ended
	}
}
