package api

import (
	"regexp"

	"github.com/millrace/millrace"
)

// The patterns of the members that several operations have.
var (
	namePattern      = regexp.MustCompile(`^[a-zA-Z0-9_.-]+$`)
	versionPattern   = regexp.MustCompile(`^[a-zA-Z0-9]+$`)
	mediaTypePattern = regexp.MustCompile(`^[\w\-\.\+]+/[\w\-\.\+]+(,[\w\-\.\+]+/[\w\-\.\+]+)*$`)
	keyIDPattern     = regexp.MustCompile(`^\w+$`)
	keyNamePattern   = regexp.MustCompile(`^[\w+=,.@-]+$`)
	tokenPattern     = regexp.MustCompile(`^[a-zA-Z0-9+/=]*$`)
	pageTokenPattern = regexp.MustCompile(`^[a-zA-Z0-9+/]+={0,2}$`) // of archived media
)

// streamName checks a required stream name.
func (c *checks) streamName(member string, value *string) millrace.StreamName {
	if value == nil {
		c.missing(member)
		return ""
	}
	c.text(member, *value, 1, 256, namePattern)
	return millrace.StreamName(*value)
}

// deviceName checks an optional device name; an empty one is none, for C
// clients send it.
func (c *checks) deviceName(value string) {
	if value != "" {
		c.text("deviceName", value, 1, 128, namePattern)
	}
}

// mediaType checks an optional media type; an empty one is none.
func (c *checks) mediaType(value string) {
	if value != "" {
		c.text("mediaType", value, 1, 128, mediaTypePattern)
	}
}

// version checks CurrentVersion, and that it is there if it has to be. It
// returns the empty string for one that is absent.
func (c *checks) version(value *string, required bool) string {
	if value == nil {
		if required {
			c.missing("currentVersion")
		}
		return ""
	}
	c.text("currentVersion", *value, 1, 64, versionPattern)
	return *value
}

// nextToken checks the form of a paging token.
func (c *checks) nextToken(value string) { c.text("nextToken", value, 0, 1024, tokenPattern) }
