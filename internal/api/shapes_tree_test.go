package api_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// A step goes from a value to one within it: by a member's name, to the first
// element of a list, to the only key of a map, or to its only value.
type step string

const (
	toElement step = "[]"
	toKey     step = "{key}"
	toValue   step = "{value}"
)

// stepsTo splits the path of a member.
func stepsTo(path string) []step {
	var list []step
	for part := range strings.SplitSeq(path, ".") {
		for _, mark := range []step{toElement, toKey, toValue} {
			if name, ok := strings.CutSuffix(part, string(mark)); ok {
				part = name + "\x00" + string(mark)
			}
		}
		for name := range strings.SplitSeq(part, "\x00") {
			list = append(list, step(name))
		}
	}
	return list
}

// parseTree reads an object.
func parseTree(t *testing.T, text string) map[string]any {
	t.Helper()
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	var tree map[string]any
	if err := dec.Decode(&tree); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return tree
}

func printTree(t *testing.T, tree any) string {
	t.Helper()
	b, err := json.Marshal(tree)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// look returns what stands at a path.
func look(tree any, path string) (value any, ok bool) {
	for _, s := range stepsTo(path) {
		switch v := tree.(type) {
		case []any:
			if s != toElement || len(v) == 0 {
				return nil, false
			}
			tree = v[0]
		case map[string]any:
			keys := slices.Sorted(maps.Keys(v))
			switch {
			case s == toKey && len(keys) > 0:
				tree = keys[0]
			case s == toValue && len(keys) > 0:
				tree = v[keys[0]]
			default:
				if tree, ok = v[string(s)]; !ok {
					return nil, false
				}
			}
		default:
			return nil, false
		}
	}
	return tree, true
}

// set puts a value at a path, or removes what is there.
func set(tree any, path string, value any, remove bool) {
	all := stepsTo(path)
	for _, s := range all[:len(all)-1] {
		switch v := tree.(type) {
		case []any:
			tree = v[0]
		case map[string]any:
			tree = v[string(s)]
		}
	}
	switch v := tree.(type) {
	case []any:
		v[0] = value
	case map[string]any:
		setIn(v, all[len(all)-1], value, remove)
	default:
		panic(fmt.Sprintf("nothing at %s", path))
	}
}

func setIn(m map[string]any, s step, value any, remove bool) {
	only := slices.Sorted(maps.Keys(m))
	switch {
	case s == toKey:
		kept := m[only[0]]
		delete(m, only[0])
		m[fmt.Sprint(value)] = kept
	case s == toValue:
		m[only[0]] = value
	case remove:
		delete(m, string(s))
	default:
		m[string(s)] = value
	}
}

func TestSteps(t *testing.T) {
	for path, want := range map[string]string{
		"A":          `["A"]`,
		"A.B":        `["A","B"]`,
		"A[].Key":    `["A","[]","Key"]`,
		"A{key}":     `["A","{key}"]`,
		"A.B{value}": `["A","B","{value}"]`,
	} {
		if got := printTree(t, stepsTo(path)); got != want {
			t.Errorf("%s: %s", path, got)
		}
	}
	tree := parseTree(t, `{"A":[{"Key":"k"}],"M":{"x":"y"},"S":{"T":1}}`)
	set(tree, "A[].Key", "other", false)
	set(tree, "M{key}", "z", false)
	set(tree, "M{value}", "w", false)
	set(tree, "S.T", nil, true)
	if got := printTree(t, tree); got != `{"A":[{"Key":"other"}],"M":{"z":"w"},"S":{}}` {
		t.Error(got)
	}
}
