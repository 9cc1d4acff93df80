package consumer

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/wire/client"
)

// A Client reads streams of one server. Its zero value takes everything from
// the environment, under the names that the AWS tools use (AWS_ENDPOINT_URL,
// AWS_ACCESS_KEY_ID, AWS_PROFILE and so on). It may be used by any number of
// goroutines at once; its fields must not change after the first call.
type Client struct {
	// Endpoint is the URL of the server's control operations.
	Endpoint string
	// DataEndpoint is the URL that media come from, for all streams. With it nobody
	// is asked for one, and credentials need no GetDataEndpoint. Empty is what the
	// server says for each stream.
	DataEndpoint string
	// Region is what requests are signed for.
	Region string
	// Profile is a profile in the AWS shared files, for what is not set here.
	Profile string
	// Credentials sign the requests.
	Credentials millrace.CredentialsSource
	// TLS is for https endpoints; nil trusts what the system or AWS_CA_BUNDLE
	// trusts. It is not used with an HTTPClient.
	TLS *tls.Config
	// HTTPClient makes the requests. It must not limit the time of a whole
	// response, and should not ask for compression; it should limit the wait for a
	// response's head, which is waited for as long as the loop's context lasts
	// otherwise. Nil is a client of our own, which waits for 30 s.
	HTTPClient *http.Client

	once   sync.Once
	client *client.Client
	err    error
}

// connect resolves the settings once.
func (c *Client) connect() (*client.Client, error) {
	c.once.Do(func() {
		settings, err := client.Resolve(client.Settings{
			Endpoint:     c.Endpoint,
			DataEndpoint: c.DataEndpoint,
			Region:       c.Region,
			Profile:      c.Profile,
			Credentials:  c.Credentials,
			TLS:          c.TLS,
			HTTP:         c.HTTPClient,
		}, os.Getenv)
		if err != nil {
			c.err = err
			return
		}
		c.client = client.New(settings)
	})
	return c.client, c.err
}

// GetMedia opens one GetMedia response. Its bytes begin with a document and
// end whenever the server or the network says so; the caller closes it. What
// the server refuses is a *millrace.Error.
func (c *Client) GetMedia(ctx context.Context, stream millrace.StreamName, start millrace.StartSelector) (io.ReadCloser, error) {
	conn, err := c.connect()
	if err != nil {
		return nil, err
	}
	body, _, err := conn.OpenMedia(ctx, stream, start)
	if err != nil {
		return nil, fmt.Errorf("get media of %s: %w", stream, err)
	}
	return body, nil
}
