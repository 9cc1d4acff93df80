package api

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/millrace/millrace"
)

// The limits of tags.
const (
	maxTags          = 50  // on one stream, and in one request
	maxTagKey        = 128 // characters
	maxTagValue      = 256 // characters
	reservedTagStart = "aws:"
)

var (
	tagKeyPattern   = regexp.MustCompile(`^([\p{L}\p{Z}\p{N}_.:/=+\-@]*)$`)
	tagValuePattern = regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$`)
)

// A tag is an element of the list form of tags.
type tag struct {
	Key   *string `json:"Key"`
	Value *string `json:"Value"`
}

// tagMap checks tags that are given as a map, which must not be empty.
func (c *checks) tagMap(tags map[string]string) {
	c.tagCount("tags", len(tags), tags != nil)
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		c.tag("tags."+shortened(key), key, tags[key])
	}
}

// tagList checks tags that are given as a list, which must not be empty or
// have a key twice, and returns them as a map.
func (c *checks) tagList(list []tag) map[string]string {
	c.tagCount("tags", len(list), list != nil)
	tags := make(map[string]string, len(list))
	for i, t := range list {
		at := fmt.Sprintf("tags.%d.member", i+1)
		if t.Key == nil {
			c.missing(at + ".key")
		}
		if t.Value == nil {
			c.missing(at + ".value")
		}
		if t.Key == nil || t.Value == nil {
			continue
		}
		c.tag(at, *t.Key, *t.Value)
		if _, twice := tags[*t.Key]; twice {
			c.fail(at+".key", *t.Key, "Member must not be given twice")
		}
		tags[*t.Key] = *t.Value
	}
	return tags
}

// tagKeys checks the keys of tags to be removed.
func (c *checks) tagKeys(keys []string) {
	c.tagCount("tagKeyList", len(keys), keys != nil)
	for i, key := range keys {
		c.text(fmt.Sprintf("tagKeyList.%d.member", i+1), key, 1, maxTagKey, tagKeyPattern)
	}
}

func (c *checks) tagCount(member string, n int, given bool) {
	switch {
	case !given:
		c.missing(member)
	case n < 1:
		c.fail(member, "", "Member must have length greater than or equal to 1")
	case n > maxTags:
		c.fail(member, "", "Member must have length less than or equal to %d", maxTags)
	}
}

func (c *checks) tag(member, key, value string) {
	c.text(member+".key", key, 1, maxTagKey, tagKeyPattern)
	c.text(member+".value", value, 0, maxTagValue, tagValuePattern)
	if len(key) >= len(reservedTagStart) && strings.EqualFold(key[:len(reservedTagStart)], reservedTagStart) {
		c.fail(member+".key", key, "Member must not begin with '%s', which is reserved", reservedTagStart)
	}
}

func shortened(s string) string { return fmt.Sprintf("%.*s", maxTagKey, s) }

// errTooManyTags is what a request beyond the limit of a stream is told.
func errTooManyTags(name millrace.StreamName) error {
	return millrace.Errorf(millrace.CodeTagLimit, "The stream %s would have more than %d tags.", name, maxTags)
}
