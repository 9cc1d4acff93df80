package client

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/credentials"
	"github.com/millrace/millrace/internal/wire"
)

// maxAnswer bounds the body of a control operation's answer, in bytes.
const maxAnswer = 32 << 20

// call makes a control operation: in is encoded as JSON, the answer decoded
// into out. It is tried again after faults of the network and of the server.
func (c *Client) call(ctx context.Context, path string, in, out any) error {
	return c.callAt(ctx, c.endpoint, path, in, out)
}

// callAt is call for an operation that has an endpoint of its own.
func (c *Client) callAt(ctx context.Context, endpoint, path string, in, out any) error {
	backoff := Backoff{Min: 100 * time.Millisecond, Max: 2 * time.Second}
	for try := 1; ; try++ {
		err := c.callOnceAt(ctx, endpoint, path, in, out)
		if err == nil || ctx.Err() != nil || try >= c.tries || !Passing(err) || RetryAfter(err) > maxPatience {
			return err
		}
		if Throttled(err) {
			backoff.Min, backoff.Max = time.Second, 10*time.Second
		}
		if err := wait(ctx, max(backoff.Next(), RetryAfter(err))); err != nil {
			return err
		}
	}
}

// callData is callAt at the data endpoint of a stream for api, which is forgotten
// when that may be its fault.
func (c *Client) callData(ctx context.Context, stream millrace.StreamName, api, path string, in, out any) error {
	endpoint, err := c.DataEndpoint(ctx, stream, api)
	if err != nil {
		return err
	}
	if err := c.callAt(ctx, endpoint, path, in, out); err != nil {
		c.EndpointFailed(stream, api, err)
		return err
	}
	return nil
}

func (c *Client) callOnce(ctx context.Context, path string, in, out any) error {
	return c.callOnceAt(ctx, c.endpoint, path, in, out)
}

// callOnceAt makes one attempt, when it may.
func (c *Client) callOnceAt(ctx context.Context, endpoint, path string, in, out any) error {
	done, err := c.enter(ctx, endpoint)
	if err != nil {
		return fmt.Errorf("call %s: %w", path, err)
	}
	err = c.attempt(ctx, endpoint, path, in, out)
	done(err)
	return err
}

func (c *Client) attempt(ctx context.Context, endpoint, path string, in, out any) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	resp, err := c.post(ctx, endpoint, path, in)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("read answer of %s: %w", path, err)
	}
	if err := json.Unmarshal(body, out); err != nil {
		return fmt.Errorf("%w of %s: %w", ErrAnswer, path, err)
	}
	if d, ok := out.(dated); ok {
		if at, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
			d.answered(at)
		}
	}
	return nil
}

// dated is an answer that wants to know when it was given, by the server's clock.
type dated interface{ answered(at time.Time) }

// ErrAnswer says that a server answered, but not in a way that can be understood.
var ErrAnswer = errors.New("read answer")

// post sends a signed request and returns the response of a success, whose
// body the caller closes.
func (c *Client) post(ctx context.Context, endpoint, path string, in any) (*http.Response, error) {
	body, err := json.Marshal(in)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", path, err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(endpoint, "/")+path, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("call %s: %w", path, err)
	}
	req.Header.Set("Content-Type", wire.ContentTypeJSON)
	req.Header.Set("User-Agent", UserAgent)
	resp, err := c.do(req, wire.PayloadHash(body))
	if err != nil {
		return nil, fmt.Errorf("call %s: %w", path, err)
	}
	return resp, nil
}

// do signs and sends a request whose body can be had again, and once more after
// each of two refusals that other credentials or another time may mend. It
// returns the response of a success.
func (c *Client) do(req *http.Request, payload string) (*http.Response, error) {
	ctx := req.Context()
	for refusals := 0; ; refusals++ {
		if req.GetBody != nil {
			body, err := req.GetBody()
			if err != nil {
				return nil, err
			}
			req.Body = body
		}
		if err := c.Sign(ctx, req, payload); err != nil {
			return nil, err
		}
		resp, err := c.http.Do(req)
		if err != nil {
			return nil, err
		}
		if resp.StatusCode == http.StatusOK {
			c.Accepted(req)
			return resp, nil
		}
		refusal := wire.DecodeError(resp)
		_ = resp.Body.Close() // it was read as far as it counts
		if refusals == maxRefusals || !c.Refused(ctx, req, refusal) {
			return nil, refusal
		}
	}
}

// UserAgent names the library to servers.
const UserAgent = "millrace-go"

// Passing reports whether a call that failed with err may succeed when it is
// made again unchanged: the network or the server was at fault, or there were
// too many calls.
func Passing(err error) bool {
	var refused *millrace.Error
	if !errors.As(err, &refused) {
		return !errors.Is(err, context.Canceled) && !errors.Is(err, credentials.ErrMissing) && !mistrust(err)
	}
	switch refused.Code {
	case millrace.CodeInternal, millrace.CodeUnavailable, millrace.CodeRateLimit, millrace.CodeThrottled, millrace.CodeConnectionLimit:
		return true
	}
	var remote *wire.RemoteError
	return errors.As(err, &remote) && remote.Status >= http.StatusInternalServerError && refused.Code != millrace.CodeUnsupported
}

// mistrust reports whether the two ends do not agree on how to speak, or on who
// is to be trusted, which no further attempt mends.
func mistrust(err error) bool {
	var certificate *tls.CertificateVerificationError
	var noTLS tls.RecordHeaderError
	return errors.As(err, &certificate) || errors.As(err, &noTLS) || errors.Is(err, http.ErrSchemeMismatch)
}
