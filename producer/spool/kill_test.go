package spool_test

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/producer/spool"
)

const childFrame = 3000 // bytes of a child's frames

// child opens the spool in dir, says that it is there, and writes and settles
// until it is killed. Before and after each call it says so: B, F and E are what
// was done, S is what is to be settled, D that it is.
func child(dir string) {
	s, err := spool.Open(spool.Options{Dir: dir, FileBytes: 64 << 10})
	if err != nil {
		fmt.Println("X", err)
		os.Exit(1)
	}
	first := 0
	for f := range s.Pending() {
		first = max(first, int(f.Identity.Sequence)+1)
	}
	if text := os.Getenv("MILLRACE_SPOOL_FIRST"); text != "" {
		n, _ := strconv.Atoi(text)
		first = max(first, n)
	}
	fmt.Println("O", s.Producer())
	for n := first; ; n++ {
		if _, err := s.Begin(headOf(n)); err != nil {
			panic(err)
		}
		for i := range 5 {
			if err := appendFrames(s, n, i, i+1, childFrame); err != nil {
				panic(err)
			}
			fmt.Println("F", n, i)
		}
		if err := s.End(); err != nil {
			panic(err)
		}
		fmt.Println("E", n)
		if f, ok := s.Next(0); ok && n%3 > 0 && !f.Open {
			fmt.Println("S", f.Identity.Sequence)
			if err := s.Settle(spool.Persisted, f.Ref); err != nil {
				panic(err)
			}
			fmt.Println("D", f.Identity.Sequence)
		}
	}
}

// told is what children said.
type told struct {
	frames   map[int]int
	ended    map[int]bool
	settling map[int]bool
	settled  map[int]bool
	next     int
	id       string
}

func (k *told) hear(line string) error {
	word := strings.Fields(line)
	n := 0
	if len(word) > 1 {
		n, _ = strconv.Atoi(word[1])
	}
	switch word[0] {
	case "O":
		if k.id != "" && k.id != word[1] {
			return fmt.Errorf("identity is %s, was %s", word[1], k.id)
		}
		k.id = word[1]
	case "F":
		k.frames[n]++
		k.next = max(k.next, n+1)
	case "E":
		k.ended[n] = true
	case "S":
		k.settling[n] = true
	case "D":
		k.settled[n] = true
	default:
		return fmt.Errorf("child said %q", line)
	}
	return nil
}

// TestKilled kills a process that writes, again and again, and looks for all
// that it said it had written.
func TestKilled(t *testing.T) {
	dir := t.TempDir()
	r := rand.New(rand.NewPCG(1, 2))
	k := &told{frames: map[int]int{}, ended: map[int]bool{}, settling: map[int]bool{}, settled: map[int]bool{}}
	for i := range rounds(t, 5) {
		if err := k.run(dir, time.Duration(r.IntN(60))*time.Millisecond); err != nil {
			t.Fatalf("round %d: %v", i, err)
		}
		if err := k.check(dir); err != nil {
			t.Fatalf("round %d: %v", i, err)
		}
	}
	if len(k.settled) == 0 || len(k.ended) == len(k.settled) {
		t.Errorf("%d fragments, of which %d were settled: too little happened", len(k.ended), len(k.settled))
	}
}

// run starts a child and kills it so long after its first word.
func (k *told) run(dir string, life time.Duration) error {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childDir+"="+dir, fmt.Sprint("MILLRACE_SPOOL_FIRST=", k.next))
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	lines := bufio.NewReader(out)
	var kill *time.Timer
	for {
		line, err := lines.ReadString('\n')
		if err != nil { // a line that is cut was not said
			break
		}
		if kill == nil {
			kill = time.AfterFunc(life, func() { _ = cmd.Process.Kill() })
		}
		if err := k.hear(strings.TrimSpace(line)); err != nil {
			_ = cmd.Process.Kill()
			_, _ = io.Copy(io.Discard, out)
			return fmt.Errorf("%w: %w", err, cmd.Wait())
		}
	}
	_ = cmd.Wait()
	return nil
}

func (k *told) check(dir string) error {
	s, err := spool.Open(spool.Options{Dir: dir})
	if err != nil {
		return err
	}
	defer s.Close()
	there := map[int]bool{}
	for f := range s.Pending() {
		n := int(f.Identity.Sequence)
		there[n] = true
		k.next = max(k.next, n+1)
		got, err := framesOf(s, f.Ref)
		switch {
		case err != nil:
			return err
		case k.settled[n]:
			return fmt.Errorf("fragment %d was settled", n)
		case len(got) < k.frames[n] || f.Torn && k.ended[n]:
			return fmt.Errorf("fragment %d has %d of %d frames, torn %v", n, len(got), k.frames[n], f.Torn)
		case !sameFrames(got, wantFrames(n, len(got), childFrame)):
			return fmt.Errorf("fragment %d has other bytes", n)
		}
	}
	for n := range k.frames {
		if !there[n] && !k.settling[n] {
			return fmt.Errorf("fragment %d is lost", n)
		}
	}
	return nil
}

// TestOneOpenerAtATime: neither this process nor another one opens a spool that
// is open.
func TestOneOpenerAtATime(t *testing.T) {
	dir := t.TempDir()
	s := open(t, spool.Options{Dir: dir})
	if _, err := spool.Open(spool.Options{Dir: dir}); err == nil || !strings.Contains(err.Error(), spool.ErrLocked.Error()) {
		t.Errorf("second Open: %v", err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childDir+"="+dir)
	out, err := cmd.Output()
	if err == nil || !strings.HasPrefix(string(out), "X ") || !strings.Contains(string(out), spool.ErrLocked.Error()) {
		t.Errorf("another process: %q, %v", out, err)
	}
	must(t, s.Close())
	open(t, spool.Options{Dir: dir})
}
