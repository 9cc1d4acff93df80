package config

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// The words that stand for many rates.
const (
	RatesNone = "none" // no operation has a rate
	RatesAWS  = "aws"  // every operation has the service's
)

var operationPattern = regexp.MustCompile(`^[A-Z][A-Za-z0-9]{0,63}$`)

// A RateRule bounds the requests of one operation, in requests a second; 0 is
// no bound. The rule whose Operation is RatesAWS stands for all of the service's.
type RateRule struct {
	Operation string
	Account   int // of all requests
	Resource  int // of those for one stream, or for what else is asked about
}

// String is the form that ParseRateRule reads.
func (r RateRule) String() string {
	if r.Operation == RatesAWS {
		return RatesAWS
	}
	return fmt.Sprintf("%s=%d/%d", r.Operation, r.Account, r.Resource)
}

// ParseRateRule reads "aws", "OPERATION=N" or "OPERATION=N/M": N requests a
// second of the account, M for each resource.
func ParseRateRule(text string) (RateRule, error) {
	if text == RatesAWS {
		return RateRule{Operation: RatesAWS}, nil
	}
	name, rates, ok := strings.Cut(text, "=")
	if !ok || !operationPattern.MatchString(name) {
		return RateRule{}, errNotARate(text)
	}
	r := RateRule{Operation: name}
	account, resource, both := strings.Cut(rates, "/")
	var err error
	if r.Account, err = parseRate(account); err != nil {
		return RateRule{}, errNotARate(text)
	}
	if both {
		if r.Resource, err = parseRate(resource); err != nil {
			return RateRule{}, errNotARate(text)
		}
	}
	return r, nil
}

func parseRate(text string) (int, error) {
	n, err := strconv.ParseUint(text, 10, 31)
	return int(n), err
}

func errNotARate(what any) error {
	return fmt.Errorf("%q is not aws, none or OPERATION=N/M, as in DescribeStream=300/5", fmt.Sprint(what))
}

// Rates is a list of rules, separated by commas, of which the later overrule
// the earlier ones.
type Rates []RateRule

// String returns the form that UnmarshalText reads.
func (l Rates) String() string {
	if len(l) == 0 {
		return RatesNone
	}
	texts := make([]string, len(l))
	for i, r := range l {
		texts[i] = r.String()
	}
	return strings.Join(texts, ",")
}

// MarshalText implements encoding.TextMarshaler.
func (l Rates) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (l *Rates) UnmarshalText(text []byte) error {
	*l = nil
	for part := range strings.SplitSeq(string(text), ",") {
		switch part = strings.TrimSpace(part); part {
		case "":
			continue
		case RatesNone:
			*l = nil
			continue
		}
		r, err := ParseRateRule(part)
		if err != nil {
			return err
		}
		*l = append(*l, r)
	}
	return nil
}

// Each returns the rule that holds for each operation that has one, by the
// operation's name, in a map of the caller's own.
func (l Rates) Each() map[string]RateRule {
	each := map[string]RateRule{}
	for _, r := range l {
		if r.Operation == RatesAWS {
			maps.Copy(each, awsRates())
			continue
		}
		each[r.Operation] = r
	}
	return each
}

// CheckOperations returns an error if the rules name an operation that is
// neither one of the service's nor in known: a bound that was misspelt would
// bound nothing.
func (l Rates) CheckOperations(known []string) error {
	all := slices.Concat(known, slices.Collect(maps.Keys(awsRates())))
	slices.Sort(all)
	for _, r := range l {
		if r.Operation == RatesAWS || slices.Contains(all, r.Operation) {
			continue
		}
		if n, ok := nearest(r.Operation, all); ok {
			return fmt.Errorf("rates: there is no operation %q; did you mean %q?", r.Operation, n)
		}
		return fmt.Errorf("rates: there is no operation %q", r.Operation)
	}
	return nil
}
