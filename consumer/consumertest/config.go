package consumertest

import (
	"time"

	"github.com/millrace/millrace"
)

// Defaults of a Config.
const (
	DefaultRetention = 24 * time.Hour
	DefaultIdle      = 30 * time.Second
	DefaultPage      = 100 // entries of a list
)

// A Config says what a Server is. The zero Config is a server on loopback whose
// streams are made when they are first named.
type Config struct {
	// Pipes puts the server on connections in memory; Dial and HTTPClient reach it.
	Pipes bool
	// Streams are the streams that are there. With none, every stream that is
	// asked for is there.
	Streams []millrace.StreamName
	// Idle is how long a getMedia response waits for the next fragment before it is
	// ended in good order; 0 is DefaultIdle, less than 0 is for ever.
	Idle time.Duration
	// Page is the most entries that a page of a list has; 0 is DefaultPage, and
	// then what the caller asks for.
	Page int
	// Exact has a getMedia call that names a fragment which is not kept answered
	// with the error document 4000, as AWS may, also where fragments behind it are.
	Exact bool
	// Expired has a getMedia call answered with the error document 4000 when
	// fragments behind its position are gone already. Else it gets the oldest.
	Expired bool
	// Unsigned lets requests come without a signature.
	Unsigned bool
	// Keys are those that requests may be signed with. With none, a signature has
	// to be there and is not looked at.
	Keys []Key
	// ClockOffset is how far the server's clock is ahead of time.Now.
	ClockOffset time.Duration
	// DataEndpoint is what getDataEndpoint answers, for a Server that is used as
	// an http.Handler; empty is the host of the request.
	DataEndpoint string

	// Steps are for the first calls of GetMedia and GetMediaForFragmentList, in order.
	Steps map[Operation][]Step
	// After is for all later ones.
	After Step
	// Answers are for the first calls of the other operations, in order. Later ones
	// are answered as they should be.
	Answers map[Operation][]Answer
}

// A Key is what requests may be signed with.
type Key struct {
	millrace.Credentials
	Expires time.Time // zero is never; a response that goes on is not ended by it
}

// An Operation is a call that consumers make.
type Operation string

// The operations that a Server knows.
const (
	GetMedia                Operation = "getMedia"
	GetMediaForFragmentList Operation = "getMediaForFragmentList"
	ListFragments           Operation = "listFragments"
	GetDataEndpoint         Operation = "getDataEndpoint"
	DescribeStream          Operation = "describeStream"
	ListStreams             Operation = "listStreams"
	ListTagsForStream       Operation = "listTagsForStream"
)

// carriesMedia reports whether the answer is documents.
func (o Operation) carriesMedia() bool { return o == GetMedia || o == GetMediaForFragmentList }

// A Host is one of the two addresses of a Server.
type Host uint8

// The hosts.
const (
	Control Host = iota // describeStream and its like
	Data                // media and lists
)

// A Network is how a server can be reached.
type Network uint8

// The networks.
const (
	Up     Network = iota // it answers
	Down                  // connections are refused, at the latest when they are made
	Silent                // connections are made, and nothing is ever answered
)
