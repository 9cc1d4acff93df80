package api

import (
	"regexp"
	"strings"
)

var kmsKeyPattern = regexp.MustCompile(`^.+$`) // no newline

// kmsKey checks an optional key; an empty one is none. Whether there is such a
// key is not asked.
func (c *checks) kmsKey(value string) {
	if value != "" {
		c.text("kmsKeyId", value, 1, 2048, kmsKeyPattern)
	}
}

// kmsKeyARN spells a key as an ARN: a key id, an alias or an ARN is given, or
// nothing, which is the service's own key.
func (h *Handler) kmsKeyARN(key string) string {
	const own = "alias/aws/kinesisvideo"
	switch {
	case key == "":
		key = own
	case strings.HasPrefix(key, "arn:"):
		return key
	case !strings.HasPrefix(key, "alias/"):
		key = "key/" + key
	}
	return strings.Join([]string{"arn", h.config.Partition, "kms", h.config.Region, h.config.Account, key}, ":")
}
