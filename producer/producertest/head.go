package producertest

import (
	"bytes"
	"strings"
	"time"
)

// maxHead bounds what is kept of a request to check its head, in bytes.
const maxHead = 64 << 10

// A head is the request line and the headers of a request, byte for byte, and
// what they are judged by. net/http shows neither all headers nor what they were
// spelled like.
type head struct {
	line   string // without its end
	fields []field
	odd    string // in what it is no head of HTTP; empty if it is one

	hosts []string       // what Host may say
	now   time.Time      // by the server's clock
	keys  map[string]Key // nil: signatures are not looked at
}

// A field is one header.
type field struct {
	name, value string // the value without space around it
}

// parseHead takes a head out of what came of a request.
func parseHead(raw []byte) *head {
	raw, _, whole := bytes.Cut(raw, []byte("\r\n\r\n"))
	h := &head{}
	if !whole {
		h.odd = "it does not end with an empty line"
	}
	text := string(raw)
	if bare := strings.ReplaceAll(text, "\r\n", "\n"); strings.Count(bare, "\n") != strings.Count(text, "\r\n") {
		h.odd = "a line ends without a carriage return"
		text = strings.ReplaceAll(bare, "\n", "\r\n")
	}
	line, rest, _ := strings.Cut(text, "\r\n")
	h.line = line
	for rest != "" {
		line, rest, _ = strings.Cut(rest, "\r\n")
		h.add(line)
	}
	return h
}

// add takes in a line, as a server would that does not mind.
func (h *head) add(line string) {
	name, value, ok := strings.Cut(line, ":")
	last := len(h.fields) - 1
	switch {
	case strings.HasPrefix(line, " ") && last >= 0:
		h.odd = "a header goes on in another line"
		h.fields[last].value += strings.TrimRight(line, " \t")
		h.fields[last].value = strings.TrimSpace(h.fields[last].value)
	case !ok || !isToken(name) || strings.ContainsAny(value, "\r\x00"):
		h.odd = "a line is no header: " + quote(line)
	default:
		h.fields = append(h.fields, field{name, strings.Trim(value, " \t")})
	}
}

// isToken reports whether s may be the name of a header.
func isToken(s string) bool {
	return s != "" && strings.Trim(s, "-_.!#$%&'*+^`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") == ""
}

// quote shortens a value for a message.
func quote(s string) string {
	const most = 60
	if len(s) > most {
		s = s[:most] + "…"
	}
	return `"` + s + `"`
}

// values returns the values of a header, whose name may be spelled in any case.
func (h *head) values(name string) (all []string) {
	for _, f := range h.fields {
		if strings.EqualFold(f.name, name) {
			all = append(all, f.value)
		}
	}
	return all
}

// value returns the first value of a header, and whether it is there.
func (h *head) value(name string) (string, bool) {
	if all := h.values(name); len(all) > 0 {
		return all[0], true
	}
	return "", false
}

// absentOr says what a header is that is there and has none of the values.
func (h *head) absentOr(name string, allowed ...string) string {
	got, ok := h.value(name)
	if !ok {
		return ""
	}
	for _, v := range allowed {
		if got == v {
			return ""
		}
	}
	return name + " is " + quote(got)
}
