package producer

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/millrace/millrace/internal/wire"
	"github.com/millrace/millrace/mkv"
)

// What a server takes of tags.
const (
	MaxTags     = 10  // of one fragment
	MaxTagName  = 128 // bytes
	MaxTagValue = 256 // bytes
)

// ErrBadTag means that no server would take a tag; the details are in a
// [*TagError].
var ErrBadTag = errors.New("tag is not allowed")

// TagError says what is wrong with a tag. It is an [ErrBadTag].
type TagError struct {
	Name string
	Part string // such as "name is longer than 128 bytes"
}

// Error reports the tag and what is wrong.
func (e *TagError) Error() string { return fmt.Sprintf("tag %.40q: %s: %v", e.Name, e.Part, ErrBadTag) }

// Unwrap returns ErrBadTag.
func (e *TagError) Unwrap() error { return ErrBadTag }

// A TagScope says which fragments get a tag.
type TagScope uint8

// The scopes. What is begun counts when the fragment goes into the buffer: with
// several tracks that is up to FragmentRules.Interleave after Write.
const (
	NextFragment  TagScope = iota // the fragment that is begun next
	OpenFragment                  // the one that is open; the next one if none is
	EveryFragment                 // that one and all after it; an empty value ends that
)

// A tagBook holds the tags of the fragment that is open, of the next one, and of
// all. Tags go out behind their Cluster: that is how a server knows whose they
// are. It may be used by several goroutines.
type tagBook struct {
	mu     sync.Mutex // guards everything below; taken with nothing else to be taken
	isOpen bool       // there is a fragment
	every  []mkv.SimpleTag
	this   []mkv.SimpleTag // of the open fragment, and of the next one if none is
	next   []mkv.SimpleTag // of the one after the open one
}

// set notes a tag. The error is a *TagError, and then nothing was noted.
func (b *tagBook) set(name, value string, scope TagScope) error {
	if part := tagFault(name, value); part != "" {
		return &TagError{name, part}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	list := &b.this
	switch {
	case scope == EveryFragment && value == "":
		b.every = slices.DeleteFunc(b.every, func(t mkv.SimpleTag) bool { return t.Name == name })
		return nil
	case scope == EveryFragment:
		list = &b.every
	case scope == NextFragment && b.isOpen:
		list = &b.next
	}
	tag := mkv.SimpleTag{Name: name, String: value}
	before := *list
	*list = withTag(before, tag)
	if len(merge(b.every, b.this)) > MaxTags || len(merge(b.every, b.next)) > MaxTags {
		*list = before
		return &TagError{name, fmt.Sprintf("a fragment has more than %d", MaxTags)}
	}
	return nil
}

// begin notes that a fragment has begun.
func (b *tagBook) begin() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.isOpen = true
}

// end returns the tags of the fragment that ends.
func (b *tagBook) end() []mkv.SimpleTag {
	b.mu.Lock()
	defer b.mu.Unlock()
	tags := merge(b.every, b.this)
	b.isOpen, b.this, b.next = false, b.next, nil
	return tags
}

// withTag returns a list in which tag takes the place of the one of its name.
// The list itself stays as it was.
func withTag(list []mkv.SimpleTag, tag mkv.SimpleTag) []mkv.SimpleTag {
	list = slices.Clone(list)
	i := slices.IndexFunc(list, func(t mkv.SimpleTag) bool { return t.Name == tag.Name })
	if i < 0 {
		return append(list, tag)
	}
	list[i] = tag
	return list
}

// merge returns the tags of both lists; of one name, that of the second.
func merge(every, once []mkv.SimpleTag) []mkv.SimpleTag {
	if len(once) == 0 {
		return every[:len(every):len(every)]
	}
	for _, t := range once {
		every = withTag(every, t)
	}
	return every
}

func tagFault(name, value string) string {
	switch {
	case name == "":
		return "name is empty"
	case len(name) > MaxTagName:
		return fmt.Sprintf("name is longer than %d bytes", MaxTagName)
	case len(value) > MaxTagValue:
		return fmt.Sprintf("value is longer than %d bytes", MaxTagValue)
	case strings.HasPrefix(name, wire.TagServicePrefix):
		return "names that begin with " + wire.TagServicePrefix + " are the service's"
	case !isText(name) || !isText(value):
		return "not text in UTF-8"
	}
	return ""
}

// isText reports whether Matroska can carry s: a NUL would end it.
func isText(s string) bool { return utf8.ValidString(s) && !strings.Contains(s, "\x00") }
