package wire_test

import (
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/wire"
)

func TestTimestamps(t *testing.T) {
	for in, want := range map[string]int64{
		"0":                           0,
		"1704067200":                  1704067200000,
		"1704067200.5":                1704067200500,
		"1705489836.421":              1705489836421,
		"1.705489836421E9":            1705489836421,
		"1705489836421e-3":            1705489836421,
		"17054898364.21e-1":           1705489836421,
		"1705489836.4214999":          1705489836421,
		"1705489836.4215":             1705489836422,
		"1705489836.9996":             1705489837000,
		"0.0004":                      0,
		"0.0005":                      1,
		"0.00049999999999999999":      0,
		"5e-4":                        1,
		"5e-5":                        0,
		"0e5000":                      0,
		"-1.5":                        -1500,
		"-0.0005":                     -1,
		"-0":                          0,
		"00012":                       12000,
		"253402300799.999":            253402300799999,
		"2024-01-01T00:00:00Z":        1704067200000,
		"2024-01-01T00:00:00.1234Z":   1704067200123,
		"2024-01-01T00:00:00.1235Z":   1704067200124,
		"2024-01-01T00:00:00":         1704067200000,
		"2024-01-01T00:00:00.250":     1704067200250,
		"2024-01-01T01:30:00+01:30":   1704067200000,
		"2024-01-01T01:30:00+0130":    1704067200000,
		"2024-01-01 00:00:00":         1704067200000,
		"2024-01-01 01:00:00+01:00":   1704067200000,
		"20240101T000000Z":            1704067200000,
		"2024-01-01":                  1704067200000,
		" 1704067200 ":                1704067200000,
		"1970-01-01T00:00:00.001Z":    1,
		"9999-12-31T23:59:59.999Z":    253402300799999,
		"1969-12-31T23:59:59.999Z":    -1,
		"2024-02-29T00:00:00-00:00":   1709164800000,
		"1704067200.":                 -1 << 63, // an error
		".5":                          -1 << 63,
		"":                            -1 << 63,
		"-":                           -1 << 63,
		"+5":                          -1 << 63,
		"1e":                          -1 << 63,
		"1e+":                         -1 << 63,
		"0x10":                        -1 << 63,
		"1_000":                       -1 << 63,
		"NaN":                         -1 << 63,
		"Infinity":                    -1 << 63,
		"1 2":                         -1 << 63,
		"253402300800":                -1 << 63,
		"-253402300800":               -1 << 63,
		"1e10000":                     -1 << 63,
		"1e10001":                     -1 << 63,
		"-1e300":                      -1 << 63,
		"2024-13-01T00:00:00Z":        -1 << 63,
		"2023-02-29":                  -1 << 63,
		"yesterday":                   -1 << 63,
		strings.Repeat("1", 5000):     -1 << 63,
		strings.Repeat("1", 300):      -1 << 63,
		"0." + strings.Repeat("0", 3): 0,
	} {
		at, err := wire.ParseTimestamp(in)
		switch {
		case want == -1<<63 && err == nil:
			t.Errorf("%.40q is %v, want an error", in, at)
		case want != -1<<63 && (err != nil || at.UnixMilli() != want || at.Location() != time.UTC || at.Nanosecond()%1e6 != 0):
			t.Errorf("%.40q is %v (%v), want %d ms", in, at, err, want)
		}
	}
}

func TestTimestampsHaveThreeDecimals(t *testing.T) {
	for ms, want := range map[int64]string{
		0: "0.000", 7: "0.007", 70: "0.070", 700: "0.700", 1705489836421: "1705489836.421", -1: "-0.001", -1500: "-1.500",
	} {
		if got := string(wire.AppendSeconds([]byte("x"), time.UnixMilli(ms))); got != "x"+want {
			t.Errorf("%d ms is %s, want x%s", ms, got, want)
		}
	}
	if got := string(wire.AppendSeconds(nil, time.Unix(1, 999999999))); got != "1.999" {
		t.Errorf("parts of a millisecond: %s", got)
	}
}

func FuzzTimestamp(f *testing.F) {
	for _, s := range []string{"0", "1705489836.421", "1.705489836421E9", "-1.5e3", "2024-01-01T00:00:00.5Z", "5e-4", "1e9999", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		at, err := wire.ParseTimestamp(s)
		if err != nil {
			return
		}
		if again, err := wire.ParseTimestamp(string(wire.AppendSeconds(nil, at))); err != nil || !again.Equal(at) {
			t.Errorf("%q is %v, and in decimals %v (%v)", s, at, again, err)
		}
		// Any number must agree with exact arithmetic.
		if exact, ok := new(big.Rat).SetString(strings.TrimSpace(s)); ok && strings.Trim(strings.TrimSpace(s), "0123456789.eE+-") == "" {
			exact.Mul(exact, big.NewRat(1000, 1))
			diff := exact.Sub(exact, big.NewRat(at.UnixMilli(), 1))
			if diff.Abs(diff).Cmp(big.NewRat(1, 2)) > 0 {
				t.Errorf("%q is %d ms, off by %s", s, at.UnixMilli(), diff.FloatString(3))
			}
		}
	})
}

func TestProducerStart(t *testing.T) {
	for in, want := range map[string]int64{
		"0":                             0,
		"1795365052.52":                 1795365052520, // a decimal, although the client meant 52 ms
		"1795366036.653":                1795366036653,
		"1795365569":                    1795365569000,
		"2026-11-22T16:30:52.052Z":      1795365052052,
		"Sun, 22 Nov 2026 16:30:52 GMT": 1795365052000,
		"-1":                            -1 << 63,
		"-0.001":                        -1 << 63,
		"1969-12-31T23:59:59Z":          -1 << 63,
		"Wed, 31 Dec 1969 23:59:59 GMT": -1 << 63,
		"253402300800":                  -1 << 63,
		"1e300":                         -1 << 63,
		"":                              -1 << 63,
		"soon":                          -1 << 63,
	} {
		at, err := wire.ParseProducerStart(in)
		switch {
		case want == -1<<63:
			if millrace.CodeOf(err) != millrace.CodeInvalidArgument {
				t.Errorf("%q is %v (%v), want an invalid argument", in, at, err)
			}
		case err != nil || at.UnixMilli() != want:
			t.Errorf("%q is %v (%v), want %d ms", in, at, err, want)
		}
	}
}
