package client

import (
	"context"
	"iter"

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

// Fragments walks the fragments of a stream that are kept, in the order of the
// range's clock. It asks for a page at a time. An error ends the walk.
func (c *Client) Fragments(ctx context.Context, name millrace.StreamName, r FragmentRange) iter.Seq2[Fragment, error] {
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
	return func(yield func(Fragment, error) bool) {
		for left := r.Limit; ; {
			in.MaxResults = maxFragmentsPerPage
			if r.Limit > 0 {
				in.MaxResults = min(left, maxFragmentsPerPage)
			}
			var out struct {
				Fragments []Fragment
				NextToken string
			}
			if err := c.callData(ctx, name, ListFragments, "/listFragments", in, &out); err != nil {
				yield(Fragment{}, err)
				return
			}
			for _, f := range out.Fragments {
				if !yield(f, nil) {
					return
				}
			}
			left -= len(out.Fragments)
			if out.NextToken == "" || r.Limit > 0 && left <= 0 {
				return
			}
			in.NextToken, in.FragmentSelector = out.NextToken, nil
		}
	}
}
