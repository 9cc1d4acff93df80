package main

import (
	"fmt"
	"io"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/wire"
	"github.com/millrace/millrace/producer"
)

// pushReport is what a push came to.
type pushReport struct {
	Streams     int         `json:"streams"`
	Seconds     float64     `json:"seconds"`
	Fragments   int         `json:"fragments"` // begun
	Persisted   int         `json:"persisted"`
	Rejected    int         `json:"rejected"`
	Dropped     int         `json:"dropped"` // for other reasons
	Resent      int         `json:"resent"`
	Pending     int         `json:"pending"` // not known to be durable; of each stream in Unsent
	Unsent      []unsent    `json:"unsent,omitempty"`
	Bytes       int64       `json:"bytes"` // sent
	Connections int         `json:"connections"`
	Latency     percentiles `json:"latencyMillis"` // from a fragment's end to its last acknowledgement
}

// unsent is what of a stream is not known to be durable.
type unsent struct {
	Stream    string    `json:"stream"`
	Fragments int       `json:"fragments"`
	From      time.Time `json:"from"`
	To        time.Time `json:"to"`
	Spooled   bool      `json:"spooled"` // the next push with the same spool goes on with it
}

// String says what becomes of it.
func (u unsent) String() string {
	text := fmt.Sprintf("%s: not durable: %s; ", u.Stream, spanText(u.Fragments, u.From, u.To))
	if u.Spooled {
		return text + "the spool has all of it, and the next push goes on"
	}
	return text + "given up"
}

func (j *pushing) report(d time.Duration) error {
	r := pushReport{Streams: len(j.uploads), Seconds: d.Round(time.Millisecond).Seconds(), Latency: j.meter.percentiles()}
	for _, u := range j.uploads {
		s := u.Stats()
		r.Fragments += s.Begun
		r.Persisted += s.Persisted
		r.Rejected += s.Rejected
		r.Dropped += s.Dropped
		r.Resent += s.Resent
		r.Pending += s.Pending
		if left := u.Receipt(); left.Unsent > 0 {
			r.Unsent = append(r.Unsent, unsent{u.Name().String(), left.Unsent, left.From, left.To, left.Spooled})
		}
		r.Bytes += s.Sent
		r.Connections += s.Connections
	}
	return j.console.print(r, func(w io.Writer) {
		if r.Streams == 0 {
			fmt.Fprintf(w, "nothing of %s is in the spool %s\n", j.command.Stream, j.command.Spool)
			return
		}
		fmt.Fprintf(w, "%d of %d fragments are %s, %s in %.1f s\n", r.Persisted, r.Fragments, j.fate(), byteText(r.Bytes), r.Seconds)
		if r.Rejected+r.Dropped+r.Resent > 0 {
			fmt.Fprintf(w, "rejected %d, dropped %d, sent again %d\n", r.Rejected, r.Dropped, r.Resent)
		}
		for _, u := range r.Unsent {
			fmt.Fprintln(w, u)
		}
		fmt.Fprintf(w, "acknowledged after the fragment's end: p50 %.1f ms, p99 %.1f ms, p99.9 %.1f ms, max %.1f ms\n",
			r.Latency.P50, r.Latency.P99, r.Latency.P999, r.Latency.Max)
	})
}

// fate is what an acknowledged fragment has come to.
func (j *pushing) fate() string {
	for i := range j.uploads {
		if j.final(i) == millrace.AckReceived {
			return "received (a stream without retention keeps nothing)"
		}
	}
	return "safe"
}

// tell shows an acknowledgement: all of them if that is asked for, else those
// that end a fragment, if there is but one stream.
func (j *pushing) tell(name millrace.StreamName, a producer.Ack) {
	switch {
	case j.command.Acks && j.console.json:
		line := struct {
			Stream string `json:"stream"`
			Ack    string `json:"ack"`
		}{name.String(), string(wire.AppendAck(nil, a.Ack))}
		_ = j.console.print(line, nil) // a closed pipe does not stop a push
	case j.command.Acks:
		fmt.Fprintf(j.console.out, "%s %s", name, wire.AppendAck(nil, a.Ack))
	case a.Type == millrace.AckError:
		j.console.say("%s: %s, fragment at timecode %d", name, a.Name, a.Timecode)
	case a.Type == millrace.AckPersisted && j.command.Copies == 0 && !j.console.terminal:
		j.console.say("persisted %s, %s, %.1f ms after its end", a.Number, byteText(a.Size), millis(a.AfterEnd))
	}
}
