package fragment

import (
	"slices"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/mkv"
)

// TagKind says what a tag's name means to the service.
type TagKind uint8

// The kinds of tags.
const (
	UserTag          TagKind = iota // the user's own: counted and bounded
	EventTag                        // of the service's, passed on and not counted
	OutputTag                       // one that readers get from the service itself: dropped
	EndOfFragmentTag                // the fragment is complete now: acted on and dropped
)

// A tagsElement is one Tags element as it will be kept.
type tagsElement struct {
	raw  []byte // nil if nothing of it is kept; may alias the reader's buffer
	user int    // tags of the user's own in it
	end  bool   // it held the end-of-fragment tag
}

// readTags checks the user's tags of one Tags element and takes the tags out of
// it that readers must not see from a producer. An element without such tags is
// kept verbatim.
func (a *Assembler) readTags(e mkv.Element) (tagsElement, error) {
	tags, err := mkv.ParseTags(e.Data())
	if err != nil {
		return tagsElement{}, invalidMKV(err)
	}
	out := tagsElement{raw: e.Raw}
	dropped, kept := false, 0
	for i := range tags {
		tags[i].Simple = slices.DeleteFunc(tags[i].Simple, func(t mkv.SimpleTag) bool {
			kind := a.tagKind(t.Name)
			out.end = out.end || kind == EndOfFragmentTag
			if kind == UserTag {
				out.user++
				err = firstError(err, checkTag(t, a.limits))
			}
			drop := kind == OutputTag || kind == EndOfFragmentTag
			dropped = dropped || drop
			return drop
		})
		kept += len(tags[i].Simple)
	}
	if err != nil {
		return tagsElement{}, err
	}
	if dropped {
		out.raw = rewriteTags(tags, kept)
	}
	return out, nil
}

func firstError(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

// checkTag bounds one tag of the user's own.
func checkTag(t mkv.SimpleTag, l Limits) error {
	if len(t.Name) > l.MaxTagName || len(t.String)+len(t.Binary) > l.MaxTagValue {
		return fault(millrace.CodeMetadataLimit, "a tag's name is over %d bytes or its value over %d", l.MaxTagName, l.MaxTagValue)
	}
	return nil
}

// rewriteTags encodes what is left of a Tags element; nil if nothing is.
func rewriteTags(tags []mkv.Tag, kept int) []byte {
	if kept == 0 {
		return nil
	}
	tags = slices.DeleteFunc(tags, func(t mkv.Tag) bool { return len(t.Simple) == 0 })
	return mkv.AppendTags(nil, tags, 8)
}
