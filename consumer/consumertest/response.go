package consumertest

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"

	"github.com/millrace/millrace"
)

// How a response ends, for those who write it.
var (
	errOver     = errors.New("the response is over")
	errRepeat   = errors.New("the document comes once more")
	errSkip     = errors.New("the document is left out")
	errFinished = errors.New("the response ends in good order")
)

// A response is one answer with media.
type response struct {
	server *Server
	record *Call // guarded by the server's mutex
	ctx    context.Context
	w      http.ResponseWriter
	step   Step
	fired  []bool // of the step's faults
	sent   int64  // bytes
	last   millrace.FragmentNumber
	count  int // documents that were begun
}

// open sends the head, and then what media does. Faults at the first byte come
// behind the head.
func (r *response) open(media func() error) error {
	r.server.recordStatus(r.record, http.StatusOK)
	r.w.Header().Set("Content-Type", "video/webm")
	r.w.WriteHeader(http.StatusOK)
	r.flush()
	if err := r.write(nil); err != nil {
		return err
	}
	return media()
}

func (r *response) flush() { _ = http.NewResponseController(r.w).Flush() } // fails only where the client has gone

// write sends bytes in pieces, and does the faults whose offsets it gets to.
func (r *response) write(b []byte) error {
	for {
		n := len(b)
		if r.step.Piece > 0 {
			n = min(n, r.step.Piece)
		}
		i, due := r.nextByteFault()
		if due >= 0 {
			n = int(min(int64(n), due-r.sent))
		}
		if err := r.push(b[:n]); err != nil {
			return err
		}
		b = b[n:]
		if due == r.sent {
			if err := r.perform(i); err != nil {
				return err
			}
			continue
		}
		if len(b) == 0 {
			return nil
		}
	}
}

// push sends bytes at once.
func (r *response) push(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	n, err := r.w.Write(b)
	r.sent += int64(n)
	r.server.recordBytes(r.record, r.sent)
	if err != nil {
		return errOver
	}
	r.flush()
	return r.pause(r.step.Pause)
}

// nextByteFault is the fault whose offset comes first, and that offset; -1 if there
// is none.
func (r *response) nextByteFault() (int, int64) {
	best, at := 0, int64(-1)
	for i, f := range r.step.Faults {
		if f.At == AtByte && !r.fired[i] && f.Offset >= r.sent && (at < 0 || f.Offset < at) {
			best, at = i, f.Offset
		}
	}
	return best, at
}

// reach does the faults of a place.
func (r *response) reach(at Place, document, block int) error {
	for i, f := range r.step.Faults {
		if f.At != at || r.fired[i] || f.Document != document || at == AtBlock && f.Block != block {
			continue
		}
		if err := r.perform(i); err != nil {
			return err
		}
	}
	return nil
}

// perform does a fault.
func (r *response) perform(i int) error {
	f := r.step.Faults[i]
	r.fired[i] = true
	r.server.recordFault(r.record, f)
	if err := r.pause(f.Delay); err != nil {
		return err
	}
	switch f.Do {
	case Proceed:
		return nil
	case Reset:
		r.reset()
		return errOver
	case Close:
		return errOver
	case Finish:
		return errFinished
	case Fail:
		return r.fail(r.last, f.Code)
	case Stall:
		return r.pause(-1)
	case Insert:
		return r.push(f.Bytes)
	case Repeat:
		return errRepeat
	case Skip:
		return errSkip
	}
	return nil
}

// fail ends the response with an error document.
func (r *response) fail(n millrace.FragmentNumber, code millrace.Code) error {
	if err := r.push(ErrorDocument(n, code)); err != nil {
		return err
	}
	return errFinished
}

// pause lets time pass; less than 0 is for ever. It ends with the client or the
// server.
func (r *response) pause(d time.Duration) error {
	if d == 0 {
		return nil
	}
	var after <-chan time.Time
	if d > 0 {
		t := time.NewTimer(d)
		defer t.Stop()
		after = t.C
	}
	select {
	case <-after:
		return nil
	case <-r.ctx.Done():
	case <-r.server.closing:
	}
	return errOver
}

// reset destroys the connection, if it can be had.
func (r *response) reset() {
	conn, _, err := http.NewResponseController(r.w).Hijack()
	if err != nil {
		return // it is closed then
	}
	if c, ok := conn.(interface{ SetLinger(sec int) error }); ok {
		_ = c.SetLinger(0) // fails only on a closed connection
	}
	_ = conn.Close() // nothing is to be saved
	r.w = hijacked{r.w}
}

// hijacked is what is left of a writer whose connection was taken.
type hijacked struct{ http.ResponseWriter }

// Write writes nothing.
func (hijacked) Write([]byte) (int, error) { return 0, net.ErrClosed }

// end leaves the handler as err says: a return ends the response in good order.
func (r *response) end(err error) {
	if _, taken := r.w.(hijacked); taken || err == nil || errors.Is(err, errFinished) {
		return
	}
	panic(http.ErrAbortHandler) // net/http's way to close a connection
}
