package credentials

import (
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace"
)

// FuzzKVSFile: what is read can be written and read again, and no error shows
// what is in the file.
func FuzzKVSFile(f *testing.F) {
	for _, text := range []string{
		"CREDENTIALS a b", "CREDENTIALS a 2126-11-23T10:00:00Z b", "CREDENTIALS a 2126-11-23T10:00:00.5+05:00 b c\n",
		"CREDENTIALS a b c", "CREDENTIALS\x00a\u00a0b", "credentials a b", "",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := parseKVS(text)
		if err != nil {
			switch err.Error() {
			case "invalid: it does not hold the word CREDENTIALS, a key id, an expiration, a secret and a token",
				"invalid: the expiration is no time such as 2026-11-23T10:00:00Z":
			default:
				t.Errorf("the error shows what is in the file: %v", err)
			}
			if c != (millrace.Credentials{}) {
				t.Errorf("%+v comes with the error %v", c, err)
			}
			return
		}
		words := []string{"CREDENTIALS", c.AccessKeyID, c.SecretAccessKey}
		if !c.Expires.IsZero() || c.SessionToken != "" {
			words = []string{"CREDENTIALS", c.AccessKeyID, c.Expires.Format(time.RFC3339Nano), c.SecretAccessKey, c.SessionToken}
		}
		if again, err := parseKVS(strings.Join(words, "\n")); err != nil || !again.SameKey(c) || !again.Expires.Equal(c.Expires) {
			t.Errorf("%+v was written and read as %+v, %v", c, again, err)
		}
	})
}
