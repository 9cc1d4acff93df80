package profile

import (
	"bufio"
	"errors"
	"maps"
	"regexp"
	"strings"
	"testing"
)

// FuzzSections: what is read under names such as people give can be written and
// read again.
func FuzzSections(f *testing.F) {
	for _, text := range []string{
		"[default]\naws_access_key_id=a\naws_secret_access_key=b", "\ufeff[ default ]\r\nAWS_ACCESS_KEY_ID = a # b\r\n",
		"[default]\ns3 =\n  aws_access_key_id = a\naws_secret_access_key = b ; c", "[profile 'de fault']\nx\n=\n[", "[\x00]\n\u00a0a=b", "",
	} {
		f.Add(text)
	}
	name := regexp.MustCompile(`^\w[\w-]*( \w[\w -]*)?$`)
	key := regexp.MustCompile(`^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)?$`)
	f.Fuzz(func(t *testing.T, text string) {
		sections, err := parseSections(strings.NewReader(text))
		if err != nil {
			if !errors.Is(err, bufio.ErrTooLong) {
				t.Errorf("the error is %v", err)
			}
			return
		}
		for called, section := range sections {
			maps.DeleteFunc(section, func(k, _ string) bool { return !key.MatchString(k) })
			if !name.MatchString(called) {
				continue
			}
			again, err := parseSections(strings.NewReader(written(called, section)))
			if err != nil || !maps.Equal(again[called], section) {
				t.Errorf("section %q was written and read as %q, not %q, %v", called, again, section, err)
			}
		}
	})
}

// written is a section as a file.
func written(name string, section map[string]string) string {
	var b strings.Builder
	if kind, rest, two := strings.Cut(name, " "); two {
		name = kind + ` "` + rest + `"`
	}
	b.WriteString("[" + name + "]\n")
	for key, value := range section {
		if above, below, nested := strings.Cut(key, "."); nested {
			b.WriteString(above + " =\n ")
			key = below
		}
		b.WriteString(key + "=" + value + "\n") // behind a blank, a mark begins a comment
	}
	return b.String()
}
