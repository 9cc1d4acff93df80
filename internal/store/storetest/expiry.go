package storetest

import (
	"time"

	"github.com/millrace/millrace/internal/store"
)

// ExpiryAt is how things expire at a time by a clock that never leapt.
func ExpiryAt(now time.Time) store.Expiry {
	return func(retention time.Duration) time.Time { return now.Add(-retention) }
}
