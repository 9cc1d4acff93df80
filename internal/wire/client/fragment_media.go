package client

import (
	"context"
	"io"
	"time"

	"github.com/millrace/millrace"
)

// GetMediaForFragmentList is the name under which DataEndpoint knows that call.
const GetMediaForFragmentList = "GET_MEDIA_FOR_FRAGMENT_LIST"

// MaxFragmentsInList is how many fragments the protocol lets one call ask for.
const MaxFragmentsInList = 1000

// OpenFragments calls GetMediaForFragmentList and returns the response's body,
// which has the fragments in the order of numbers, and the server's time. It is
// tried once, and forgets the endpoint if that failed. What the server finds out
// when it has begun, such as that a fragment is not there, stands in the body.
func (c *Client) OpenFragments(ctx context.Context, stream millrace.StreamName, numbers []millrace.FragmentNumber) (io.ReadCloser, time.Time, error) {
	return c.openBody(ctx, stream, GetMediaForFragmentList, "/getMediaForFragmentList", struct {
		StreamName millrace.StreamName
		Fragments  []millrace.FragmentNumber
	}{stream, numbers})
}
