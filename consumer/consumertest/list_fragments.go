package consumertest

import (
	"encoding/base64"
	"encoding/json"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/wire"
)

// maxPage is how many fragments the protocol lets a page or a list have.
const maxPage = 1000

// fragmentSelector says which fragments are listed.
type fragmentSelector struct {
	FragmentSelectorType string
	TimestampRange       struct{ StartTimestamp, EndTimestamp wire.Timestamp }
}

// A cursor is what a page token says.
type cursor struct {
	Selector fragmentSelector
	At       int64 // of the last entry, milliseconds of the selector's clock
	Number   millrace.FragmentNumber
}

// list is a page of fragments that are complete, in the order of the clock.
func (s *Stream) list(in parameters, most int, twice bool) (any, error) {
	from, err := in.cursor()
	if err != nil {
		return nil, err
	}
	clock := serverClock
	switch from.Selector.FragmentSelectorType {
	case "SERVER_TIMESTAMP":
	case "PRODUCER_TIMESTAMP":
		clock = producerClock
	default:
		return nil, millrace.Errorf(millrace.CodeInvalidArgument, "The FragmentSelectorType is not known.")
	}
	size := pageSize(in.MaxResults, most)
	if size < 1 || size > maxPage {
		return nil, millrace.Errorf(millrace.CodeInvalidArgument, "MaxResults is not 1 to %d.", maxPage)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	page := []any{}
	next := from
	for _, c := range s.byClock(clock) {
		at := clock(c.Fragment)
		if c.state != Kept || !from.covers(at, c.Number) {
			continue
		}
		if len(page) == size {
			token := next.token()
			if twice {
				token = in.NextToken
			}
			return map[string]any{"Fragments": page, "NextToken": token}, nil
		}
		page = append(page, c.entry())
		next.At, next.Number = at.UnixMilli(), c.Number
	}
	return map[string]any{"Fragments": page}, nil
}

// covers reports whether an entry is in the range and behind the cursor.
func (c cursor) covers(at time.Time, n millrace.FragmentNumber) bool {
	r := c.Selector.TimestampRange
	if at.Before(r.StartTimestamp.Time) || at.After(r.EndTimestamp.Time) {
		return false
	}
	if c.Number.IsZero() {
		return true
	}
	ms := at.UnixMilli()
	return ms > c.At || ms == c.At && n.Compare(c.Number) > 0
}

// cursor is where a page begins. A token goes before a selector.
func (in parameters) cursor() (cursor, error) {
	var c cursor
	if in.NextToken == "" {
		if in.FragmentSelector == nil {
			return c, millrace.Errorf(millrace.CodeInvalidArgument, "There is no FragmentSelector.")
		}
		c.Selector = *in.FragmentSelector
		return c, nil
	}
	text, err := base64.StdEncoding.DecodeString(in.NextToken)
	if err == nil {
		err = json.Unmarshal(text, &c)
	}
	if err != nil {
		return c, millrace.Errorf(millrace.CodeInvalidArgument, "The NextToken is not one of ours.")
	}
	return c, nil
}

func (c cursor) token() string {
	text, err := json.Marshal(c)
	if err != nil {
		return "" // what a cursor holds can be encoded
	}
	return base64.StdEncoding.EncodeToString(text)
}

// entry is what the list says of a fragment.
func (c *chunk) entry() any {
	return map[string]any{
		"FragmentNumber":               c.Number.String(),
		"FragmentSizeInBytes":          len(c.Document(0)),
		"ProducerTimestamp":            wire.Timestamp{Time: c.ProducerTime},
		"ServerTimestamp":              wire.Timestamp{Time: c.ServerTime},
		"FragmentLengthInMilliseconds": c.length().Milliseconds(),
	}
}

// numbers are those of a getMediaForFragmentList call.
func (in parameters) numbers() ([]millrace.FragmentNumber, error) {
	if len(in.Fragments) == 0 || len(in.Fragments) > maxPage {
		return nil, millrace.Errorf(millrace.CodeInvalidArgument, "There are not 1 to %d fragments in the list.", maxPage)
	}
	numbers := make([]millrace.FragmentNumber, len(in.Fragments))
	for i, text := range in.Fragments {
		n, err := millrace.ParseFragmentNumber(text)
		if err != nil {
			return nil, millrace.Errorf(millrace.CodeInvalidArgument, "Fragment numbers are invalid : %s", text)
		}
		numbers[i] = n
	}
	return numbers, nil
}
