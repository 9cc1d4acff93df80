package wire

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// maxQueryPairs bounds the parameters of a request's query.
const maxQueryPairs = 64

// A query is a request's query parameters, decoded, in the order in which they
// came.
type query [][2]string

// parseQuery decodes a raw query. A plus sign is a space.
func parseQuery(raw string) (query, error) {
	var q query
	for pair := range strings.SplitSeq(raw, "&") {
		if pair == "" {
			continue
		}
		if len(q) == maxQueryPairs {
			return nil, fmt.Errorf("more than %d query parameters", maxQueryPairs)
		}
		name, value, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(name)
		if err != nil {
			return nil, fmt.Errorf("decode query: %w", err)
		}
		if value, err = url.QueryUnescape(value); err != nil {
			return nil, fmt.Errorf("decode query: %w", err)
		}
		q = append(q, [2]string{name, value})
	}
	return q, nil
}

// get returns the value of a parameter that occurs once. A parameter that
// occurs twice is as good as none, so that nobody can disagree on its value.
func (q query) get(name string) string {
	value, n := "", 0
	for _, pair := range q {
		if pair[0] == name {
			value = pair[1]
			n++
		}
	}
	if n != 1 {
		return ""
	}
	return value
}

// canonical encodes the parameters, sorted by name, then by value, without the
// signature.
func (q query) canonical() string {
	if len(q) == 0 {
		return ""
	}
	pairs := make([][2]string, 0, len(q))
	for _, p := range q {
		if p[0] != querySignature {
			pairs = append(pairs, [2]string{escape(p[0]), escape(p[1])})
		}
	}
	slices.SortFunc(pairs, func(a, b [2]string) int {
		if c := strings.Compare(a[0], b[0]); c != 0 {
			return c
		}
		return strings.Compare(a[1], b[1])
	})
	var b strings.Builder
	for i, p := range pairs {
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(p[0])
		b.WriteByte('=')
		b.WriteString(p[1])
	}
	return b.String()
}
