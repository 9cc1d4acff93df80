package client

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/wire"
)

// A MediaFile says which range of a stream is wanted as one file.
type MediaFile struct {
	From, To time.Time // by Clock; the latter is not in it
	Clock    string    // "producer" or "server"; empty is the producer's
	Format   string    // "mp4" or "mkv"
	Exact    bool      // nothing outside of the range is shown; MP4 alone can say that
}

// OpenMediaFile asks for a range of a stream as one file, and returns the file and
// its length in bytes. The caller closes it. It is tried once. A file that ends
// before its length is io.ErrUnexpectedEOF.
func (c *Client) OpenMediaFile(ctx context.Context, stream millrace.StreamName, f MediaFile) (file io.ReadCloser, size int64, err error) {
	query := url.Values{"from": {f.From.UTC().Format(time.RFC3339Nano)}, "to": {f.To.UTC().Format(time.RFC3339Nano)}, "cut": {"fragment"}}
	if f.Exact {
		query.Set("cut", "exact")
	}
	if f.Clock != "" {
		query.Set("clock", f.Clock)
	}
	resp, err := c.resource(ctx, stream, "media."+f.Format, query)
	if err != nil {
		return nil, 0, err
	}
	return resp.Body, resp.ContentLength, nil
}

// MediaFileURL makes an address at which the file can be had without a key, and
// says when that ends. It is Millrace's own.
func (c *Client) MediaFileURL(ctx context.Context, stream millrace.StreamName, f MediaFile, life time.Duration) (address string, ends time.Time, err error) {
	in := struct {
		StreamName         millrace.StreamName
		From, To           wire.Timestamp
		Clock, Format, Cut string `json:",omitempty"`
		Expires            int64
	}{stream, wire.Timestamp{Time: f.From}, wire.Timestamp{Time: f.To}, f.Clock, f.Format, "", int64(life / time.Second)}
	if f.Format == "mp4" {
		in.Cut = "fragment"
		if f.Exact {
			in.Cut = "exact"
		}
	}
	var out struct {
		MediaFileURL string
		Expires      wire.Timestamp
	}
	err = c.call(ctx, "/millrace/v1/getMediaFileURL", in, &out)
	return out.MediaFileURL, out.Expires.Time, err
}

// resource asks for what belongs to a stream, and returns the response of a
// success, whose body the caller closes. It is tried once.
func (c *Client) resource(ctx context.Context, stream millrace.StreamName, file string, query url.Values) (*http.Response, error) {
	address := strings.TrimSuffix(c.endpoint, "/") + "/millrace/v1/streams/" + url.PathEscape(stream.String()) + "/" + file
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address+"?"+query.Encode(), nil)
	if err != nil {
		return nil, fmt.Errorf("ask for %s: %w", file, err)
	}
	req.Header.Set("User-Agent", UserAgent)
	resp, err := c.do(req, wire.EmptyPayload)
	if err != nil {
		return nil, fmt.Errorf("ask for %s: %w", file, err)
	}
	return resp, nil
}
