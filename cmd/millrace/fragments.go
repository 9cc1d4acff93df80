package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/millrace/millrace/internal/wire"
	"github.com/millrace/millrace/internal/wire/client"
)

type fragmentsCommand struct {
	Stream streamName `arg:"" help:"Name of the stream."`
	From   moment     `help:"Where to begin: RFC 3339, a local time such as '2026-11-22 12:00', '10m ago' or earliest; without it, at the beginning." placeholder:"T"`
	To     moment     `help:"Where to end, as --from, or now; without it, at the end." placeholder:"T"`
	Clock  string     `help:"Whose time --from and --to mean, and the order: server or producer (server)." enum:"server,producer" default:"server"`
	Limit  int        `help:"At most so many." placeholder:"N"`
	access
}

// Help is what the long help says.
func (fragmentsCommand) Help() string {
	return "Lists the fragments that begin between --from and --to and are kept: number, when it came to the server, when it was made, length and size."
}

// A fragmentInfo is a fragment in JSON.
type fragmentInfo struct {
	Number       string    `json:"fragmentNumber"`
	ServerTime   time.Time `json:"serverTime"`
	ProducerTime time.Time `json:"producerTime"`
	Milliseconds int64     `json:"milliseconds"`
	Bytes        int64     `json:"bytes"`
}

// latestThereIs is behind all media, by any clock.
const latestThereIs = 253402300799 // the year 9999, in seconds of Unix time

// fragmentsAtOnce is how many lines are written together.
const fragmentsAtOnce = 1000

// Run lists them, as they are found: there may be millions.
func (f fragmentsCommand) Run(ctx context.Context, c *console) error {
	r, err := f.span(time.Now())
	if err != nil {
		return err
	}
	conn, err := f.control(c)
	if err != nil {
		return err
	}
	var page []fragmentInfo
	var total fragmentTotal
	for one, err := range conn.Fragments(ctx, f.Stream.name(), r) {
		if err != nil {
			return fmt.Errorf("list fragments of stream %s: %w", f.Stream, err)
		}
		total.add(one)
		if page = append(page, infoOfFragment(one)); len(page) == fragmentsAtOnce {
			if err := printList(c, page, fragmentInfo.line); err != nil {
				return err
			}
			page = page[:0]
		}
	}
	if err := printList(c, page, fragmentInfo.line); err != nil {
		return err
	}
	c.say("%s", total)
	return nil
}

func (f fragmentsCommand) span(now time.Time) (client.FragmentRange, error) {
	r := client.FragmentRange{
		Clock: client.ServerTimestamp, Limit: f.Limit,
		Start: wire.Timestamp{Time: time.Unix(0, 0)}, End: wire.Timestamp{Time: time.Unix(latestThereIs, 0)},
	}
	if f.Clock == "producer" {
		r.Clock = client.ProducerTimestamp
	}
	if f.From.set && !f.From.earliest {
		r.Start.Time = f.From.at(now)
	}
	if f.To.set {
		r.End.Time = f.To.at(now)
	}
	switch {
	case f.Limit < 0:
		return r, usagef("fragments", "--limit %d is less than 0", f.Limit)
	case f.To.earliest:
		return r, usagef("fragments", "nothing is before the earliest: --to says where to end")
	case r.End.Before(r.Start.Time):
		return r, usagef("fragments", "--from %s is behind --to %s", spell(r.Start), spell(r.End))
	}
	return r, nil
}

func infoOfFragment(f client.Fragment) fragmentInfo {
	return fragmentInfo{
		Number: f.Number.String(), ServerTime: f.ServerTimestamp.Time, ProducerTime: f.ProducerTimestamp.Time,
		Milliseconds: f.LengthMilliseconds, Bytes: f.Bytes,
	}
}

// line writes a fragment for people.
func (f fragmentInfo) line(w io.Writer) {
	fmt.Fprintf(w, "%s\t%s\t%s\t%.3f s\t%s\n", f.Number, f.ServerTime.Local().Format(momentLayout), f.ProducerTime.Local().Format(momentLayout),
		float64(f.Milliseconds)/1000, byteText(f.Bytes))
}

// A fragmentTotal is the sum of a list.
type fragmentTotal struct {
	count, bytes int64
	length       time.Duration
}

func (t *fragmentTotal) add(f client.Fragment) {
	t.count++
	t.bytes += f.Bytes
	t.length += time.Duration(f.LengthMilliseconds) * time.Millisecond
}

// String is the line below a list.
func (t fragmentTotal) String() string {
	switch t.count {
	case 0:
		return "No fragments."
	case 1:
		return fmt.Sprintf("1 fragment, %s, %s", t.length, byteText(t.bytes))
	}
	return fmt.Sprintf("%d fragments, %s, %s", t.count, t.length, byteText(t.bytes))
}
