package audit

import (
	"encoding/json"
	"strconv"
	"time"
	"unicode/utf8"
)

// MaxLine is how long a line may be, its end included, in bytes.
const MaxLine = 16 << 10

// How much of a single text a line has, in bytes: usually, and where the line
// would be too long. One byte may become six.
const (
	maxText   = 1024
	leastText = 160
)

// A Record is one control call.
type Record struct {
	Time          time.Time
	RequestID     string
	Operation     string
	Stream        string // empty if it is about none
	Subject       string // the key or the device that it is about; empty if it is about none
	Principal     string // ARN; empty if nobody could be made out
	AccessKeyID   string
	SourceAddress string
	UserAgent     string
	Parameters    []byte // JSON; nil: not shown
	ErrorCode     string // empty: it went well
	ErrorMessage  string
	Result        any // shown as JSON; nil: not shown
	Omitted       int // how many calls of nobody known came before that are not recorded
}

// A line is a Record in the form in which it is written.
type line struct {
	Time          string `json:"time"`
	RequestID     string `json:"requestId"`
	Operation     string `json:"operation"`
	Stream        string `json:"stream,omitempty"`
	Subject       string `json:"subject,omitempty"`
	Principal     string `json:"principal,omitempty"`
	AccessKeyID   string `json:"accessKeyId,omitempty"`
	SourceAddress string `json:"sourceAddress,omitempty"`
	UserAgent     string `json:"userAgent,omitempty"`
	Parameters    any    `json:"parameters,omitempty"`
	ErrorCode     string `json:"errorCode,omitempty"`
	ErrorMessage  string `json:"errorMessage,omitempty"`
	Result        any    `json:"result,omitempty"`
	Omitted       int    `json:"omitted,omitempty"`
	Truncated     bool   `json:"truncated,omitempty"`
}

// encode returns the line of r, its end included. One that would be too long has
// no parameters, which are of the caller's making; if that is not enough no result
// either, and hardly any of its texts.
func (r Record) encode() []byte {
	l := r.line(maxText)
	l.Parameters = shown(r.Parameters)
	if r.Result != nil {
		text, _ := json.Marshal(r.Result) // what is answered can be encoded
		l.Result = shown(text)
	}
	b := l.encode()
	if len(b) > MaxLine {
		l.Parameters, l.Truncated = nil, true
		b = l.encode()
	}
	if len(b) > MaxLine {
		l = r.line(leastText)
		l.Truncated = true
		b = l.encode()
	}
	return b
}

// line has the texts of r, each cut to n bytes.
func (r Record) line(n int) line {
	return line{
		Time: r.Time.UTC().Format("2006-01-02T15:04:05.000Z"), RequestID: cut(r.RequestID, n), Operation: cut(r.Operation, n),
		Stream: cut(r.Stream, n), Subject: cut(r.Subject, n), Principal: cut(r.Principal, n), AccessKeyID: cut(r.AccessKeyID, n),
		SourceAddress: cut(r.SourceAddress, n), UserAgent: cut(r.UserAgent, n),
		ErrorCode: cut(r.ErrorCode, n), ErrorMessage: cut(r.ErrorMessage, n), Omitted: r.Omitted,
	}
}

func (l line) encode() []byte {
	text, _ := json.Marshal(l) // strings, and what was decoded from JSON
	return append(ascii(text), '\n')
}

// cut bounds a text, and tells that it did.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "..."
}

// ascii escapes what is not ASCII in JSON, where it can stand in strings alone:
// no terminal and no reader of lines takes it for anything else.
func ascii(text []byte) []byte {
	out := make([]byte, 0, len(text)+1)
	for len(text) > 0 {
		r, n := utf8.DecodeRune(text)
		switch {
		case r < utf8.RuneSelf && r != 0x7f:
			out = append(out, byte(r))
		case r > 0xffff:
			high, low := (r-0x10000)>>10+0xd800, (r-0x10000)&0x3ff+0xdc00
			out = escape(escape(out, high), low)
		default:
			out = escape(out, r)
		}
		text = text[n:]
	}
	return out
}

func escape(b []byte, r rune) []byte {
	b = append(b, '\\', 'u')
	for shift := 12; shift >= 0; shift -= 4 {
		b = strconv.AppendInt(b, int64(r>>shift)&0xf, 16)
	}
	return b
}
