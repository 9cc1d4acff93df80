package producer_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/millrace/millrace/producer"
)

func TestTagsThatNoServerTakesAreRefusedAtOnce(t *testing.T) {
	for name, tc := range map[string]struct {
		name, value string
		ok          bool
	}{
		"a name and a value":                  {"place", "gate", true},
		"a value that is empty":               {"place", "", true},
		"the longest name and value":          {strings.Repeat("n", 128), strings.Repeat("v", 256), true},
		"an empty name":                       {"", "gate", false},
		"a name that is too long":             {strings.Repeat("n", 129), "gate", false},
		"a value that is too long":            {"place", strings.Repeat("v", 257), false},
		"a long value is measured in bytes":   {"place", strings.Repeat("é", 129), false},
		"a name of the service's":             {"AWS_KINESISVIDEO_END_OF_FRAGMENT", "", false},
		"a name that begins as they do":       {"AWSome", "x", false},
		"a name that would be cut by readers": {"a\x00b", "x", false},
		"a value that is not UTF-8":           {"a", "\xff", false},
	} {
		t.Run(name, func(t *testing.T) {
			s := opened(t, producer.StreamConfig{Tracks: tracks()})
			err := s.SetTag(tc.name, tc.value, producer.NextFragment)
			var fault *producer.TagError
			if tc.ok != (err == nil) || !tc.ok && (!errors.As(err, &fault) || !errors.Is(err, producer.ErrBadTag)) {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestAFragmentHasTenTagsAtMost(t *testing.T) {
	s := opened(t, producer.StreamConfig{Tracks: tracks()})
	set := func(name string, scope producer.TagScope) error { return s.SetTag(name, "x", scope) }
	for i := range 6 {
		if err := set(fmt.Sprintf("every%d", i), producer.EveryFragment); err != nil {
			t.Fatal(err)
		}
	}
	write(t, s, 0, "A")
	for i := range 4 {
		if err := set(fmt.Sprintf("next%d", i), producer.NextFragment); err != nil {
			t.Fatal(err)
		}
	}
	if err := set("next4", producer.NextFragment); !errors.Is(err, producer.ErrBadTag) {
		t.Errorf("an eleventh tag of the next fragment: %v", err)
	}
	if err := set("every6", producer.EveryFragment); !errors.Is(err, producer.ErrBadTag) {
		t.Errorf("an eleventh tag of all: %v", err)
	}
	if err := set("next0", producer.NextFragment); err != nil {
		t.Errorf("another value: %v", err)
	}
	if err := set("every0", producer.NextFragment); err != nil {
		t.Errorf("another value for one fragment: %v", err)
	}
	if err := set("open0", producer.OpenFragment); err != nil {
		t.Errorf("a tag of the open fragment: %v", err)
	}
	if err := s.SetTag("every1", "", producer.EveryFragment); err != nil {
		t.Errorf("an end of a tag: %v", err)
	}
	if err := set("next4", producer.NextFragment); err != nil {
		t.Errorf("a tag in place of one that ended: %v", err)
	}
}
