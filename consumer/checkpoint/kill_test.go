package checkpoint_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/millrace/millrace/consumer/checkpoint"
)

// The environment of a child, which is this test itself.
const (
	childPath  = "MILLRACE_CHECKPOINT_PATH"  // of the file
	childSteps = "MILLRACE_CHECKPOINT_STEPS" // 0: until it is killed
)

func TestMain(m *testing.M) {
	if path := os.Getenv(childPath); path != "" {
		steps, err := strconv.Atoi(os.Getenv(childSteps))
		if err == nil {
			err = child(path, steps)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

var counted = checkpoint.Key{App: "children", Stream: "count"}

// child counts in a position under a lease, and says each number when it was saved.
func child(path string, steps int) error {
	f, err := checkpoint.OpenFile(path)
	if err != nil {
		return err
	}
	owner, ctx := strconv.Itoa(os.Getpid()), context.Background()
	for done := 0; steps == 0 || done < steps; {
		r, err := f.Acquire(ctx, counted, owner, time.Hour)
		if errors.Is(err, checkpoint.ErrHeld) {
			time.Sleep(time.Millisecond)
			continue
		}
		if err != nil {
			return err
		}
		n, _ := strconv.Atoi(string(r.Position)) // 0 at first
		r.Position = []byte(strconv.Itoa(n + 1))
		if err := f.Save(ctx, counted, r); err != nil {
			return err
		}
		fmt.Println(n + 1)
		if err := f.Release(ctx, counted, owner); err != nil {
			return err
		}
		done++
	}
	return nil
}

func startChild(t *testing.T, path string, steps int) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	self, err := os.Executable()
	must(t, err)
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), childPath+"="+path, childSteps+"="+strconv.Itoa(steps))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	return cmd, bufio.NewScanner(out)
}

// TestProcessesShareAFile: what processes do at once is done one after the other,
// and nothing is lost.
func TestProcessesShareAFile(t *testing.T) {
	const children, steps = 3, 20
	path := filepath.Join(t.TempDir(), "positions")
	var all sync.WaitGroup
	for range children {
		cmd, out := startChild(t, path, steps)
		all.Go(func() {
			for out.Scan() {
			}
			if err := cmd.Wait(); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if r, err := openFile(t, path).Load(context.Background(), counted); err != nil || string(r.Position) != strconv.Itoa(children*steps) {
		t.Errorf("the count is %s, %v", r.Position, err)
	}
}

// TestKilledProcessesLoseNothingThatWasSaved: a child is killed at any moment.
// The file can be read, and has what the child has said, or the step behind it.
func TestKilledProcessesLoseNothingThatWasSaved(t *testing.T) {
	rounds := 6
	if n, err := strconv.Atoi(os.Getenv("MILLRACE_TORTURE")); err == nil {
		rounds = max(rounds, n)
	}
	path := filepath.Join(t.TempDir(), "positions")
	for round := range rounds {
		cmd, out := startChild(t, path, 0)
		said := 0
		for steps := 0; steps < 3+round%7 && out.Scan(); steps++ {
			said, _ = strconv.Atoi(out.Text())
		}
		time.Sleep(time.Duration(round%5) * time.Millisecond) // into the middle of something
		must(t, cmd.Process.Kill())
		for out.Scan() {
			said, _ = strconv.Atoi(out.Text())
		}
		_ = cmd.Wait() // it was killed
		f := openFile(t, path)
		r, err := f.Load(context.Background(), counted)
		must(t, err)
		if n, _ := strconv.Atoi(string(r.Position)); n != said && n != said+1 {
			t.Fatalf("round %d: the child said %d, and the file has %q", round, said, r.Position)
		}
		must(t, f.Release(context.Background(), counted, strconv.Itoa(cmd.Process.Pid)))
	}
}
