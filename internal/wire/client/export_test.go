package client

import "time"

// Wall makes the machine's wall clock be off by what ahead returns. The clock
// that never steps stays as it is.
func (c *Client) Wall(ahead func() time.Duration) {
	c.clock = func() moment {
		now := time.Now()
		return moment{wall: now.Add(ahead()), up: now.Sub(c.start)}
	}
}
