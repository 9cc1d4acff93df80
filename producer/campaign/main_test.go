// Package campaign_test plays long stories with the producer library: networks
// and servers that fail by a seed, in the time of a bubble. It asks one question,
// whether what was written is what was kept. It refuses to look at how.
package campaign_test

import (
	"os"
	"strconv"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// seeds are those that a campaign runs: n of them, or as many as MILLRACE_TORTURE
// says, or the one that MILLRACE_SEED names.
func seeds(t *testing.T, n int) []uint64 {
	t.Helper()
	if text := os.Getenv("MILLRACE_SEED"); text != "" {
		return []uint64{number(t, "MILLRACE_SEED", text)}
	}
	if text := os.Getenv("MILLRACE_TORTURE"); text != "" {
		n = int(number(t, "MILLRACE_TORTURE", text))
	}
	all := make([]uint64, n)
	for i := range all {
		all[i] = uint64(i)
	}
	return all
}

func number(t *testing.T, name, text string) uint64 {
	t.Helper()
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}
