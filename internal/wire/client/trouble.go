package client

import (
	"time"

	"github.com/millrace/millrace"
)

// A Trouble is told of once when something that is kept could not be renewed,
// and once more when it could: credentials, or the endpoint of a stream.
type Trouble struct {
	Stream millrace.StreamName // whose endpoint; empty: credentials
	Err    error               // why; nil: that is over
	Until  time.Time           // how long what there is is good; zero: there is nothing
}
