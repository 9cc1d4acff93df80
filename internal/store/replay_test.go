package store_test

import (
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"
)

// replayVariable holds one line, which says what is to be done instead of all
// that a test does: the line that it printed when that failed.
const replayVariable = "MILLRACE_REPLAY"

// A replay is such a line, taken apart: a kind, and facts like "k=17".
type replay struct {
	kind  string
	facts []string
}

// replayed returns what the environment asks for of a kind. asked is whether it
// asks for anything at all.
func replayed(kind string) (r replay, mine, asked bool) {
	words := strings.Fields(os.Getenv(replayVariable))
	if len(words) == 0 {
		return r, false, false
	}
	return replay{words[0], words[1:]}, words[0] == kind, true
}

// with returns r with another fact.
func (r replay) with(name string, value any) replay {
	r.facts = append(slices.Clone(r.facts), fmt.Sprintf("%s=%v", name, value))
	return r
}

func (r replay) String() string { return strings.Join(append([]string{r.kind}, r.facts...), " ") }

// text returns a fact, empty if it is not there.
func (r replay) text(name string) string {
	for _, f := range r.facts {
		if v, is := strings.CutPrefix(f, name+"="); is {
			return v
		}
	}
	return ""
}

// number returns a fact that is a number, 0 if it is not there.
func (r replay) number(name string) int {
	n, _ := strconv.Atoi(r.text(name))
	return n
}

// command is what somebody types to see the same again.
func (r replay) command(test string) string {
	return fmt.Sprintf("%s='%v' go test -count=1 -run '^%s$' ./internal/store", replayVariable, r, test)
}

// raceShare is of how many calls one is tried with the race detector. It makes
// everything slow, and finds nothing in one goroutine; "make test" tries all of
// them without it.
const raceShare = 30

// leftOut reports whether the k-th call is not tried.
func leftOut(k int) bool { return raced && k%raceShare != 1 }

// stuckAfter is how long one line may take, on a machine that is busy.
const stuckAfter = 2 * time.Minute

// guarded does what a line stands for. A panic becomes an error. A deadlock
// ends the program, and says which line it was.
func guarded(r replay, f func() error) (err error) {
	watchdog := time.AfterFunc(stuckAfter, func() { panic(fmt.Sprintf("stuck in %v", r)) })
	defer watchdog.Stop()
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return f()
}
