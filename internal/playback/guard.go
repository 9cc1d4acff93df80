package playback

import (
	"fmt"
	"runtime/debug"
)

// guarded returns work that ends with an error where it would panic. A panic in the
// goroutine of a request ends the request; in one that was begun for it, where this
// is for, it would end the server, and with it all producers.
func guarded(work func() error) func() error {
	return func() (err error) {
		defer func() {
			if p := recover(); p != nil {
				err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
			}
		}()
		return work()
	}
}
