package producer

import (
	"bufio"
	"fmt"
	"net"
	"strconv"
	"time"
)

// writeTimeout is how long one write may take before the connection counts as
// broken. The deadline is moved on no more often than every deadlineStep.
const (
	writeTimeout = 60 * time.Second
	deadlineStep = 5 * time.Second
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
}

func newChunkWriter(conn net.Conn) *chunkWriter {
	w := &chunkWriter{conn: conn, tail: []byte("\r\n")}
	if _, ok := conn.(*net.TCPConn); !ok {
		w.buffered = bufio.NewWriterSize(conn, 16<<10)
	}
	return w
}

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
	if err := w.moveDeadline(time.Now().Add(writeTimeout)); err != nil {
		return fmt.Errorf("write media: %w", err)
	}
	var err error
	if w.buffered == nil {
		w.buffers = w.vector
		_, err = w.buffers.WriteTo(w.conn)
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

func (w *chunkWriter) moveDeadline(to time.Time) error {
	if to.Sub(w.deadline) < deadlineStep {
		return nil
	}
	w.deadline = to
	return w.conn.SetWriteDeadline(to)
}
