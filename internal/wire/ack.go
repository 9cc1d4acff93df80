package wire

import (
	"strconv"

	"github.com/millrace/millrace"
)

// MaxAckSize is more than the longest acknowledgement that AppendAck makes, in
// bytes.
const MaxAckSize = 320

// AppendAck appends the one exact form of a: a flat JSON object without
// spaces, its members in the service's order, and one newline. Every client's
// parser takes this form and some take no other.
func AppendAck(b []byte, a millrace.Ack) []byte {
	b = append(b, `{"EventType":"`...)
	b = append(b, a.Type.String()...)
	b = append(b, '"')
	if a.HasTimecode {
		b = append(b, `,"FragmentTimecode":`...)
		b = strconv.AppendUint(b, a.Timecode, 10)
	}
	if !a.Number.IsZero() {
		b = append(b, `,"FragmentNumber":"`...)
		b = append(b, a.Number.String()...)
		b = append(b, '"')
	}
	if a.Type == millrace.AckError {
		id, name := AckError(a.Code)
		b = append(b, `,"ErrorId":`...)
		b = strconv.AppendInt(b, int64(id), 10)
		b = append(b, `,"ErrorCode":"`...)
		b = append(b, name...)
		b = append(b, '"')
	}
	return append(b, '}', '\n')
}
