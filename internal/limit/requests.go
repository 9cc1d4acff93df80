package limit

import (
	"sync"
	"time"

	"github.com/millrace/millrace"
)

// A Rate bounds the requests of one operation, in requests a second. As many as
// in one second may come at once. 0 is no bound.
type Rate struct {
	Account  int // of the whole account
	Resource int // for each stream, channel or session that is asked about
}

// Requests holds operations to their rates. Any number of goroutines may use
// it; a nil *Requests admits everything.
type Requests struct {
	rates map[string]Rate
	now   func() time.Time

	mu        sync.Mutex // guards what follows
	accounts  buckets
	resources buckets
}

// NewRequests returns Requests to which nothing has come. rates is by the names
// of operations, and must not be changed any more; what it does not name has no
// bound. Without rates the result is nil.
func NewRequests(rates map[string]Rate, now func() time.Time) *Requests {
	if len(rates) == 0 {
		return nil
	}
	return &Requests{rates: rates, now: now, accounts: newBuckets(), resources: newBuckets()}
}

// Admit counts a request on a resource, which is empty where the operation is
// about none. One that is too many is CodeRateLimit, in the service's words, and
// does not count (L1). The account comes first: what it may not do leaves no
// trace at the resource, whose name may be made up.
func (r *Requests) Admit(operation, account, resource string) error {
	if r == nil {
		return nil
	}
	rate := r.rates[operation]
	if rate == (Rate{}) {
		return nil
	}
	now := r.now()
	r.mu.Lock()
	defer r.mu.Unlock()
	var used []*bucket
	for _, b := range []struct {
		in   buckets
		rate int
		name string
	}{{r.accounts, rate.Account, account}, {r.resources, rate.Resource, resource}} {
		if b.rate == 0 || b.name == "" {
			continue
		}
		of := b.in.of(holder{operation, b.name}, float64(b.rate), now)
		if !of.affords(1) {
			return errTooMany("requests", operation, b.name)
		}
		used = append(used, of)
	}
	for _, b := range used {
		b.use(1)
	}
	return nil
}

func errTooMany(what, operation, resource string) error {
	return millrace.Errorf(millrace.CodeRateLimit, "Limit exceeded on number of %s for %s API for resource '%s'", what, operation, resource)
}
