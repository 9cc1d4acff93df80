package client

import (
	"context"
	"time"

	"github.com/millrace/millrace/internal/wire"
)

// A Clock is what DescribeClock tells of a server's time.
type Clock struct {
	ServerTime  wire.Timestamp
	WallTime    wire.Timestamp
	ExpiryTime  wire.Timestamp // by which media expire
	State       string         // IN_STEP, AHEAD, BEHIND or CATCHING_UP
	Difference  int64          `json:"DifferenceInMillis"`    // wall clock less server time
	Hold        int64          `json:"HoldInSeconds"`         // until a step forward is followed
	Quarantine  int64          `json:"QuarantineInSeconds"`   // until expiry follows a leap, if the wall clock agrees
	Steps       int            `json:"StepsSeen"`             // of the wall clock, since the server's start
	Followed    int            `json:"ForwardStepsFollowed"`  // of these
	WouldChange bool           `json:"AcceptanceWouldChange"` // there is something to accept
}

// DescribeClock returns how the server's time stands. It is Millrace's own.
func (c *Client) DescribeClock(ctx context.Context) (Clock, error) {
	var out Clock
	err := c.call(ctx, "/millrace/v1/describeClock", struct{}{}, &out)
	return out, err
}

// AcceptClock says that the server's wall clock is right, which was seen to be
// ahead of the server's time by difference, or behind it. A difference that is
// another one by now is an error with CodeVersionMismatch.
func (c *Client) AcceptClock(ctx context.Context, difference time.Duration) (Clock, error) {
	in := struct {
		Difference int64 `json:"DifferenceInMillis"`
	}{difference.Milliseconds()}
	var out Clock
	err := c.call(ctx, "/millrace/v1/acceptClock", in, &out)
	return out, err
}
