package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/millrace/millrace/internal/wire"
	"github.com/millrace/millrace/internal/wire/client"
)

type clockCommand struct {
	Show   clockShow   `cmd:"" help:"Show a server's time and how it stands to the machine's clock."`
	Accept clockAccept `cmd:"" help:"Say that the machine's clock is right, after looking at it."`
}

// clockInfo is the server's time in JSON.
type clockInfo struct {
	Server      time.Time `json:"server"`
	Wall        time.Time `json:"wall"`
	Expiry      time.Time `json:"expiry"`
	State       string    `json:"state"`
	Difference  float64   `json:"differenceSeconds"`
	Hold        int64     `json:"holdSeconds,omitempty"`
	Quarantine  int64     `json:"quarantineSeconds,omitempty"`
	Steps       int       `json:"steps"`
	Followed    int       `json:"stepsFollowed"`
	WouldChange bool      `json:"acceptWouldChange"`
}

func clockInfoOf(k client.Clock) clockInfo {
	return clockInfo{
		Server: k.ServerTime.Time, Wall: k.WallTime.Time, Expiry: k.ExpiryTime.Time, State: k.State,
		Difference: float64(k.Difference) / 1000, Hold: k.Hold, Quarantine: k.Quarantine,
		Steps: k.Steps, Followed: k.Followed, WouldChange: k.WouldChange,
	}
}

func printClock(c *console, k client.Clock) error {
	return c.print(clockInfoOf(k), func(w io.Writer) {
		line := func(name string, t wire.Timestamp, note string) {
			fmt.Fprintf(w, "%s\t%s%s\n", name, t.Format("2006-01-02T15:04:05.000Z07:00"), note)
		}
		line("server time", k.ServerTime, "")
		line("wall clock", k.WallTime, difference(k))
		line("expiry", k.ExpiryTime, "")
		fmt.Fprintf(w, "state\t%s\n", k.State)
	})
}

// difference tells how the wall clock stands to the server's time.
func difference(k client.Clock) string {
	d := (time.Duration(k.Difference) * time.Millisecond).Round(time.Second)
	switch {
	case d > 0:
		return fmt.Sprintf(" (%v ahead)", d)
	case d < 0:
		return fmt.Sprintf(" (%v behind)", -d)
	}
	return ""
}

// explainClock says what it means, and what can be done.
func explainClock(c *console, k client.Clock) {
	switch k.State {
	case "AHEAD":
		c.say("The wall clock has stepped forward. It is followed in %ds if it stays there, or at once if it is accepted.", k.Hold)
	case "BEHIND":
		c.say("The wall clock has stepped backward, and is not followed. If it is right, accept it: the server's time then runs at half speed until the wall clock has caught up.")
	case "CATCHING_UP":
		c.say("The server's time runs at half speed until the wall clock has caught up.")
	}
	if k.Quarantine > 0 {
		left := (time.Duration(k.Quarantine) * time.Second).Round(time.Minute)
		c.say("The server's time has leapt. Media expire as if it had not, for another %v in which the wall clock agrees, or until it is accepted.", left)
	}
	if k.WouldChange {
		c.say("If the wall clock is right: millrace clock accept")
	}
}

type clockShow struct {
	access
}

// Run shows the server's time.
func (s clockShow) Run(ctx context.Context, c *console) error {
	conn, err := s.control(c)
	if err != nil {
		return err
	}
	k, err := conn.DescribeClock(ctx)
	if err != nil {
		return fmt.Errorf("describe clock: %w", err)
	}
	explainClock(c, k)
	return printClock(c, k)
}

type clockAccept struct {
	access
}

// Run accepts the wall clock as it is found now.
func (s clockAccept) Run(ctx context.Context, c *console) error {
	conn, err := s.control(c)
	if err != nil {
		return err
	}
	k, err := conn.DescribeClock(ctx)
	if err != nil {
		return fmt.Errorf("describe clock: %w", err)
	}
	if !k.WouldChange {
		c.say("There is nothing to accept.")
		return printClock(c, k)
	}
	if k, err = conn.AcceptClock(ctx, time.Duration(k.Difference)*time.Millisecond); err != nil {
		return fmt.Errorf("accept clock: %w", err)
	}
	explainClock(c, k)
	return printClock(c, k)
}
