package api

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/millrace/millrace"
)

// maxShown bounds how much of a value a message repeats, in bytes.
const maxShown = 300

// checks collects what a request's members violate, so that one answer names
// everything. The zero checks is ready.
type checks struct {
	found []string
	code  millrace.Code // if not zero, the code instead of CodeInvalidArgument
}

// err is nil if nothing was found.
func (c *checks) err() error {
	switch n := len(c.found); {
	case n == 0:
		return nil
	case c.code != 0:
		return millrace.Errorf(c.code, "%s", strings.Join(c.found, "; "))
	case n == 1:
		return millrace.Errorf(millrace.CodeInvalidArgument, "1 validation error detected: %s", c.found[0])
	default:
		return millrace.Errorf(millrace.CodeInvalidArgument, "%d validation errors detected: %s", n, strings.Join(c.found, "; "))
	}
}

// fail notes a violated constraint, in the service's words.
func (c *checks) fail(member, value, constraint string, args ...any) {
	c.found = append(c.found, fmt.Sprintf("Value '%.*s' at '%s' failed to satisfy constraint: ", maxShown, value, member)+
		fmt.Sprintf(constraint, args...))
}

// missing notes a required member that is not there.
func (c *checks) missing(member string) {
	c.found = append(c.found, fmt.Sprintf("Value null at '%s' failed to satisfy constraint: Member must not be null", member))
}

// text checks length, in characters, and pattern, which spans the whole value.
func (c *checks) text(member, value string, shortest, longest int, pattern *regexp.Regexp) {
	switch n := utf8.RuneCountInString(value); {
	case n < shortest:
		c.fail(member, value, "Member must have length greater than or equal to %d", shortest)
	case n > longest:
		c.fail(member, value, "Member must have length less than or equal to %d", longest)
	case !pattern.MatchString(value):
		c.fail(member, value, "Member must satisfy regular expression pattern: %s", pattern)
	}
}

// number checks a range.
func (c *checks) number(member string, value, least, most int32) {
	c.long(member, int64(value), int64(least), int64(most))
}

// long is number for a member of 64 bits.
func (c *checks) long(member string, value, least, most int64) {
	switch {
	case value < least:
		c.fail(member, fmt.Sprint(value), "Member must have value greater than or equal to %d", least)
	case value > most:
		c.fail(member, fmt.Sprint(value), "Member must have value less than or equal to %d", most)
	}
}

// oneOf checks an enumeration.
func (c *checks) oneOf(member, value string, allowed ...string) {
	for _, a := range allowed {
		if value == a {
			return
		}
	}
	c.fail(member, value, "Member must satisfy enum value set: [%s]", strings.Join(allowed, ", "))
}
