package producertest

import (
	"errors"
	"io"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/mkv"
)

// finish ends the call: what is complete is kept and acknowledged, what ended the
// call is told, and the connection goes.
func (c *call) finish(err error) {
	v := c.conclude(err)
	switch v.do {
	case Reset:
		c.reset()
	case Close:
		c.shut()
	}
	close(c.keeps)
	<-c.kept
	if v.do == Fail {
		c.fail(v)
	}
	close(c.acks)
	<-c.acked
	if c.audible(false) {
		if _, err := io.WriteString(c.conn, "0\r\n\r\n"); err == nil {
			c.leave()
		}
	}
}

// conclude makes a verdict of what ended the reading.
func (c *call) conclude(err error) *verdict {
	v, ok := errors.AsType[*verdict](err)
	syntax, bad := errors.AsType[*mkv.SyntaxError](err)
	switch {
	case ok:
		return v
	case errors.Is(err, io.EOF):
		return c.media.verdict(c)
	case c.judged() != nil:
		return c.judged()
	case bad && !errors.Is(syntax.Err, io.ErrUnexpectedEOF) || bad && c.body.ended:
		return &verdict{do: Fail, code: millrace.CodeInvalidMKV, fragment: c.media.open}
	}
	return &verdict{do: Reset} // the client is gone
}

// fail sends the ERROR that ends a call.
func (c *call) fail(v *verdict) {
	a := millrace.Ack{Type: millrace.AckError, Code: v.code}
	if f := v.fragment; f != nil {
		a.HasTimecode, a.Timecode, a.Number = true, f.Timecode, f.Number
		c.server.settle(f, Refused)
	}
	c.send(outgoing{ack: a})
}
