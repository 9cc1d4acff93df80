package wire

import (
	"math"
	"strconv"
	"strings"
)

// maxExponent bounds the exponent of a number that is read.
const maxExponent = 10_000

// A decimal is digits × 10^exp, read from text without rounding.
type decimal struct {
	negative bool
	digits   string // without leading zeros; empty is zero
	exp      int
}

// parseDecimal reads the form of a JSON number; leading zeros are no obstacle.
func parseDecimal(s string) (decimal, bool) {
	var d decimal
	s, d.negative = strings.CutPrefix(s, "-")
	mantissa, exponent, hasExponent := cutAny(s, "eE")
	whole, frac, hasPoint := strings.Cut(mantissa, ".")
	if !onlyDigits(whole) || whole == "" || hasPoint && frac == "" || !onlyDigits(frac) {
		return decimal{}, false
	}
	if hasExponent {
		e, err := strconv.Atoi(exponent)
		if err != nil || e > maxExponent || e < -maxExponent {
			return decimal{}, false
		}
		d.exp = e
	}
	d.exp -= len(frac)
	d.digits = strings.TrimLeft(whole+frac, "0")
	return d, true
}

func cutAny(s, chars string) (before, after string, found bool) {
	i := strings.IndexAny(s, chars)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+1:], true
}

func onlyDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// integer returns the value if it is whole and fits.
func (d decimal) integer() (int64, bool) {
	n, rest := d.split()
	if strings.Trim(rest, "0") != "" {
		return 0, false
	}
	return d.signed(n)
}

// rounded returns the nearest integer, halves away from zero, if it fits.
func (d decimal) rounded() (int64, bool) {
	n, rest := d.split()
	v, ok := d.signed(n)
	if !ok || rest == "" || rest[0] < '5' {
		return v, ok
	}
	if d.negative {
		return v - 1, v > math.MinInt64
	}
	return v + 1, v < math.MaxInt64
}

// split returns the digits before and after the point. Whole parts beyond any
// int64 come back as too many digits, not as long strings of zeros.
func (d decimal) split() (whole, rest string) {
	switch point := len(d.digits) + d.exp; {
	case d.digits == "":
		return "", ""
	case point > 20:
		return "99999999999999999999", ""
	case d.exp >= 0:
		return d.digits + strings.Repeat("0", d.exp), ""
	case point <= 0:
		return "", strings.Repeat("0", min(-point, 1)) + d.digits
	default:
		return d.digits[:point], d.digits[point:]
	}
}

func (d decimal) signed(whole string) (int64, bool) {
	if whole == "" {
		return 0, true
	}
	if d.negative {
		whole = "-" + whole
	}
	n, err := strconv.ParseInt(whole, 10, 64)
	return n, err == nil
}

// parseDecimalMillis reads seconds and returns the nearest millisecond. A
// number beyond the range of an int64 becomes its end, which callers refuse.
func parseDecimalMillis(s string) (int64, bool) {
	d, ok := parseDecimal(s)
	if !ok {
		return 0, false
	}
	d.exp += 3
	if ms, fits := d.rounded(); fits {
		return ms, true
	}
	if d.negative {
		return math.MinInt64, true
	}
	return math.MaxInt64, true
}

// unsigned returns the value if it is whole, not negative and fits.
func (d decimal) unsigned() (uint64, bool) {
	whole, rest := d.split()
	if d.negative && d.digits != "" || strings.Trim(rest, "0") != "" {
		return 0, false
	}
	if whole == "" {
		return 0, true
	}
	n, err := strconv.ParseUint(whole, 10, 64)
	return n, err == nil
}
