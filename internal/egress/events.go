package egress

import "time"

// Events are called when something happens in one response; Request has them.
// They may be nil. They are called by the goroutine that runs the Delivery, and
// must not block.
type Events struct {
	Delivered func(Delivered)   // a fragment went out whole
	Written   func(bytes int64) // of the response, told at each fragment's end and at the response's
}

// A Delivered is a fragment that went out whole.
type Delivered struct {
	Frames int
	Behind time.Duration // from its server time until its end went out; at least 0
}

func (v Events) withDefaults() Events {
	if v.Delivered == nil {
		v.Delivered = func(Delivered) {}
	}
	if v.Written == nil {
		v.Written = func(int64) {}
	}
	return v
}
