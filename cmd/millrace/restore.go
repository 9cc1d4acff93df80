package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/millrace/millrace/internal/upkeep"
)

type restoreCommand struct {
	Source string    `arg:"" help:"Directory of the backup."`
	Data   string    `help:"Data directory to put it into: empty, or not there yet." required:"" placeholder:"DIR"`
	Rate   sizeValue `help:"Read no faster than this, per second, such as 50M." placeholder:"SIZE"`
}

// Help is what the long help says.
func (restoreCommand) Help() string {
	return "Puts a backup into an empty data directory, checks every byte of it, and leaves the index to the first start. Until all is there, no server starts on the directory."
}

// Run puts the backup back.
func (r restoreCommand) Run(ctx context.Context, c *console) error {
	var m *upkeep.Manifest
	err := metered(c, "restored", func(meter *upkeep.Progress) (err error) {
		m, err = upkeep.RestoreTo(ctx, r.Source, r.Data, int64(r.Rate), meter)
		return err
	})
	if err != nil {
		return brokenOff(ctx, fmt.Errorf("restore: %w", err))
	}
	result := struct {
		Data  string `json:"data"`
		Files int    `json:"files"`
		Bytes int64  `json:"bytes"`
		Began string `json:"began"`
	}{r.Data, len(m.Files), m.Bytes(), stamp(m.Began)}
	return c.print(result, func(w io.Writer) {
		fmt.Fprintf(w, "%s\t%d files, %s, as of %s\n", r.Data, result.Files, byteText(result.Bytes), result.Began)
		c.say("Start it with: millrace server --data %s", r.Data)
	})
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
