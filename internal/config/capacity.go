package config

import (
	"fmt"
	"path"
	"strings"
)

// A FullPolicy says what happens when there is no room for more media.
type FullPolicy string

// The policies of a full disk.
const (
	FullOldestFirst FullPolicy = "oldest-first" // the oldest media make room
	FullRefuseNew   FullPolicy = "refuse-new"   // producers are told to send again later
)

// tagRule begins a rule that is about a tag.
const tagRule = "tag:"

// minRuleSize is the least that a rule leaves, so that a unit that was forgotten
// does not cost all media.
const minRuleSize = 1 << 20

// A CapacityRule bounds what some streams keep. Either Streams or Tag is set.
type CapacityRule struct {
	Streams string // pattern of names, as in path.Match; the bound holds for each stream
	Tag     string // name of a tag
	Value   string // of the tag; the bound holds for all streams that carry it, together
	Size    Size
}

// String is the form that ParseCapacityRule reads.
func (r CapacityRule) String() string {
	if r.Tag != "" {
		return tagRule + r.Tag + "=" + r.Value + "=" + r.Size.String()
	}
	return r.Streams + "=" + r.Size.String()
}

// ParseCapacityRule reads "PATTERN=SIZE" or "tag:NAME=VALUE=SIZE".
func ParseCapacityRule(text string) (CapacityRule, error) {
	what, size, ok := cutLast(text, "=")
	if !ok {
		return CapacityRule{}, errNotARule(text)
	}
	var r CapacityRule
	var err error
	if r.Size, err = ParseSize(size); err != nil {
		return CapacityRule{}, err
	}
	if r.Size < minRuleSize {
		return CapacityRule{}, fmt.Errorf("%q leaves less room than %v; is a unit missing, as in 50GiB?", text, Size(minRuleSize))
	}
	tag, isTag := strings.CutPrefix(what, tagRule)
	if !isTag {
		if _, err := path.Match(what, ""); err != nil || what == "" {
			return CapacityRule{}, fmt.Errorf("%q is not a pattern of stream names", what)
		}
		r.Streams = what
		return r, nil
	}
	if r.Tag, r.Value, ok = strings.Cut(tag, "="); !ok || r.Tag == "" {
		return CapacityRule{}, fmt.Errorf("%q is not tag:NAME=VALUE=SIZE", text)
	}
	return r, nil
}

func errNotARule(what any) error {
	return fmt.Errorf("%q is not PATTERN=SIZE or tag:NAME=VALUE=SIZE, as in cam-*=50GiB", fmt.Sprint(what))
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// CapacityRules is a list of rules, separated by commas.
type CapacityRules []CapacityRule

// String returns the form that UnmarshalText reads.
func (l CapacityRules) String() string {
	texts := make([]string, len(l))
	for i, r := range l {
		texts[i] = r.String()
	}
	return strings.Join(texts, ",")
}

// MarshalText implements encoding.TextMarshaler.
func (l CapacityRules) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (l *CapacityRules) UnmarshalText(text []byte) error {
	*l = nil
	for part := range strings.SplitSeq(string(text), ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		r, err := ParseCapacityRule(part)
		if err != nil {
			return err
		}
		*l = append(*l, r)
	}
	return nil
}
