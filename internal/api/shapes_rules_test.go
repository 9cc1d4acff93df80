package api_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
)

// A trial is a specimen with one member changed.
type trial struct {
	name    string // of the rule
	value   any
	remove  bool
	refused bool
	want    string // badJSON, or empty for badArg and badARN
	without string // a member that goes too
}

// TestEveryFactOfEveryMember tries, for each operation and each member of its
// request, every fact of the table from both sides: that the member is read and
// is of its type, that it must be there or need not, and its bounds, values and
// pattern. A case is named after the rule that it holds. No exception occurs
// that the operation does not have.
func TestEveryFactOfEveryMember(t *testing.T) {
	all := specimens()
	for _, s := range controlShapes(t) {
		if !s.offered {
			continue
		}
		t.Run(s.name, func(t *testing.T) {
			for _, m := range s.in {
				for _, tr := range m.trials(t, all[s.name].body) {
					t.Run(m.path+" "+tr.name, func(t *testing.T) { tr.run(t, s, all[s.name], m) })
				}
			}
		})
	}
}

func (tr trial) run(t *testing.T, s shape, sp specimen, m memberShape) {
	stage := newStage(t, false)
	stage.prepare(t, sp.before)
	tree := parseTree(t, strings.NewReplacer("$arn", stage.arn, "$version", "$version").Replace(sp.body))
	if tr.without != "" {
		set(tree, tr.without, nil, true)
	}
	set(tree, m.path, tr.value, tr.remove)
	got := stage.post(t, s.path, printTree(t, tree))
	kind := got.errorType()
	refused := kind == badArg || kind == badARN || kind == badJSON
	if refused != tr.refused || tr.refused && (kind == badJSON) != (tr.want == badJSON) {
		t.Errorf("answered %d %q: %s; refused should be %t %s", got.status, kind, got.body, tr.refused, tr.want)
	}
	if kind != fine && kind != badJSON && !slices.Contains(s.errors, kind) {
		t.Errorf("the operation has no %s", kind)
	}
}

// trials are the rules of a member.
func (m memberShape) trials(t *testing.T, body string) []trial {
	t.Helper()
	sample, _ := look(parseTree(t, body), m.path)
	list := m.typeTrials()
	list = append(list, m.presenceTrials()...)
	switch m.kind {
	case "string":
		list = append(list, m.textTrials(fmt.Sprint(sample))...)
	case "integer":
		list = append(list, m.numberTrials()...)
	case "list", "map":
		list = append(list, m.countTrials(sample)...)
	case "boolean":
		list = append(list, trial{name: "may be true", value: true}, trial{name: "may be false", value: false})
	}
	for i := range list {
		list[i].without = m.partner(list[i])
	}
	return list
}

// partner is another member with which this one must agree, and which would hide what a
// change of one does, unless a member's absence is tried.
func (m memberShape) partner(tr trial) string {
	if tr.remove || tr.want == badJSON || tr.name == "may be null" {
		return ""
	}
	return map[string]string{
		"StreamName": "StreamARN", "StreamARN": "StreamName", "ChannelName": "ChannelARN", "ChannelARN": "ChannelName",
		"ImageGenerationConfiguration.Format": "ImageGenerationConfiguration.FormatConfig",
	}[m.path]
}

func (m memberShape) typeTrials() []trial {
	if strings.HasSuffix(m.path, string(toKey)) {
		return nil // the keys of objects are always texts
	}
	wrong := any("text")
	switch m.kind {
	case "string":
		wrong = 7
	case "map":
		wrong = []any{}
	}
	return []trial{
		{name: "must be a " + m.kind, value: wrong, refused: true, want: badJSON},
		{name: "must be a " + m.kind + ", which a list is not in a list", value: []any{[]any{}}, refused: true, want: badJSON},
	}
}

// presenceTrials leave out elements of lists, which are not members.
func (m memberShape) presenceTrials() []trial {
	if m.has("required") {
		return []trial{
			{name: "is required", remove: true, refused: true},
			{name: "must not be null", refused: true},
		}
	}
	if strings.HasSuffix(m.path, string(toElement)) || strings.HasSuffix(m.path, string(toKey)) || strings.HasSuffix(m.path, string(toValue)) {
		return nil
	}
	return []trial{{name: "is not required", remove: true}, {name: "may be null"}}
}

func (m memberShape) textTrials(sample string) []trial {
	var list []trial
	if m.has("enum") {
		for value := range strings.SplitSeq(m.facts["enum"], "|") {
			list = append(list, trial{name: "may be " + value, value: value})
		}
		return append(list,
			trial{name: "must be one of its values", value: "OTHER", refused: true},
			trial{name: "must be one of its values, in their case", value: strings.ToLower(sample) + "x", refused: true})
	}
	least, most := m.bounds("len")
	if least > 0 && m.has("len") {
		list = append(list, trial{
			name:  fmt.Sprintf("must have %d characters, or be empty where that is absent", least),
			value: shorter(sample, least-1), refused: !m.has("empty-is-absent"),
		})
	}
	if most > 0 {
		list = append(list, trial{name: fmt.Sprintf("must not have more than %d characters", most), value: longer(sample, most+1), refused: true})
	}
	if most > 0 && !m.narrow() {
		list = append(list, trial{name: fmt.Sprintf("may have %d characters", most), value: longer(sample, most)})
	}
	if m.has("pattern") {
		list = append(list, trial{name: "must match its pattern", value: m.stranger(), refused: true})
	}
	return list
}

// narrow is true of members of which a value at the bounds is refused for
// another reason: they have a rule that no fact tells.
func (m memberShape) narrow() bool {
	return strings.HasSuffix(m.path, "NextToken") || // one that was given out
		strings.HasSuffix(m.path, "DestinationRegion") || // the streams'
		strings.HasSuffix(m.path, "FormatConfig{value}") // 1 to 100
}

func shorter(sample string, length int) string { return sample[:min(length, len(sample))] }

// longer makes a text of the given length that is still of its kind.
func longer(sample string, length int) string {
	if strings.HasSuffix(sample, "$arn") {
		return longARN("stream", length)
	}
	if strings.Contains(sample, ":channel/") {
		return longARN("channel", max(length, 60))
	}
	if sample == "$version" || sample == "" {
		sample = "A"
	}
	if len(sample) >= length {
		return sample
	}
	return sample + strings.Repeat(sample[len(sample)-1:], length-len(sample))
}

// stranger is a text of good length that the pattern does not match.
func (m memberShape) stranger() string {
	least, most := m.bounds("len")
	if most < 0 {
		most = math.MaxInt
	}
	for _, text := range []string{"!", "a\nb", "!!!!!!!!!!", "0123456789\n0123456789"} {
		if n := len(text); n >= least && n <= most && !m.pattern().MatchString(text) {
			return text
		}
	}
	panic("no stranger to " + m.facts["pattern"])
}

func (m memberShape) numberTrials() []trial {
	list := []trial{
		{name: "must be whole", value: json.Number("1.5"), refused: true, want: badJSON},
		{name: "must fit 32 bits", value: json.Number("4294967296"), refused: true, want: badJSON},
	}
	if !m.has("range") {
		return list
	}
	least, most := m.bounds("range")
	list = append(list,
		trial{name: fmt.Sprintf("below %d is refused", least), value: least - 1, refused: true},
		trial{name: fmt.Sprintf("of %d is accepted", least), value: least})
	if most >= 0 {
		list = append(list,
			trial{name: fmt.Sprintf("above %d is refused", most), value: most + 1, refused: true},
			trial{name: fmt.Sprintf("of %d is accepted", most), value: most})
	}
	return list
}

func (m memberShape) countTrials(sample any) []trial {
	if !m.has("count") {
		return nil
	}
	least, most := m.bounds("count")
	return []trial{
		{name: fmt.Sprintf("must have %d entries", least), value: several(sample, least-1), refused: true},
		{name: fmt.Sprintf("may have %d entries", least), value: several(sample, least)},
		{name: fmt.Sprintf("may have %d entries, and no more", most), value: several(sample, most)},
		{name: fmt.Sprintf("must not have %d entries", most+1), value: several(sample, most+1), refused: true},
	}
}

// several repeats the only entry of a list or a map, under other names.
func several(sample any, count int) any {
	switch v := sample.(type) {
	case map[string]any:
		key := slices.Collect(maps.Keys(v))[0]
		many := map[string]any{}
		for i := range count {
			many[key+strings.Repeat("x", i)] = v[key]
		}
		return many
	case []any:
		many := []any{}
		for i := range count {
			switch elem := v[0].(type) {
			case string:
				many = append(many, fmt.Sprint(elem, i))
			case map[string]any:
				elem = maps.Clone(elem)
				elem["Key"] = fmt.Sprint("k", i)
				many = append(many, elem)
			}
		}
		return many
	}
	panic("no list and no map")
}
