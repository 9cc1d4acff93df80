package api

import "regexp"

// The values of a configuration's Status.
const (
	enabled  = "ENABLED"
	disabled = "DISABLED"
)

// The pattern of destinations, of notifications and of images.
var destinationPattern = regexp.MustCompile(`^[a-zA-Z_0-9]+:(//)?([^/]+)/?([^*]*)$`)

// choice checks a required enumeration.
func (c *checks) choice(member string, value *string, allowed ...string) {
	if value == nil {
		c.missing(member)
		return
	}
	c.oneOf(member, *value, allowed...)
}

// required checks a text that must be there.
func (c *checks) required(member string, value *string, shortest, longest int, pattern *regexp.Regexp) {
	if value == nil {
		c.missing(member)
		return
	}
	c.text(member, *value, shortest, longest, pattern)
}

// secret is required for a value that no message may repeat, because messages
// are logged.
func (c *checks) secret(member string, value *string, shortest, longest int, pattern *regexp.Regexp) {
	var v checks
	v.required(member, value, shortest, longest, pattern)
	if value != nil && len(v.found) > 0 {
		v = checks{}
		v.fail(member, "***", "Member must have length %d to %d and satisfy regular expression pattern: %s", shortest, longest, pattern)
	}
	c.found = append(c.found, v.found...)
}

// integer checks the range of a number that may be absent.
func (c *checks) integer(member string, value *int32, least, most int32) {
	if value != nil {
		c.number(member, *value, least, most)
	}
}

// destination checks a required destination.
func (c *checks) destination(member string, value *string) {
	c.required(member, value, 1, 255, destinationPattern)
}
