package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/millrace/millrace/internal/wire/client"
)

type streamDeletions struct {
	Name streamName `arg:"" optional:"" help:"Name of the stream, also of one that has gone; all streams without it."`
	access
}

// A deletionInfo is the record of a deletion in JSON.
type deletionInfo struct {
	ID     uint64    `json:"id"`
	Stream string    `json:"stream"`
	Clock  string    `json:"clock"`
	From   time.Time `json:"from"`
	To     time.Time `json:"to"`
	Last   string    `json:"lastFragmentNumber"`
	At     time.Time `json:"at"`
	By     string    `json:"by"`
	Reason string    `json:"reason,omitempty"`
}

// Run lists the records; as JSON one line for each.
func (s streamDeletions) Run(ctx context.Context, c *console) error {
	conn, err := s.control(c)
	if err != nil {
		return err
	}
	var all []client.Deletion
	for d, err := range conn.Deletions(ctx, s.Name.name()) {
		if err != nil {
			return fmt.Errorf("list deletions: %w", err)
		}
		all = append(all, d)
	}
	if len(all) == 0 {
		c.say("Nothing was deleted.")
	}
	if !c.json {
		return c.print(nil, func(w io.Writer) {
			for _, d := range all {
				fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\t%s time\tby %s\t%s\n",
					d.ID, spell(d.RequestTimestamp), d.StreamName, spell(d.StartTimestamp), spell(d.EndTimestamp), clockOf(d), d.AccessKeyID, visible(d.Reason))
			}
		})
	}
	for _, d := range all {
		if err := c.print(infoOfDeletion(d), nil); err != nil {
			return err
		}
	}
	return nil
}

func infoOfDeletion(d client.Deletion) deletionInfo {
	return deletionInfo{
		ID: d.ID, Stream: d.StreamName.String(), Clock: clockOf(d), From: d.StartTimestamp.Time, To: d.EndTimestamp.Time,
		Last: d.LastFragmentNumber, At: d.RequestTimestamp.Time, By: d.AccessKeyID, Reason: d.Reason,
	}
}

func clockOf(d client.Deletion) string {
	if d.TimestampType == client.ProducerTimestamp {
		return "producer"
	}
	return "server"
}
