package wire

import (
	"net/http"
	"strings"
	"time"

	"github.com/millrace/millrace"
)

// TimecodeType says what a producer's cluster timecodes count from.
type TimecodeType uint8

// The timecode types of PutMedia.
const (
	TimecodeAbsolute TimecodeType = iota // from the epoch
	TimecodeRelative                     // from the producer's start time
)

// String returns the protocol's spelling.
func (t TimecodeType) String() string {
	if t == TimecodeRelative {
		return "RELATIVE"
	}
	return "ABSOLUTE"
}

// PutMediaHeaders are the parameters of a PutMedia call.
type PutMediaHeaders struct {
	Name     millrace.StreamName // either the name
	ARN      millrace.StreamARN  // or the ARN is set
	Timecode TimecodeType
	Start    time.Time           // producer's start time in whole milliseconds; zero Time if absent
	NoAcks   bool                // the client wants no acknowledgements but errors
	Producer millrace.ProducerID // that announces its identity, else none
}

// ByARN reports whether the stream is addressed by its ARN.
func (p PutMediaHeaders) ByARN() bool { return p.Name == "" }

// ParsePutMediaHeaders reads the parameters of a PutMedia call. What is
// missing, doubtful or out of bounds is an error with CodeInvalidArgument.
func ParsePutMediaHeaders(h http.Header) (PutMediaHeaders, error) {
	var p PutMediaHeaders
	for _, parse := range []func(http.Header) error{
		p.parseStream, p.parseTimecode, p.parseStart, p.parseAcks, p.parseProducer,
	} {
		if err := parse(h); err != nil {
			return PutMediaHeaders{}, err
		}
	}
	return p, nil
}

func invalid(format string, args ...any) error {
	return millrace.Errorf(millrace.CodeInvalidArgument, format, args...)
}

func (p *PutMediaHeaders) parseStream(h http.Header) error {
	name, arn := h.Get(HeaderStreamName), h.Get(HeaderStreamARN)
	var err error
	switch {
	case name == "" && arn == "":
		return invalid("Either a stream name or a stream ARN must be given.")
	case name != "" && arn != "":
		return invalid("A stream name and a stream ARN must not both be given.")
	case name != "":
		p.Name, err = millrace.ParseStreamName(name)
	default:
		p.ARN, err = millrace.ParseStreamARN(arn)
	}
	if err != nil {
		return invalid("The stream is not valid: %v.", err)
	}
	return nil
}

func (p *PutMediaHeaders) parseTimecode(h http.Header) error {
	switch s := h.Get(HeaderTimecodeType); s {
	case "ABSOLUTE":
		p.Timecode = TimecodeAbsolute
	case "RELATIVE":
		p.Timecode = TimecodeRelative
	default:
		return invalid("The fragment timecode type %.40q is neither ABSOLUTE nor RELATIVE.", s)
	}
	return nil
}

func (p *PutMediaHeaders) parseStart(h http.Header) error {
	s := h.Get(HeaderProducerStart)
	if s == "" && p.Timecode == TimecodeAbsolute {
		return nil
	}
	at, err := ParseProducerStart(s)
	p.Start = at
	return err
}

// ParseProducerStart reads the producer's start time: decimal epoch seconds,
// an ISO-8601 time or an RFC 1123 date, to the nearest millisecond. "1.5" is
// 1.500 s, also from clients that mean 1.005 s by it, for that is how the
// service reads it. A time before 1970 or beyond the year 9999 is an error with
// CodeInvalidArgument.
func ParseProducerStart(s string) (time.Time, error) {
	at, err := ParseTimestamp(s)
	if err != nil {
		if at, err = http.ParseTime(strings.TrimSpace(s)); err != nil {
			return time.Time{}, invalid("The producer start timestamp %.60q is not a time.", s)
		}
	}
	if ms := at.UnixMilli(); ms < 0 || ms > maxTimestampMillis {
		return time.Time{}, invalid("The producer start timestamp %.60q is out of range.", s)
	}
	return at.UTC(), nil
}

func (p *PutMediaHeaders) parseAcks(h http.Header) error {
	switch s := strings.ToLower(h.Get(HeaderAckRequired)); s {
	case "", "1", "true":
		p.NoAcks = false
	case "0", "false":
		p.NoAcks = true
	default:
		return invalid("The value %.40q of fragment acknowledgment required is neither 1 nor 0.", s)
	}
	return nil
}

func (p *PutMediaHeaders) parseProducer(h http.Header) (err error) {
	switch values := h[HeaderProducer]; len(values) {
	case 0:
		return nil
	case 1:
		p.Producer, err = millrace.ParseProducerID(values[0])
	default:
		return invalid("The header %s is given %d times.", HeaderProducer, len(values))
	}
	if err != nil {
		return invalid("The producer is not valid: %v.", err)
	}
	return nil
}

// Set writes the parameters into the header of a request, as a client sends
// them.
func (p PutMediaHeaders) Set(h http.Header) {
	if p.ByARN() {
		h.Set(HeaderStreamARN, p.ARN.String())
	} else {
		h.Set(HeaderStreamName, p.Name.String())
	}
	h.Set(HeaderTimecodeType, p.Timecode.String())
	start := p.Start
	if start.IsZero() {
		start = time.UnixMilli(0)
	}
	h.Set(HeaderProducerStart, string(AppendSeconds(nil, start)))
	acks := "1"
	if p.NoAcks {
		acks = "0"
	}
	h.Set(HeaderAckRequired, acks)
	if p.Producer != (millrace.ProducerID{}) {
		h.Set(HeaderProducer, p.Producer.String())
	}
}
