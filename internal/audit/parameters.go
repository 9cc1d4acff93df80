package audit

import (
	"encoding/json"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The bounds of what a line has of parameters.
const (
	maxDepth   = 6
	maxMembers = 64 // of an object, and of an array
)

const redacted = "(redacted)"

// shown makes of a JSON text what may be shown of it: keys that begin in lower
// case, no secrets, and not too much. It is nil for what is no JSON.
func shown(text []byte) any {
	if len(text) == 0 {
		return nil
	}
	var v any
	if json.Unmarshal(text, &v) != nil {
		return nil
	}
	return show(v, 0)
}

func show(v any, depth int) any {
	switch v := v.(type) {
	case map[string]any:
		return showObject(v, depth)
	case []any:
		if depth == maxDepth {
			return "..."
		}
		var out []any
		for _, x := range v[:min(len(v), maxMembers)] {
			out = append(out, show(x, depth+1))
		}
		return out
	case string:
		return cut(v, maxText)
	}
	return v
}

// leftOut is the name under which an object says how many members it has beside
// those that are shown.
const leftOut = "..."

// showObject shows the first members in the order of their names. Where two names
// differ by the case of the first letter alone, both stand as they are: one is not
// what the server goes by.
func showObject(object map[string]any, depth int) any {
	if depth == maxDepth {
		return "..."
	}
	names := make([]string, 0, len(object))
	for name := range object {
		names = append(names, name)
	}
	slices.Sort(names)
	out := map[string]any{}
	for _, name := range names[:min(len(names), maxMembers)] {
		as := cut(name, leastText)
		if other := swapFirst(name); other == name || !has(object, other) {
			as = lowerFirst(as)
		}
		if secret(name) {
			out[as] = redacted
			continue
		}
		out[as] = show(object[name], depth+1)
	}
	if more := len(names) - maxMembers; more > 0 {
		out[leftOut] = more
	}
	return out
}

// secret reports whether a member's name speaks of what nobody should read.
func secret(name string) bool {
	name = strings.ToLower(name)
	return slices.ContainsFunc([]string{"secret", "token", "password", "passphrase", "privatekey", "signature"},
		func(word string) bool { return strings.Contains(name, word) })
}

func lowerFirst(name string) string {
	r, n := utf8.DecodeRuneInString(name)
	return string(unicode.ToLower(r)) + name[n:]
}

// swapFirst is the name with its first letter in the other case.
func swapFirst(name string) string {
	r, n := utf8.DecodeRuneInString(name)
	if lower := unicode.ToLower(r); lower != r {
		return string(lower) + name[n:]
	}
	return string(unicode.ToUpper(r)) + name[n:]
}

func has(object map[string]any, name string) bool {
	_, ok := object[name]
	return ok
}
