package store_test

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// trace lists the mutations of a scenario.
func trace(t *testing.T, s scenario, seed uint64) (calls []string) {
	t.Helper()
	w := s.begin(seed, newMachine())
	w.watch = func(call string) { calls = append(calls, call) }
	if err := w.do(func() error { return s.run(w) }, w.close); err != nil {
		t.Fatal(err)
	}
	return calls
}

func TestAScenarioMakesTheSameCallsEachTime(t *testing.T) {
	for _, s := range scenarios() {
		t.Run(s.name, func(t *testing.T) {
			first := trace(t, s, 1)
			for range 3 {
				again := trace(t, s, 1)
				for i := range min(len(first), len(again)) {
					if first[i] != again[i] {
						t.Fatalf("call %d is %q, and %q the next time", i+1, first[i], again[i])
					}
				}
				if len(first) != len(again) {
					t.Fatalf("%d calls, and %d the next time", len(first), len(again))
				}
			}
		})
	}
}

// TestAFailureIsReplayed has a disk lie, sees every such crash fail, and types
// the line that it printed.
func TestAFailureIsReplayed(t *testing.T) {
	if os.Getenv(replayVariable) != "" {
		t.Skip("this runs itself")
	}
	i := slices.IndexFunc(scenarios(), func(s scenario) bool { return s.name == "roll" })
	c := crashes{scenario: scenarios()[i], seed: 3, limit: crashOutcomes, lies: true}
	if err := c.all(); err == nil {
		t.Fatal("a disk that does not sync was not found out")
	}
	honest := strings.TrimSuffix(c.at.String(), " lies=sync")
	for line, fails := range map[string]bool{c.at.String(): true, honest: false, "sweep scenario=roll op=sync k=2 times=once err=EIO": false} {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^(TestCrash|TestSweep)$", "-test.v")
		cmd.Env = append(os.Environ(), replayVariable+"="+line)
		out, err := cmd.CombinedOutput()
		if fails != (err != nil) || fails != strings.Contains(string(out), line) {
			t.Errorf("%s: %v\n%s", line, err, out)
		}
	}
}
