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
	"net/url"
	"time"

	"github.com/millrace/millrace/internal/wire"
	"github.com/millrace/millrace/internal/wire/client"
)

const (
	headTimeout = 15 * time.Second // for the head of the response
	silence     = 90 * time.Second // without any acknowledgement, IDLE included
)

// A connection is one PutMedia call. Fragments of one header go over it.
type connection struct {
	conn     net.Conn
	endpoint string
	header   *header
	out      *chunkWriter
	body     io.Reader     // of the response
	buf      []byte        // for what is read from the disk; nil before it was needed
	spooled  bool          // at is to be read from the disk
	cut      bool          // at was given up before all of it was sent
	done     chan struct{} // closed when the response has ended

	// Guarded by the upload's mutex.
	sent  []*fragment // not settled yet, in the order of sending
	at    *fragment   // the one that is being sent, or the last one that was; nil at first
	from  cursor      // what of it was not sent
	over  bool        // the response has ended
	fault error       // why; nil if in good order
}

// call makes a connection whose body begins with h. It returns when the server
// has accepted the call.
func (s *Stream) call(ctx context.Context, h *header) (*connection, error) {
	endpoint, err := s.client.DataEndpoint(ctx, s.name, client.PutMedia)
	if err != nil {
		return nil, fmt.Errorf("find endpoint: %w", err)
	}
	c, err := s.callAt(ctx, endpoint, h)
	if err != nil {
		s.client.ForgetEndpoint(s.name, client.PutMedia)
		return nil, fmt.Errorf("put media: %w", err)
	}
	return c, nil
}

func (s *Stream) callAt(ctx context.Context, endpoint string, h *header) (*connection, error) {
	ctx, cancel := context.WithTimeout(ctx, headTimeout)
	defer cancel()
	req, err := s.request(ctx, endpoint)
	if err != nil {
		return nil, err
	}
	conn, err := s.dial(ctx, req.URL)
	if err != nil {
		return nil, err
	}
	body, err := exchangeHeads(ctx, conn, req)
	if err != nil {
		_ = conn.Close() // the other error is the one that counts
		return nil, err
	}
	return &connection{
		conn: conn, endpoint: endpoint, header: h, out: newChunkWriter(conn),
		body: body, done: make(chan struct{}),
	}, nil
}

// request makes the signed request. Its body is sent by hand.
func (s *Stream) request(ctx context.Context, endpoint string) (*http.Request, error) {
	target, err := url.Parse(endpoint + "/putMedia")
	if err != nil {
		return nil, fmt.Errorf("read endpoint: %w", err)
	}
	req := (&http.Request{Method: http.MethodPost, URL: target, Header: http.Header{}}).WithContext(ctx)
	req.Header.Set("User-Agent", client.UserAgent)
	params := wire.PutMediaHeaders{Name: s.name, Timecode: wire.TimecodeAbsolute, Start: time.Now()}
	if s.config.Time.Relative {
		params.Timecode, params.Start = wire.TimecodeRelative, s.config.Time.Start
	}
	params.Set(req.Header)
	if err := s.client.Sign(ctx, req, wire.UnsignedPayload); err != nil {
		return nil, err
	}
	return req, nil
}

// exchangeHeads sends the head of the request and reads that of the response,
// which the server sends before the body. It returns the response's body.
func exchangeHeads(ctx context.Context, conn net.Conn, req *http.Request) (io.Reader, error) {
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) }) // wakes the calls below
	defer stop()

	var head bytes.Buffer
	fmt.Fprintf(&head, "POST %s HTTP/1.1\r\nHost: %s\r\nTransfer-Encoding: chunked\r\n", req.URL.RequestURI(), req.Host)
	_ = req.Header.Write(&head) // a buffer takes all
	head.WriteString("\r\n")
	if _, err := conn.Write(head.Bytes()); err != nil {
		return nil, fmt.Errorf("send request: %w", cause(ctx, err))
	}
	resp, err := http.ReadResponse(bufio.NewReaderSize(conn, 2<<10), req)
	if err != nil {
		return nil, fmt.Errorf("read response: %w", cause(ctx, err))
	}
	if resp.StatusCode != http.StatusOK {
		return nil, wire.DecodeError(resp)
	}
	if !stop() {
		return nil, context.Cause(ctx)
	}
	return resp.Body, nil
}

// cause prefers the reason for which ctx ended to the error that this made.
func cause(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
