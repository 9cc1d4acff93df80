package producertest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/wire"
)

// A HeadFault is a rule that the head of a PutMedia request has broken.
type HeadFault struct {
	Rule string // one of HeadRules
	Why  string // for people
}

// HeadRules returns the names of the rules by which the head of each PutMedia
// request is judged, see Config.Strict. They are stricter than any server is
// known to be: a head that keeps them leaves no server room to read it in another
// way.
func HeadRules() []string {
	var names []string
	for _, r := range headRules() {
		names = append(names, r.name)
	}
	return names
}

// A headRule finds out whether a head breaks it, and how; empty is not.
type headRule struct {
	name   string
	broken func(*head) string
}

func headRules() []headRule {
	return []headRule{
		{"lines of HTTP", func(h *head) string { return h.odd }},
		{"request line", (*head).oddLine},
		{"no header twice", (*head).twice},
		{"host", (*head).oddHost},
		{"chunked body", (*head).oddFraming},
		{"no coding of the body", func(h *head) string { return h.absentOr("Content-Encoding") }},
		{"no coding of the answer", func(h *head) string { return h.absentOr("Accept-Encoding", "identity") }},
		{"no other protocol", (*head).oddProtocol},
		{"expect", func(h *head) string { return h.absentOr("Expect", "100-continue") }},
		{"user agent", (*head).oddAgent},
		{"name or ARN", (*head).oddStream},
		{"stream name", (*head).oddName},
		{"stream ARN", (*head).oddARN},
		{"timecode type", (*head).oddTimecode},
		{"start timestamp", (*head).oddStart},
		{"acknowledgments", func(h *head) string { return h.absentOr(wire.HeaderAckRequired, "0", "1") }},
		{"producer", (*head).oddProducer},
		{"authorization", (*head).oddAuthorization},
		{"scope", (*head).oddScope},
		{"date", (*head).oddDate},
		{"clock", (*head).oddClock},
		{"list of signed headers", (*head).oddList},
		{"what must be signed", (*head).unsigned},
		{"payload", (*head).oddPayload},
		{"token", (*head).oddToken},
		{"signature", (*head).oddSignature},
	}
}

// faults returns every rule that the head breaks.
func (h *head) faults() []HeadFault {
	var all []HeadFault
	for _, r := range headRules() {
		if why := r.broken(h); why != "" {
			all = append(all, HeadFault{r.name, why})
		}
	}
	return all
}

func (h *head) oddLine() string {
	if h.line != "POST /putMedia HTTP/1.1" {
		return "the request line is " + quote(h.line)
	}
	return ""
}

func (h *head) twice() string {
	for _, f := range h.fields {
		if n := len(h.values(f.name)); n > 1 {
			return fmt.Sprintf("%s is there %d times", f.name, n)
		}
	}
	return ""
}

func (h *head) oddHost() string {
	got, ok := h.value("Host")
	if !ok || !slices.Contains(h.hosts, got) {
		return "the host is " + quote(got) + ", and not one of " + strings.Join(h.hosts, ", ")
	}
	return ""
}

// oddFraming judges how the body's end is told: nobody knows its length.
func (h *head) oddFraming() string {
	if got, _ := h.value("Transfer-Encoding"); got != "chunked" {
		return "Transfer-Encoding is " + quote(got)
	}
	return h.absentOr("Content-Length")
}

func (h *head) oddProtocol() string {
	for _, name := range []string{"Upgrade", "TE", "Trailer", "HTTP2-Settings", "Proxy-Connection"} {
		if why := h.absentOr(name); why != "" {
			return why
		}
	}
	return h.absentOr("Connection", "keep-alive")
}

func (h *head) oddAgent() string {
	if got, _ := h.value("User-Agent"); got == "" || strings.HasPrefix(got, "Go-http-client") {
		return "the user agent is " + quote(got)
	}
	return ""
}

func (h *head) oddStream() string {
	_, name := h.value(wire.HeaderStreamName)
	_, arn := h.value(wire.HeaderStreamARN)
	switch {
	case name && arn:
		return "both are there"
	case !name && !arn:
		return "neither is there"
	}
	return ""
}

func (h *head) oddName() string {
	got, ok := h.value(wire.HeaderStreamName)
	const allowed = "_.-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	if ok && (got == "" || len(got) > 256 || strings.Trim(got, allowed) != "") {
		return "the name is " + quote(got)
	}
	return ""
}

func (h *head) oddARN() string {
	got, ok := h.value(wire.HeaderStreamARN)
	if _, err := millrace.ParseStreamARN(got); ok && err != nil {
		return err.Error()
	}
	return ""
}

func (h *head) oddTimecode() string {
	if got, _ := h.value(wire.HeaderTimecodeType); got != "ABSOLUTE" && got != "RELATIVE" {
		return "the type is " + quote(got)
	}
	return ""
}

// oddStart judges the start: seconds and three digits, because some clients mean
// five milliseconds by ".5" and some servers half a second.
func (h *head) oddStart() string {
	got, _ := h.value(wire.HeaderProducerStart)
	seconds, part, _ := strings.Cut(got, ".")
	if seconds == "" || len(seconds) > len("253402300799") || len(part) != 3 || strings.Trim(seconds+part, "0123456789") != "" {
		return "the start is " + quote(got)
	}
	return ""
}

func (h *head) oddProducer() string {
	got, ok := h.value(wire.HeaderProducer)
	if id, err := millrace.ParseProducerID(got); ok && (err != nil || id.String() != got) {
		return "the producer is " + quote(got)
	}
	return ""
}

// date is when the request was signed, as far as that is said.
func (h *head) date() (time.Time, bool) {
	const layout = "20060102T150405Z"
	got, _ := h.value("X-Amz-Date")
	at, err := time.Parse(layout, got)
	return at, err == nil && at.Format(layout) == got
}

func (h *head) oddDate() string {
	if _, ok := h.date(); !ok {
		got, _ := h.value("X-Amz-Date")
		return "the date is " + quote(got)
	}
	return ""
}

func (h *head) oddClock() string {
	at, ok := h.date()
	if off := at.Sub(h.now); ok && off.Abs() > wire.DefaultSkew {
		return fmt.Sprintf("the date is %v off", off.Round(time.Second))
	}
	return ""
}
