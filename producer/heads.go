package producer

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/millrace/millrace/internal/wire"
)

// maxResponseHead bounds the head of a response, with the interim answers before it, in
// bytes.
const maxResponseHead = 64 << 10

var errHeadTooLarge = errors.New("head of the response is too large")

// exchangeHeads sends the head of the request and reads that of the response,
// which the server sends before the body.
func exchangeHeads(ctx context.Context, conn net.Conn, r io.Reader, req *http.Request) (*http.Response, error) {
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) }) // wakes the calls below
	defer stop()

	var head bytes.Buffer
	fmt.Fprintf(&head, "POST %s HTTP/1.1\r\nHost: %s\r\nTransfer-Encoding: chunked\r\n", req.URL.RequestURI(), req.Host)
	_ = req.Header.Write(&head) // a buffer takes all
	head.WriteString("\r\n")
	if _, err := conn.Write(head.Bytes()); err != nil {
		return nil, fmt.Errorf("send request: %w", cause(ctx, err))
	}
	resp, err := readHead(r, req)
	if err != nil {
		return nil, fmt.Errorf("read response: %w", cause(ctx, err))
	}
	if resp.StatusCode != http.StatusOK {
		return nil, wire.DecodeError(resp)
	}
	if !stop() {
		return nil, context.Cause(ctx)
	}
	return resp, nil
}

// readHead reads the head of the final response. Interim answers, which proxies
// may make unasked, are passed over.
func readHead(from io.Reader, req *http.Request) (*http.Response, error) {
	bounded := &headReader{from: from, left: maxResponseHead}
	r := bufio.NewReaderSize(bounded, 2<<10)
	for {
		resp, err := http.ReadResponse(r, req)
		if err != nil {
			return nil, err
		}
		if resp.StatusCode >= http.StatusOK || resp.StatusCode == http.StatusSwitchingProtocols {
			bounded.over = true
			return resp, nil
		}
	}
}

// A headReader reads a bounded number of bytes until the head is over, and
// whatever comes afterwards.
type headReader struct {
	from io.Reader
	left int
	over bool
}

// Read reads.
func (r *headReader) Read(p []byte) (int, error) {
	if r.over {
		return r.from.Read(p)
	}
	if r.left == 0 {
		return 0, errHeadTooLarge
	}
	n, err := r.from.Read(p[:min(len(p), r.left)])
	r.left -= n
	return n, err
}
