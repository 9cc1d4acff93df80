package wire

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http/httputil"
)

// maxTrailer bounds what follows the last chunk of a body, in bytes.
const maxTrailer = 8 << 10

// bodyFraming says how the end of a request's body is known.
type bodyFraming uint8

const (
	bodyNone    bodyFraming = iota // there is none, or it has been read
	bodyLength                     // Content-Length
	bodyChunked                    // transfer chunks
)

// mediaBody is the request's body without its framing.
type mediaBody struct {
	conn    *MediaConn
	br      *bufio.Reader
	framing bodyFraming
	chunks  io.Reader // the data of the chunks
	remain  int64     // bytes to come, if the length is known
	trailer bool      // the last chunk has been read, what follows it has not
	err     error     // final
}

func newMediaBody(c *MediaConn, br *bufio.Reader, framing bodyFraming, length int64) mediaBody {
	b := mediaBody{conn: c, br: br, framing: framing, remain: length}
	if framing == bodyChunked {
		b.chunks = httputil.NewChunkedReader(br)
	}
	return b
}

// Body returns the body of the request. Its reads end with io.EOF only after
// the terminating chunk or the last byte of the stated length; a connection that
// ends before is io.ErrUnexpectedEOF. A read returns what has arrived and does
// not wait for more; large ones go straight to the socket. Errors are final.
// Reads must not overlap.
func (c *MediaConn) Body() io.Reader { return &c.body }

// Read implements io.Reader.
func (b *mediaBody) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	if len(p) == 0 {
		return 0, nil
	}
	n, err := b.read(p)
	if err != nil {
		b.err = b.explain(err)
		if n > 0 { // tell the error with the next read
			return n, nil
		}
	}
	return n, b.err
}

// explain gives an interrupted read its name.
func (b *mediaBody) explain(err error) error {
	if !errors.Is(err, io.EOF) && b.conn.isInterrupted() {
		return ErrInterrupted
	}
	return err
}

func (b *mediaBody) read(p []byte) (int, error) {
	switch b.framing {
	case bodyChunked:
		return b.readChunked(p)
	case bodyLength:
		return b.readLength(p)
	}
	return 0, io.EOF
}

func (b *mediaBody) readLength(p []byte) (int, error) {
	if b.remain == 0 {
		return 0, io.EOF
	}
	n, err := b.br.Read(p[:min(int64(len(p)), b.remain)])
	b.remain -= int64(n)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// readChunked reads data. The end of the data is passed on at once; what
// follows it is waited for by the next read.
func (b *mediaBody) readChunked(p []byte) (int, error) {
	if b.trailer {
		return 0, b.readTrailer()
	}
	n, err := b.chunks.Read(p)
	if !errors.Is(err, io.EOF) {
		return n, err
	}
	b.trailer = true
	if n > 0 {
		return n, nil
	}
	return 0, b.readTrailer()
}

// readTrailer reads up to the empty line that ends a chunked body. It returns
// io.EOF, or what went wrong.
func (b *mediaBody) readTrailer() error {
	for size := 0; size <= maxTrailer; {
		line, err := b.br.ReadSlice('\n')
		switch {
		case errors.Is(err, io.EOF):
			return io.ErrUnexpectedEOF
		case err != nil:
			return fmt.Errorf("read trailer: %w", err)
		case len(line) <= 2 && (len(line) == 1 || line[0] == '\r'):
			return io.EOF
		}
		size += len(line)
	}
	return fmt.Errorf("read trailer: more than %d bytes", maxTrailer)
}
