package mkv

// Tag is one Tag of a Tags element: names and values that belong together.
// What it targets is neither read nor written.
type Tag struct {
	Simple []SimpleTag
}

// SimpleTag is a name with a value.
type SimpleTag struct {
	Name   string // without the NULs some writers pad it with
	String string // likewise; empty if the value is Binary
	// Binary is the value as bytes; nil if there is no TagBinary.
	Binary []byte
}

// What ParseTags takes, lest many small elements become much memory.
const (
	maxTags       = 4096
	maxSimpleTags = 4096 // in one Tags element
)

// ParseTags reads the payload of a Tags element. The result does not alias
// data. Of a repeated name or value within a SimpleTag the last counts;
// SimpleTags nested in SimpleTags, targets, languages and unknown children are
// passed over. A fault is a *SyntaxError; more than 4,096 Tags or SimpleTags
// are ErrTooMany.
func ParseTags(data []byte) ([]Tag, error) {
	var tags []Tag
	simple := 0
	err := parseChildren(IDTags, data, func(e Element) error {
		if e.ID != IDTag {
			return nil
		}
		if len(tags) == maxTags {
			return ErrTooMany
		}
		t, err := parseTag(e.Data(), maxSimpleTags-simple)
		simple += len(t.Simple)
		tags = append(tags, t)
		return err
	})
	return tags, err
}

// parseTag takes at most room SimpleTags.
func parseTag(data []byte, room int) (Tag, error) {
	var t Tag
	err := parseChildren(IDTag, data, func(e Element) error {
		if e.ID != IDSimpleTag {
			return nil
		}
		if len(t.Simple) == room {
			return ErrTooMany
		}
		var s SimpleTag
		err := parseChildren(IDSimpleTag, e.Data(), s.scan)
		t.Simple = append(t.Simple, s)
		return err
	})
	return t, err
}

func (s *SimpleTag) scan(e Element) error {
	switch e.ID {
	case IDTagName:
		return scanString(&s.Name, e)
	case IDTagString:
		return scanString(&s.String, e)
	case IDTagBinary:
		return scanBytes(&s.Binary, e)
	}
	return nil
}

// AppendTags appends a Tags element, with every size in it width bytes long
// (1 to 8; longer where that is too short), or as short as possible if width
// is 0. Each SimpleTag has a TagName and a TagString, even if empty; one with
// Binary has a TagBinary, and a TagString only if that is not empty.
func AppendTags(b []byte, tags []Tag, width int) []byte {
	size := 0
	for _, t := range tags {
		size += elementLen(IDTag, t.size(width), width)
	}
	b = appendHead(b, IDTags, size, width)
	for _, t := range tags {
		b = appendHead(b, IDTag, t.size(width), width)
		for _, s := range t.Simple {
			b = s.append(b, width)
		}
	}
	return b
}

// size returns the length of the payload.
func (t Tag) size(width int) int {
	n := 0
	for _, s := range t.Simple {
		n += elementLen(IDSimpleTag, s.size(width), width)
	}
	return n
}

func (s SimpleTag) size(width int) int {
	n := elementLen(IDTagName, len(s.Name), width)
	if s.hasString() {
		n += elementLen(IDTagString, len(s.String), width)
	}
	if s.Binary != nil {
		n += elementLen(IDTagBinary, len(s.Binary), width)
	}
	return n
}

func (s SimpleTag) append(b []byte, width int) []byte {
	b = appendHead(b, IDSimpleTag, s.size(width), width)
	b = append(appendHead(b, IDTagName, len(s.Name), width), s.Name...)
	if s.hasString() {
		b = append(appendHead(b, IDTagString, len(s.String), width), s.String...)
	}
	if s.Binary != nil {
		b = append(appendHead(b, IDTagBinary, len(s.Binary), width), s.Binary...)
	}
	return b
}

func (s SimpleTag) hasString() bool { return s.String != "" || s.Binary == nil }
