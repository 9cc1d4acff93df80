package wire

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/millrace/millrace"
)

// maxAckObject is the longest acknowledgement that is read, in bytes.
const maxAckObject = 4096

// ErrAckSyntax is wrapped by the errors of an AckDecoder whose input is no
// stream of acknowledgements.
var ErrAckSyntax = errors.New("no acknowledgement")

// An AckDecoder reads acknowledgements from the body of a PutMedia response.
//
// It takes what any server of the protocol sends: flat JSON objects one after
// the other, with or without a newline or other white space between them, with
// numbers as numbers or as strings. Events that it does not know are skipped.
// It reads no further than the acknowledgement that it returns, apart from a
// small buffer, and is not safe for concurrent use.
type AckDecoder struct {
	r     *bufio.Reader
	buf   []byte
	id    int64
	name  string
	err   error
	state scanState
}

// NewAckDecoder makes a decoder that reads r.
func NewAckDecoder(r io.Reader) *AckDecoder { return &AckDecoder{r: bufio.NewReaderSize(r, 1024)} }

// Decode waits for the next acknowledgement and returns it. At the end of the
// input it returns io.EOF, and io.ErrUnexpectedEOF if the input ends inside an
// acknowledgement. Errors are final.
func (d *AckDecoder) Decode() (millrace.Ack, error) {
	for d.err == nil {
		var object []byte
		if object, d.err = d.next(); d.err != nil {
			break
		}
		var a millrace.Ack
		var known bool
		if a, known, d.err = d.parse(object); d.err == nil && known {
			return a, nil
		}
	}
	return millrace.Ack{}, d.err
}

// Fault returns ErrorId and ErrorCode of the last ERROR as they came.
func (d *AckDecoder) Fault() (id int64, name string) { return d.id, d.name }

// next returns the bytes of the next object. They are valid until the next
// call.
func (d *AckDecoder) next() ([]byte, error) {
	d.buf, d.state = d.buf[:0], scanState{}
	for {
		c, err := d.r.ReadByte()
		if errors.Is(err, io.EOF) && len(d.buf) > 0 {
			return nil, io.ErrUnexpectedEOF
		}
		if err != nil {
			return nil, err
		}
		if len(d.buf) == 0 && isSpace(c) {
			continue
		}
		if len(d.buf) == 0 && c != '{' || len(d.buf) == maxAckObject {
			return nil, fmt.Errorf("%w: byte %q after %d bytes", ErrAckSyntax, c, len(d.buf))
		}
		d.buf = append(d.buf, c)
		if d.state.step(c) {
			return d.buf, nil
		}
	}
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// scanState finds the end of a JSON object byte by byte.
type scanState struct {
	depth    int
	inString bool
	escaped  bool
}

// step takes the next byte and reports whether it closes the object.
func (s *scanState) step(c byte) (done bool) {
	switch {
	case s.escaped:
		s.escaped = false
	case s.inString:
		s.escaped = c == '\\'
		s.inString = c != '"'
	case c == '"':
		s.inString = true
	case c == '{':
		s.depth++
	case c == '}':
		s.depth--
	}
	return s.depth == 0
}

// parse reads one object. known is false for an event of another time.
func (d *AckDecoder) parse(object []byte) (a millrace.Ack, known bool, err error) {
	var in struct {
		EventType        string `json:"EventType"`
		FragmentTimecode loose  `json:"FragmentTimecode"`
		FragmentNumber   loose  `json:"FragmentNumber"`
		ErrorID          loose  `json:"ErrorId"`
		ErrorCode        string `json:"ErrorCode"`
	}
	if err = json.Unmarshal(object, &in); err != nil {
		return a, false, fmt.Errorf("%w: %w", ErrAckSyntax, err)
	}
	if a.Type, known = ackType(in.EventType); !known {
		return a, false, nil
	}
	if in.FragmentTimecode != "" {
		a.HasTimecode = true
		if a.Timecode, err = in.FragmentTimecode.uint(); err != nil {
			return a, false, err
		}
	}
	if in.FragmentNumber != "" {
		if a.Number, err = millrace.ParseFragmentNumber(string(in.FragmentNumber)); err != nil {
			return a, false, fmt.Errorf("%w: %w", ErrAckSyntax, err)
		}
	}
	if a.Type == millrace.AckError {
		return d.parseFault(a, in.ErrorID, in.ErrorCode)
	}
	return a, true, nil
}

func (d *AckDecoder) parseFault(a millrace.Ack, id loose, name string) (millrace.Ack, bool, error) {
	d.id, d.name = 0, name
	if id != "" {
		n, err := id.uint()
		if err != nil {
			return a, false, err
		}
		d.id = int64(min(n, 1<<31))
	}
	a.Code = CodeOfAck(int(d.id))
	return a, true, nil
}

func ackType(s string) (millrace.AckType, bool) {
	for t := millrace.AckIdle; t <= millrace.AckError; t++ {
		if t.String() == s {
			return t, true
		}
	}
	return 0, false
}

// loose is a number that came as a number or as a string. Absent and null are
// empty.
type loose string

// UnmarshalJSON keeps the text.
func (l *loose) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		return nil
	}
	if b[0] != '"' {
		*l = loose(b)
		return nil
	}
	var s string
	err := json.Unmarshal(b, &s)
	*l = loose(s)
	return err
}

func (l loose) uint() (uint64, error) {
	d, ok := parseDecimal(string(l))
	if n, whole := d.unsigned(); ok && whole {
		return n, nil
	}
	return 0, fmt.Errorf("%w: %.40q is not an unsigned integer", ErrAckSyntax, string(l))
}
