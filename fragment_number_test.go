package millrace_test

import (
	"math/big"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/millrace/millrace"
)

// The number of a fragment that the service itself made in 2017, whose server
// timestamp tag read 1511852109.126.
const serviceNumber = "91343852333181432392682062607743920146159169392"

func TestFragmentNumberReadsTheServicesLayout(t *testing.T) {
	n, err := millrace.ParseFragmentNumber(serviceNumber)
	if err != nil {
		t.Fatal(err)
	}
	if got := n.Sequence(); got != 1 {
		t.Errorf("sequence = %d, want 1", got)
	}
	if got := n.ServerTime().UnixMilli(); got != 1511852109126 {
		t.Errorf("server time = %d, want 1511852109126", got)
	}
	if n.String() != serviceNumber {
		t.Errorf("string = %s", n)
	}
	if again := millrace.NewFragmentNumber(1, time.UnixMilli(1511852109126), 0xFEEEF70); again != n {
		t.Errorf("rebuilt = %s, want %s", again, n)
	}
}

func TestFragmentNumberParsing(t *testing.T) {
	for name, tc := range map[string]struct {
		in string
		ok bool
	}{
		"empty is refused":              {"", false},
		"letters are refused":           {"12a", false},
		"a sign is refused":             {"-1", false},
		"one digit is accepted":         {"7", true},
		"128 digits are accepted":       {strings.Repeat("9", 128), true},
		"129 digits are refused":        {strings.Repeat("9", 129), false},
		"leading zeros are no obstacle": {"00012", true},
	} {
		if _, err := millrace.ParseFragmentNumber(tc.in); (err == nil) != tc.ok {
			t.Errorf("%s: err = %v", name, err)
		}
	}
}

func TestFragmentNumberOrderIsStringOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		gen := func(label string) millrace.FragmentNumber {
			return millrace.NewFragmentNumber(
				rapid.Uint64Range(1, 1_700_000_000_000_000_000).Draw(t, label+" sequence"),
				time.UnixMilli(rapid.Int64Range(0, 1<<42).Draw(t, label+" ms")),
				rapid.Uint32().Draw(t, label+" random"))
		}
		a, b := gen("a"), gen("b")
		if len(a.String()) != 47 {
			t.Fatalf("%s has %d digits", a, len(a.String()))
		}
		if got, want := a.Compare(b), strings.Compare(a.String(), b.String()); got != want {
			t.Fatalf("compare = %d, strings say %d", got, want)
		}
		if a.Next().Prev() != a || a.Next().Compare(a) != 1 || a.Prev().Compare(a) != -1 {
			t.Fatalf("next and prev of %s disagree", a)
		}
	})
}

// TestFragmentNumberDecimalFormIsThatOfItsInteger: every 160-bit value.
func TestFragmentNumberDecimalFormIsThatOfItsInteger(t *testing.T) {
	check := func(b [20]byte) bool {
		return millrace.FragmentNumberFromBytes(b).String() == new(big.Int).SetBytes(b[:]).String()
	}
	if !check([20]byte{}) || !check(millrace.MaxFragmentNumber().Bytes()) {
		t.Error("none or the greatest number has another decimal form")
	}
	rapid.Check(t, func(t *rapid.T) {
		var b [20]byte
		low := rapid.IntRange(0, 20).Draw(t, "leading zeros")
		copy(b[low:], rapid.SliceOfN(rapid.Byte(), 20-low, 20-low).Draw(t, "bytes"))
		if !check(b) {
			t.Fatalf("%x has another decimal form", b)
		}
	})
}

func TestFragmentNumberAppendsWithoutAllocating(t *testing.T) {
	n, room := millrace.MaxFragmentNumber(), make([]byte, 0, 64)
	if got := testing.AllocsPerRun(100, func() { room = n.Append(room[:0]) }); got != 0 {
		t.Errorf("%v allocations", got)
	}
}
