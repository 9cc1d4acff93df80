package producertest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// A body takes the media out of a request.
type body struct {
	in       *bufio.Reader
	chunked  bool
	left     int64 // of the chunk, or of all that is not chunked
	inside   bool  // a chunk has begun, whose line end is still to come
	ended    bool
	bytes    int64        // that were taken out
	terminal func() error // in the middle of the chunk that ends it
}

func newBody(in *bufio.Reader, r *http.Request, terminal func() error) *body {
	b := &body{in: in, terminal: terminal, chunked: len(r.TransferEncoding) > 0}
	if !b.chunked {
		b.left = max(r.ContentLength, 0)
	}
	return b
}

// Read returns io.EOF at the end of a whole body, and io.ErrUnexpectedEOF at that
// of the connection.
func (b *body) Read(p []byte) (int, error) {
	for b.left == 0 {
		if b.ended || !b.chunked {
			b.ended = true
			return 0, io.EOF
		}
		if err := b.begin(); err != nil {
			return 0, whole(err)
		}
	}
	n, err := b.in.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	b.bytes += int64(n)
	return n, whole(err)
}

func whole(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// begin reads up to the data of the next chunk, or to the end of the body.
func (b *body) begin() error {
	if b.inside {
		if _, err := b.in.ReadSlice('\n'); err != nil {
			return err
		}
	}
	line, err := b.in.ReadSlice('\n')
	if err != nil {
		return err
	}
	digits, _, _ := strings.Cut(strings.TrimSpace(string(line)), ";")
	if b.left, err = strconv.ParseInt(digits, 16, 63); err != nil {
		return fmt.Errorf("read chunk: %w", err)
	}
	b.inside = true
	if b.left > 0 {
		return nil
	}
	if err := b.terminal(); err != nil {
		return err
	}
	for {
		line, err := b.in.ReadSlice('\n')
		if err != nil {
			return err
		}
		if strings.TrimSpace(string(line)) == "" {
			b.ended = true
			return nil
		}
	}
}

// A probe tells what is inside an element while it comes, byte by byte. It is
// there only for steps that want something to happen in there.
type probe struct {
	source io.Reader
	offset func() int64 // where the element begins
	inside func(head []byte, n int64) error
	at     int64 // bytes read
	begins int64 // of the element, as far as is known
	head   [16]byte
}

func (p *probe) Read(b []byte) (int, error) {
	if p.inside == nil || len(b) == 0 {
		return p.source.Read(b)
	}
	n, err := p.source.Read(b[:1])
	if n == 0 {
		return 0, err
	}
	if begins := p.offset(); begins != p.begins {
		p.begins = begins
	}
	if i := p.at - p.begins; i < int64(len(p.head)) {
		p.head[i] = b[0]
	}
	p.at++
	length := p.at - p.begins
	if stop := p.inside(p.head[:min(length, int64(len(p.head)))], length); stop != nil {
		return 0, stop
	}
	return n, err
}
