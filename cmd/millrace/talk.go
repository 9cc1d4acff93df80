package main

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/millrace/millrace/consumer"
)

// talkOf says on the console what happens to a reader besides the media. A reader
// waits for a server that is away; but who has mistyped an address wants to know,
// so end gets the error if not even the first connection can be made.
func talkOf(c *console, end context.CancelCauseFunc) consumer.Events {
	connected := false
	return consumer.Events{
		Connected: func(consumer.Connection) { connected = true },
		Disconnected: func(err error, wait time.Duration) {
			switch {
			case !connected:
				end(err)
			case !errors.Is(err, io.EOF):
				c.say("connection lost (%v); again in %v", err, wait.Round(time.Millisecond))
			}
		},
		Failed: func(err *consumer.FragmentError) { c.say("%v", err) },
		Expired: func(e consumer.Expired) {
			c.say("what was kept from %s on has expired", e.From.Local().Format(momentLayout))
		},
		Damaged: func(d consumer.Damage) {
			c.say("%d bytes at %d could not be read: %v", d.Skipped, d.Offset, d.Err)
		},
	}
}
