package producer

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"sync/atomic"
	"time"
)

// writeTimeout is how long the connection may take nothing before it counts as
// broken. The deadline is moved on no more often than every deadlineStep.
const (
	writeTimeout = 60 * time.Second
	deadlineStep = 5 * time.Second
	maxPiece     = 16 << 10 // bytes that are written at once where pieces cannot be gathered
)

// A chunkWriter writes batches of pieces as HTTP transfer chunks, each in one
// write of the operating system where that can be done without copying.
type chunkWriter struct {
	conn     net.Conn
	buffered *bufio.Writer // for connections that cannot gather pieces; else nil
	head     []byte        // the chunk's size line
	tail     []byte        // the line break behind a chunk
	vector   [][]byte      // memory for buffers
	buffers  net.Buffers
	deadline time.Time
	began    time.Time
	moved    atomic.Int64 // when the connection took something last, in nanoseconds since it began
}

func newChunkWriter(conn net.Conn) *chunkWriter {
	w := &chunkWriter{conn: conn, tail: []byte("\r\n"), began: time.Now()}
	if _, ok := conn.(*net.TCPConn); !ok {
		w.buffered = bufio.NewWriterSize(patientWriter{w}, maxPiece)
	}
	return w
}

// stuck is how long the connection has taken nothing. Any goroutine may ask.
func (w *chunkWriter) stuck() time.Duration {
	return time.Since(w.began) - time.Duration(w.moved.Load())
}

// A patientWriter writes piece by piece, each of which has its own time: a slow
// network takes long for all of them.
type patientWriter struct{ of *chunkWriter }

// Write writes to the connection.
func (p patientWriter) Write(b []byte) (n int, err error) {
	for err == nil && n < len(b) {
		if err = p.of.moveDeadline(); err == nil {
			var k int
			k, err = p.of.conn.Write(b[n:min(len(b), n+maxPiece)])
			n += k
			p.of.took()
		}
	}
	return n, err
}

// writeBuffers writes what is gathered, as long as some of it is taken.
func (w *chunkWriter) writeBuffers() error {
	for {
		if err := w.moveDeadline(); err != nil {
			return err
		}
		n, err := w.buffers.WriteTo(w.conn)
		w.took()
		if n == 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			return err
		}
	}
}

func (w *chunkWriter) took() { w.moved.Store(int64(time.Since(w.began))) }

// write sends pieces, which have n bytes in all, as one chunk.
func (w *chunkWriter) write(pieces [][]byte, n int) error {
	w.head = append(strconv.AppendInt(w.head[:0], int64(n), 16), w.tail...)
	w.vector = append(append(append(w.vector[:0], w.head), pieces...), w.tail)
	return w.flush()
}

// finish sends the chunk that ends the body.
func (w *chunkWriter) finish() error {
	w.vector = append(w.vector[:0], []byte("0\r\n\r\n"))
	return w.flush()
}

func (w *chunkWriter) flush() error {
	var err error
	if w.buffered == nil {
		w.buffers = w.vector
		err = w.writeBuffers()
	} else {
		for _, p := range w.vector {
			_, _ = w.buffered.Write(p) // Flush repeats the error
		}
		err = w.buffered.Flush()
	}
	if err != nil {
		return fmt.Errorf("write media: %w", err)
	}
	return nil
}

func (w *chunkWriter) moveDeadline() error {
	to := time.Now().Add(writeTimeout)
	if to.Sub(w.deadline) < deadlineStep {
		return nil
	}
	w.deadline = to
	return w.conn.SetWriteDeadline(to)
}
