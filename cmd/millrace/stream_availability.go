package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/wire/client"
)

type streamAvailability struct {
	Name    streamName `arg:"" help:"Name of the stream."`
	From    moment     `help:"Where to begin: RFC 3339, a local time such as '2026-11-22 12:00', or '10m ago' (1d ago)." default:"1d ago" placeholder:"T"`
	To      moment     `help:"Where to end, as --from, or now (now)." default:"now" placeholder:"T"`
	Clock   string     `help:"Whose time --from and --to mean: producer or server (producer)." enum:"producer,server" default:"producer"`
	Buckets int        `help:"How many parts to look at (72)." default:"72" placeholder:"N"`
	access
}

// Help is what the long help says.
func (streamAvailability) Help() string {
	return "Draws which parts of a range have media: # for all of a part, = for half and more, - for less, . for nothing. Below are the gaps of more than a second."
}

// An availableInfo says what there is in a part of a range, in JSON.
type availableInfo struct {
	From         time.Time `json:"from"`
	To           time.Time `json:"to"`
	Milliseconds int64     `json:"coveredMilliseconds"`
	Fragments    int64     `json:"fragments"`
	Bytes        int64     `json:"bytes"`
	FrameRate    float64   `json:"frameRate,omitempty"`
}

// An intervalInfo is a time from one moment to another in JSON.
type intervalInfo struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

// An availabilityInfo is the whole answer in JSON.
type availabilityInfo struct {
	Clock string `json:"clock"`
	availableInfo
	Buckets   []availableInfo `json:"buckets"`
	Intervals []intervalInfo  `json:"intervals"`
	Gaps      []intervalInfo  `json:"gaps"`
	Shorter   int             `json:"shorterGaps"`
}

// Run asks and draws.
func (s streamAvailability) Run(ctx context.Context, c *console) error {
	now := time.Now()
	r := client.AvailabilityRange{From: s.From.at(now), To: s.To.at(now), Clock: s.Clock, Buckets: s.Buckets}
	switch {
	case s.From.earliest || s.To.earliest:
		return usagef("stream availability", "--from and --to need times: nothing says how far back to look")
	case !r.From.Before(r.To):
		return usagef("stream availability", "--to is not behind --from")
	case s.Buckets < 1:
		return usagef("stream availability", "--buckets %d is less than 1", s.Buckets)
	}
	conn, err := s.control(c)
	if err != nil {
		return err
	}
	v, err := conn.Availability(ctx, s.Name.name(), r)
	if err != nil {
		return fmt.Errorf("availability of stream %s: %w", s.Name, advise(err, millrace.CodeNoRetention, keepFirst(s.Name)))
	}
	return c.print(infoOfAvailability(v), func(w io.Writer) { drawAvailability(w, v) })
}

func infoOfAvailability(v client.Availability) availabilityInfo {
	i := availabilityInfo{
		Clock: v.Clock, availableInfo: infoOfAvailable(v.Whole), Shorter: v.Shorter,
		Buckets: []availableInfo{}, Intervals: infoOfIntervals(v.Intervals), Gaps: infoOfIntervals(v.Gaps),
	}
	for _, b := range v.Buckets {
		i.Buckets = append(i.Buckets, infoOfAvailable(b))
	}
	return i
}

func infoOfAvailable(a client.Available) availableInfo {
	return availableInfo{
		From: a.Start.Time, To: a.End.Time, Milliseconds: a.Covered, Fragments: a.Fragments, Bytes: a.Bytes, FrameRate: a.Frames,
	}
}

func infoOfIntervals(list []client.Interval) []intervalInfo {
	out := []intervalInfo{}
	for _, i := range list {
		out = append(out, intervalInfo{i.Start.Time, i.End.Time})
	}
	return out
}

// drawAvailability writes a line that is a picture of the range, its sums, and
// the gaps.
func drawAvailability(w io.Writer, v client.Availability) {
	var picture strings.Builder
	for _, b := range v.Buckets {
		picture.WriteByte(shadeOf(b))
	}
	whole := v.Whole
	length := whole.End.Sub(whole.Start.Time)
	fmt.Fprintf(w, "%s  %s  %s\n", spell(whole.Start), &picture, spell(whole.End))
	fmt.Fprintf(w, "%s of %s, %d fragments, %s", time.Duration(whole.Covered)*time.Millisecond, length, whole.Fragments, byteText(whole.Bytes))
	if whole.Frames > 0 {
		fmt.Fprintf(w, ", %.3g frames/s", whole.Frames)
	}
	fmt.Fprintln(w)
	for _, g := range v.Gaps {
		fmt.Fprintf(w, "gap  %s  %s  %s\n", spell(g.Start), spell(g.End), g.End.Sub(g.Start.Time))
	}
	if v.Shorter > 0 {
		fmt.Fprintf(w, "and %d shorter gaps\n", v.Shorter)
	}
}

// shadeOf is how a part looks in the picture.
func shadeOf(b client.Available) byte {
	length := b.End.Sub(b.Start.Time).Milliseconds()
	switch {
	case b.Covered <= 0:
		return '.'
	case 2*b.Covered < length:
		return '-'
	case b.Covered < length:
		return '='
	}
	return '#'
}
