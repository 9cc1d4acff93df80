//go:build interop

package interop

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestTheProgramOfTheREADME does what the README says: the demo in one terminal,
// the program in another, from the clone and from a module of one's own.
func TestTheProgramOfTheREADME(t *testing.T) {
	clone, err := filepath.Abs("..")
	must(t, err)
	none := filepath.Join(t.TempDir(), "none")
	environ := append(os.Environ(), "GOWORK=off", "AWS_CONFIG_FILE="+none, "AWS_SHARED_CREDENTIALS_FILE="+none, "AWS_SESSION_TOKEN=", "NO_PROXY=127.0.0.1", "no_proxy=127.0.0.1")
	demo := terminal(t, clone, environ, "go", "run", "./cmd/millrace", "demo", "--listen", "127.0.0.1:0")
	for _, line := range demo.until(t, "aws kinesisvideo describe-stream") {
		if rest, ok := strings.CutPrefix(strings.TrimSpace(line), "export "); ok {
			environ = append(environ, strings.Fields(rest)...)
		}
	}
	t.Run("in the clone", func(t *testing.T) {
		showsFrames(t, terminal(t, clone, environ, "go", "run", "./examples/frames"))
	})
	t.Run("in a module of one's own", func(t *testing.T) {
		mine := t.TempDir()
		program, err := os.ReadFile(filepath.Join(clone, "examples/frames/main.go"))
		must(t, err)
		must(t, os.WriteFile(filepath.Join(mine, "main.go"), program, 0o600))
		for _, line := range moduleOfOnesOwn(t, clone) {
			cmd := exec.Command("bash", "-ec", line)
			cmd.Dir, cmd.Env = mine, append(environ, "CLONE="+clone)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%s: %v\n%s", line, err, out)
			}
		}
		showsFrames(t, terminal(t, mine, environ, "go", "run", "."))
	})
}

// moduleOfOnesOwn is the README's commands that make a module which finds the
// library in $CLONE.
func moduleOfOnesOwn(t *testing.T, clone string) (lines []string) {
	t.Helper()
	page, err := os.ReadFile(filepath.Join(clone, "README.md"))
	must(t, err)
	for line := range strings.Lines(string(page)) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "go mod ") {
			lines = append(lines, line)
		}
	}
	if len(lines) == 0 {
		t.Fatal("the README makes no module")
	}
	return lines
}

// showsFrames reads what the program prints: 25 frames a second, in order.
func showsFrames(t *testing.T, program *readerTerminal) {
	t.Helper()
	const layout = "2006-01-02 15:04:05.999999999 -0700 MST"
	var last time.Time
	keys := 0
	for n := range 75 {
		line := program.next(t)
		text, rest, found := strings.Cut(line, " UTC ")
		at, err := time.Parse(layout, text+" UTC")
		var track, size int
		var key bool
		if _, scanned := fmt.Sscan(rest, &track, &key, &size); !found || err != nil || scanned != nil || track != 1 || size == 0 {
			t.Fatalf("line %d: %q, %v", n, line, err)
		}
		if step := at.Sub(last); n > 0 && (step < 39*time.Millisecond || step > 41*time.Millisecond) {
			t.Errorf("line %d: %v behind the one before", n, step)
		}
		if last = at; key {
			keys++
		}
	}
	if keys < 3 {
		t.Errorf("%d key frames in three seconds", keys)
	}
}

// A readerTerminal is a command that runs until the test ends.
type readerTerminal struct {
	lines chan string
	said  *syncBuffer
}

func terminal(t *testing.T, dir string, environ []string, name string, args ...string) *readerTerminal {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Env = dir, environ
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // go run has children
	r := &readerTerminal{lines: make(chan string, 100), said: &syncBuffer{}}
	pr, pw := io.Pipe()
	cmd.Stdout, cmd.Stderr = pw, io.MultiWriter(pw, r.said)
	must(t, cmd.Start())
	reading := make(chan struct{})
	go func() {
		defer close(reading)
		defer close(r.lines)
		for s := bufio.NewScanner(pr); s.Scan(); {
			select {
			case r.lines <- s.Text():
			case <-t.Context().Done():
			}
		}
	}()
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGINT)
		_ = cmd.Wait()
		_ = pw.Close()
		<-reading
	})
	return r
}

// next is the next line.
func (r *readerTerminal) next(t *testing.T) string {
	t.Helper()
	select {
	case line, ok := <-r.lines:
		if !ok {
			t.Fatalf("it has ended: %s", r.said)
		}
		return line
	case <-time.After(2 * time.Minute): // it may have to be built
		t.Fatalf("it says nothing: %s", r.said)
	}
	return ""
}

// until returns the lines up to one that has the text.
func (r *readerTerminal) until(t *testing.T, text string) (lines []string) {
	t.Helper()
	for {
		line := r.next(t)
		if lines = append(lines, line); strings.Contains(line, text) {
			return lines
		}
	}
}
