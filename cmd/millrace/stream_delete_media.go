package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/millrace/millrace/internal/wire"
	"github.com/millrace/millrace/internal/wire/client"
)

type streamDeleteMedia struct {
	Name         streamName `arg:"" help:"Name of the stream."`
	From         moment     `required:"" help:"Where to begin: RFC 3339, a local time such as '2026-11-22 12:00', '10m ago' or earliest." placeholder:"T"`
	To           moment     `required:"" help:"Where to end: as --from, or now." placeholder:"T"`
	ProducerTime bool       `help:"Let --from and --to mean the producer's time, and not the server's."`
	Reason       string     `help:"Why, for the record." placeholder:"TEXT"`
	confirmation
	access
}

// Help is what the long help says.
func (streamDeleteMedia) Help() string {
	return "Whole fragments are deleted: those that begin at --from or later, and before --to, and that have begun to arrive by now. " +
		"Nobody can read them from then on, and nothing brings them back but a backup. " +
		"Who did it, when and why stays on record: millrace stream deletions."
}

// earliestThereIs is before all media, by any clock.
const earliestThereIs = -62135596800 // the year 1, in seconds of Unix time

// Run deletes the range, once that was confirmed.
func (s streamDeleteMedia) Run(ctx context.Context, c *console) error {
	r, err := s.span(time.Now())
	if err != nil {
		return err
	}
	conn, err := s.control(c)
	if err != nil {
		return err
	}
	if _, err := conn.DescribeStream(ctx, r.StreamName); err != nil {
		return fmt.Errorf("delete media of stream %s: %w", s.Name, err)
	}
	if err := s.confirm(c, "stream delete-media", s.question(r)); err != nil {
		return err
	}
	gone, err := conn.DeleteMedia(ctx, r)
	if err != nil {
		return fmt.Errorf("delete media of stream %s: %w", s.Name, err)
	}
	result := map[string]any{"deletionId": gone.ID, "fragments": gone.Fragments, "bytes": gone.Bytes}
	return c.print(result, func(w io.Writer) {
		fmt.Fprintf(w, "deleted %d fragments, %s; record %d\n", gone.Fragments, byteText(gone.Bytes), gone.ID)
	})
}

func (s streamDeleteMedia) span(now time.Time) (client.MediaRange, error) {
	r := client.MediaRange{StreamName: s.Name.name(), TimestampType: client.ServerTimestamp, Reason: s.Reason}
	if s.ProducerTime {
		r.TimestampType = client.ProducerTimestamp
	}
	if s.To.earliest {
		return r, usagef("stream delete-media", "nothing is before the earliest: --to says where to end")
	}
	r.StartTimestamp.Time, r.EndTimestamp.Time = s.From.at(now), s.To.at(now)
	if s.From.earliest {
		r.StartTimestamp.Time = time.Unix(earliestThereIs, 0)
	}
	if !r.StartTimestamp.Before(r.EndTimestamp.Time) {
		return r, usagef("stream delete-media", "--from %s is not before --to %s", spell(r.StartTimestamp), spell(r.EndTimestamp))
	}
	return r, nil
}

// question says what would go.
func (s streamDeleteMedia) question(r client.MediaRange) string {
	from := spell(r.StartTimestamp)
	if s.From.earliest {
		from = "the beginning"
	}
	whose := "server"
	if s.ProducerTime {
		whose = "producer"
	}
	return fmt.Sprintf("Delete the media of stream %s from %s to %s (%s time) for good?", s.Name, from, spell(r.EndTimestamp), whose)
}

// spell writes a time for people.
func spell(t wire.Timestamp) string {
	if t.Unix() == earliestThereIs {
		return "the beginning"
	}
	return t.Local().Format("2006-01-02T15:04:05.999Z07:00")
}
