package producertest

import (
	"time"

	"github.com/millrace/millrace/mkv"
)

// settleWait is how long a fault waits for acknowledgements that were sent before
// it.
const settleWait = 200 * time.Millisecond

// reach does what the step wants at a place. Any goroutine of the call may call
// it. It returns an error if the call is to end.
func (c *call) reach(at Place, fragment, block int) error {
	for i, f := range c.step.Faults {
		if f.At != at || f.inMedia() && f.Fragment != fragment || at == AtBlock && f.Block != block {
			continue
		}
		if c.fires(i) {
			if err := c.perform(f); err != nil {
				return err
			}
		}
	}
	return nil
}

// inMedia reports whether the fault is that of one fragment.
func (f Fault) inMedia() bool { return f.At >= AtCluster && f.At <= AtAcknowledged }

// fires reports whether fault i has not happened yet.
func (c *call) fires(i int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	was := c.fired[i]
	c.fired[i] = true
	return !was
}

// perform does a fault.
func (c *call) perform(f Fault) error {
	if f.At != AtAcknowledged { // there the writer itself is here
		c.settle()
	}
	c.server.note(Event{Kind: FaultHappened, Call: c.record.Number, Fault: f})
	c.hush(f.Delay)
	if !c.wait(f.Delay) {
		return errOver
	}
	switch f.Do {
	case Proceed:
		return nil
	case Stall, Deafen:
		c.mu.Lock()
		defer c.mu.Unlock()
		c.deaf, c.silent = true, c.silent || f.Do == Stall
		return nil
	case Reset:
		c.reset()
	case Close:
		c.shut()
	}
	v := &verdict{do: f.Do, code: f.Code}
	if !f.Bare {
		v.fragment = c.named(f.Fragment)
	}
	c.interrupt(v)
	return v
}

// settle lets go out what was acknowledged before, if the client takes it.
func (c *call) settle() {
	written := make(chan struct{})
	c.send(outgoing{written: written})
	t := time.NewTimer(settleWait)
	defer t.Stop()
	select {
	case <-written:
	case <-t.C:
	case <-c.gone:
	}
}

// hush keeps the whole call from reading and writing.
func (c *call) hush(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if until := time.Now().Add(d); d > 0 && until.After(c.quiet) {
		c.quiet = until
	}
}

// probed is told of each byte of an element while it comes.
func (c *call) probed(head []byte, n int64) error {
	switch {
	case n == 6 && head[0] == byte(mkv.IDEBML>>24) && c.media.begun == 0 && c.media.cluster == nil:
		return c.reach(AtHeader, 0, 0)
	case n == 2 && head[0] == byte(mkv.IDTimecode) && c.media.cluster != nil:
		return c.reach(AtCluster, c.media.begun, 0)
	case n > 2 && (head[0] == byte(mkv.IDSimpleBlock) || head[0] == byte(mkv.IDBlockGroup)) && n == middle(head):
		return c.reach(AtBlock, c.media.begun-1, c.media.blocks())
	}
	return nil
}

// middle is how many bytes of an element with a one-byte id make up half of it.
func middle(head []byte) int64 {
	if len(head) < 2 {
		return 0
	}
	width := 1
	for mask := byte(0x80); width < 9 && head[1]&mask == 0; mask >>= 1 {
		width++
	}
	if width > 8 || len(head) < 1+width {
		return 0
	}
	size := int64(head[1] &^ (0xff << (8 - width)))
	for _, b := range head[2 : 1+width] {
		size = size<<8 | int64(b)
	}
	return max(3, int64(1+width)+size/2)
}
