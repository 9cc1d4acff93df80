package client

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/wire"
)

// ListFragments is the name under which DataEndpoint knows that call.
const ListFragments = "LIST_FRAGMENTS"

// maxFragmentsPerPage is how many fragments the protocol lets a page have.
const maxFragmentsPerPage = 1000

// A FragmentRange says which fragments are listed: those that start from Start to
// End, both within, by a clock.
type FragmentRange struct {
	Clock string // ServerTimestamp or ProducerTimestamp
	Start wire.Timestamp
	End   wire.Timestamp
	Limit int // at most so many; 0 is all
}

// A Fragment is what the list says of one.
type Fragment struct {
	Number             millrace.FragmentNumber `json:"FragmentNumber"`
	Bytes              int64                   `json:"FragmentSizeInBytes"`
	ProducerTimestamp  wire.Timestamp
	ServerTimestamp    wire.Timestamp
	LengthMilliseconds int64 `json:"FragmentLengthInMilliseconds"`
}

// A FragmentPage is one answer of the list.
type FragmentPage struct {
	Fragments []Fragment
	Date      time.Time // the server's clock when it answered, to the second; zero: it did not say
	More      bool      // there is another page
}

// fragmentList is an answer as it comes.
type fragmentList struct {
	Fragments []Fragment
	NextToken string
	date      time.Time
}

func (l *fragmentList) answered(at time.Time) { l.date = at }

// maxEmptyPages is how many pages in a row may have nothing and yet name another:
// the protocol lets a server look on.
const maxEmptyPages = 1000

// errNoFragments is what is made of more.
var errNoFragments = fmt.Errorf("%w: a list that goes on and has nothing", ErrAnswer)

// Fragments walks the fragments of a stream that are kept, in the order of the
// range's clock. It asks for a page at a time. An error ends the walk.
func (c *Client) Fragments(ctx context.Context, name millrace.StreamName, r FragmentRange) iter.Seq2[Fragment, error] {
	return func(yield func(Fragment, error) bool) {
		for page, err := range c.FragmentPages(ctx, name, r) {
			if err != nil {
				yield(Fragment{}, err)
				return
			}
			for _, f := range page.Fragments {
				if !yield(f, nil) {
					return
				}
			}
		}
	}
}

// FragmentPages is Fragments page by page, as they come. Millrace keeps to the
// order of the clock; the protocol promises none, not even between pages.
func (c *Client) FragmentPages(ctx context.Context, name millrace.StreamName, r FragmentRange) iter.Seq2[FragmentPage, error] {
	type selector struct {
		FragmentSelectorType string
		TimestampRange       struct{ StartTimestamp, EndTimestamp wire.Timestamp }
	}
	in := struct {
		StreamName       millrace.StreamName
		FragmentSelector *selector `json:",omitempty"`
		MaxResults       int
		NextToken        string `json:",omitempty"`
	}{StreamName: name, FragmentSelector: &selector{FragmentSelectorType: r.Clock}}
	in.FragmentSelector.TimestampRange.StartTimestamp, in.FragmentSelector.TimestampRange.EndTimestamp = r.Start, r.End
	return func(yield func(FragmentPage, error) bool) {
		in, empty := in, 0
		for left := r.Limit; ; {
			in.MaxResults = maxFragmentsPerPage
			if r.Limit > 0 {
				in.MaxResults = min(left, maxFragmentsPerPage)
			}
			var out fragmentList
			err := c.callData(ctx, name, ListFragments, "/listFragments", in, &out)
			if empty++; len(out.Fragments) > 0 {
				empty = 0
			}
			if err == nil && empty > maxEmptyPages {
				err = errNoFragments
			}
			if err != nil {
				yield(FragmentPage{}, err)
				return
			}
			left -= len(out.Fragments)
			more := out.NextToken != "" && (r.Limit <= 0 || left > 0)
			if !yield(FragmentPage{Fragments: out.Fragments, Date: out.date, More: more}, nil) || !more {
				return
			}
			in.NextToken, in.FragmentSelector = out.NextToken, nil
		}
	}
}
