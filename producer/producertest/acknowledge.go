package producertest

import (
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/wire"
)

const (
	maxAcks     = 1024        // that wait to be written
	groupWait   = time.Second // for a group to fill up
	strangeness = 86_400_000  // what the timecodes of strangers are off by
	splitPause  = time.Millisecond
)

// outgoing is an acknowledgement on its way.
type outgoing struct {
	ack   millrace.Ack
	index int // of its fragment in the call

	written chan struct{} // if there is one, no acknowledgement: closed instead
}

// send hands an acknowledgement over to be written.
func (c *call) send(o outgoing) { c.acks <- o }

// acknowledge sends an event of a fragment.
func (c *call) acknowledge(t millrace.AckType, f *Fragment, index int) {
	c.send(outgoing{ack: millrace.Ack{Type: t, HasTimecode: true, Timecode: f.Timecode, Number: f.Number}, index: index})
}

// writeAcks writes what is sent, until there will be no more.
func (c *call) writeAcks() {
	defer close(c.acked)
	var group []outgoing
	late := time.NewTimer(groupWait)
	defer late.Stop()
	for {
		select {
		case o, more := <-c.acks:
			if !more {
				c.writeGroup(group)
				return
			}
			if o.written != nil {
				close(o.written)
				continue
			}
			if !c.wanted(o) {
				continue
			}
			if group = append(group, o); len(group) < c.step.Acks.Group {
				late.Reset(groupWait)
				continue
			}
		case <-late.C:
		}
		c.writeGroup(group)
		group = group[:0]
	}
}

// wanted reports whether the step and the client want an acknowledgement.
func (c *call) wanted(o outgoing) bool {
	a := c.step.Acks
	switch {
	case o.ack.Type == millrace.AckError:
		return true
	case a.Never || c.params.NoAcks || slices.Contains(a.Omit, o.ack.Type):
		return false
	}
	return o.ack.Type != millrace.AckPersisted || a.OmitEvery == 0 || (o.index+1)%a.OmitEvery != 0
}

// writeGroup writes acknowledgements that belong together.
func (c *call) writeGroup(group []outgoing) {
	if len(group) == 0 {
		return
	}
	group = slices.Clone(group)
	if c.step.Acks.Reverse {
		slices.Reverse(group)
	}
	if !c.audible(false) || c.write(c.encode(group)) != nil {
		return
	}
	for _, o := range group {
		c.server.note(Event{Kind: AckSent, Call: c.record.Number, Timecode: o.ack.Timecode, Ack: o.ack})
		if o.ack.Type == millrace.AckPersisted {
			_ = c.reach(AtAcknowledged, o.index, 0) // interrupts the reader itself
		}
	}
}

// encode makes transfer chunks of a group.
func (c *call) encode(group []outgoing) []byte {
	a := c.step.Acks
	var chunks, one []byte
	add := func(ack millrace.Ack) {
		line := wire.AppendAck(nil, ack)
		one = append(one, line...)
		chunks = fmt.Appendf(chunks, "%x\r\n%s\r\n", len(line), line)
	}
	for _, o := range group {
		if a.Strangers && o.ack.HasTimecode {
			stranger := o.ack
			stranger.Timecode += strangeness
			add(stranger)
		}
		for range 1 + a.Repeat {
			add(o.ack)
		}
	}
	if a.OneChunk {
		return fmt.Appendf(nil, "%x\r\n%s\r\n", len(one), one)
	}
	return chunks
}

// write writes as much at a time as the step wants.
func (c *call) write(b []byte) error {
	size := c.step.Acks.Split
	if size <= 0 {
		_, err := c.conn.Write(b)
		return err
	}
	for piece := range slices.Chunk(b, size) {
		if _, err := c.conn.Write(piece); err != nil {
			return err
		}
		if !c.wait(splitPause) {
			return io.ErrClosedPipe
		}
	}
	return nil
}
