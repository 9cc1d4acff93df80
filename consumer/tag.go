package consumer

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/wire"
	"github.com/millrace/millrace/mkv"
)

// A Tag is a name and a value that the producer attached to a fragment.
type Tag struct {
	Name, Value string
}

// serviceTags is what the server says about a fragment, before it and behind.
type serviceTags struct {
	number       millrace.FragmentNumber
	serverTime   time.Time
	producerTime time.Time
	behind       time.Duration
	token        string
	errorID      int
	errorCode    string
	pause        bool // its producer said that this is its last for a while
	listed       bool // of GetMediaForFragmentList, which says nothing behind the media
}

// read sorts the tags of one element: those of the service into s, those of
// the producer to the end of tags.
func (s *serviceTags) read(e mkv.Element, tags []Tag) ([]Tag, error) {
	parsed, err := mkv.ParseTags(e.Data())
	if err != nil {
		return tags, fmt.Errorf("read tags: %w", err)
	}
	for _, tag := range parsed {
		for _, simple := range tag.Simple {
			if !strings.HasPrefix(simple.Name, wire.TagServicePrefix) {
				tags = append(tags, Tag{Name: simple.Name, Value: simple.String})
				continue
			}
			if err := s.set(simple.Name, simple.String); err != nil {
				return tags, fmt.Errorf("read tag %s: %w", simple.Name, err)
			}
		}
	}
	return tags, nil
}

func (s *serviceTags) set(name, value string) (err error) {
	switch name {
	case wire.TagFragmentNumber:
		s.number, err = millrace.ParseFragmentNumber(value)
	case wire.TagServerTimestamp:
		s.serverTime, err = wire.ParseTimestamp(value)
	case wire.TagProducerTimestamp:
		s.producerTime, err = wire.ParseTimestamp(value)
	case wire.TagMillisBehindNow:
		var ms int64
		ms, err = strconv.ParseInt(value, 10, 64)
		s.behind = time.Duration(ms) * time.Millisecond
	case wire.TagContinuationToken:
		s.token = value
	case wire.TagErrorID, wire.TagExceptionCode:
		s.errorID, err = strconv.Atoi(value)
	case wire.TagErrorCode:
		s.errorCode = value
	case wire.TagExceptionMessage: // beside the code, or alone
		s.errorCode = cmp.Or(s.errorCode, value)
	case wire.TagEndOfFragment:
		s.pause = true
	case wire.TagServerSide, wire.TagProducerSide:
		s.listed = true
	}
	return err
}
