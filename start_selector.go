package millrace

import (
	"fmt"
	"time"
)

// StartType says how a reader chooses its first fragment.
type StartType uint8

// The start types of GetMedia.
const (
	StartNow               StartType = iota // the fragment that is arriving, or the next
	StartEarliest                           // the oldest that is kept
	StartFragmentNumber                     // the first after Number
	StartServerTime                         // the one that contains Time on the server's clock, else the next
	StartProducerTime                       // the same on the producer's clock
	StartContinuationToken                  // the first after the one that carried the token
)

// String returns the protocol's spelling.
func (t StartType) String() string {
	switch t {
	case StartNow:
		return "NOW"
	case StartEarliest:
		return "EARLIEST"
	case StartFragmentNumber:
		return "FRAGMENT_NUMBER"
	case StartServerTime:
		return "SERVER_TIMESTAMP"
	case StartProducerTime:
		return "PRODUCER_TIMESTAMP"
	case StartContinuationToken:
		return "CONTINUATION_TOKEN"
	}
	return fmt.Sprintf("StartType(%d)", uint8(t))
}

// ParseStartType reads the protocol's spelling.
func ParseStartType(s string) (StartType, error) {
	for t := StartNow; t <= StartContinuationToken; t++ {
		if t.String() == s {
			return t, nil
		}
	}
	return 0, fmt.Errorf("start selector type %.40q is not one of NOW, EARLIEST, FRAGMENT_NUMBER, SERVER_TIMESTAMP, PRODUCER_TIMESTAMP, CONTINUATION_TOKEN", s)
}

// A StartSelector says where a reader starts. Only the field that belongs to
// Type is used. A continuation token is the number of the fragment that
// carried it, so StartContinuationToken uses Number as well.
type StartSelector struct {
	Type   StartType
	Number FragmentNumber
	Time   time.Time
}
