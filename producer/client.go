package producer

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/tls"
	"fmt"
	"iter"
	"log/slog"
	"net"
	"net/http"
	"os"
	"slices"
	"sync"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/wire/client"
)

// A Client sends to streams of one server. Its zero value takes everything
// from the environment, under the names that the AWS tools use
// (AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID, AWS_PROFILE and so on). It may be used
// by any number of goroutines at once; its fields must not change after the
// first call.
type Client struct {
	// Endpoint is the URL of the server's control operations.
	Endpoint string
	// DataEndpoint is the URL that media go to, for all streams. With it nobody is
	// asked for one: that is a call less before the first byte, and credentials
	// need no GetDataEndpoint. Empty is what the server says for each stream.
	DataEndpoint string
	// Region is what requests are signed for.
	Region string
	// Profile is a profile in the AWS shared files, for what is not set here.
	Profile string
	// Credentials sign the requests.
	Credentials millrace.CredentialsSource
	// TLS is for https endpoints; nil trusts what the system or AWS_CA_BUNDLE trusts.
	TLS *tls.Config
	// HTTPClient makes the requests of control operations; nil is one of our own.
	HTTPClient *http.Client
	// Dial makes the connections that media go over. Nil goes through the proxy
	// that HTTPS_PROXY, HTTP_PROXY and NO_PROXY name, by CONNECT, and keeps old
	// media from waiting in the kernel; a function does all of that itself.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Logger is told what an operator would act on; nil tells nobody.
	Logger *slog.Logger
	// Memory bounds the media that all streams keep in memory, in bytes. 0 is
	// DefaultMemory.
	Memory int64
	// Spool is the directory below which streams with a spool keep one each.
	Spool string

	once     sync.Once
	pool     *pool
	hosts    hosts
	producer millrace.ProducerID
	client   *client.Client
	err      error

	mu      sync.Mutex // guards what follows
	streams []*Stream  // that are open, in the order of opening
}

// Streams yields the streams that are open, in the order of opening. Each time
// that it is ranged over it begins with those that are open then.
func (c *Client) Streams() iter.Seq[*Stream] {
	return func(yield func(*Stream) bool) {
		c.mu.Lock()
		open := slices.Clone(c.streams)
		c.mu.Unlock()
		for _, s := range open {
			if !yield(s) {
				return
			}
		}
	}
}

func (c *Client) enlist(s *Stream) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.streams = append(c.streams, s)
}

func (c *Client) delist(s *Stream) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.streams = slices.DeleteFunc(c.streams, func(other *Stream) bool { return other == s })
}

// connect resolves the settings once.
func (c *Client) connect() (*client.Client, error) {
	c.once.Do(func() {
		c.pool = newPool(cmp.Or(c.Memory, DefaultMemory))
		_, _ = rand.Read(c.producer[:]) // never fails
		settings, err := client.Resolve(client.Settings{
			Endpoint:     c.Endpoint,
			DataEndpoint: c.DataEndpoint,
			Region:       c.Region,
			Profile:      c.Profile,
			Credentials:  c.Credentials,
			TLS:          c.TLS,
			HTTP:         c.HTTPClient,
			Report:       logTrouble(c.Logger),
			Tries:        1, // the streams try again, when it is their host's turn
			Enter:        c.hosts.enter,
		}, os.Getenv)
		if err != nil {
			c.err = err
			return
		}
		c.client = client.New(settings)
	})
	return c.client, c.err
}

// ensure finds the stream, and makes it if there is none and spec says what it
// is to be, and created reports that. Of two clients that make it at once one
// finds it made.
func ensure(ctx context.Context, c *client.Client, name millrace.StreamName, spec *Spec, created func(millrace.Stream)) (millrace.Stream, error) {
	s, err := c.DescribeStream(ctx, name)
	if err == nil || spec == nil || millrace.CodeOf(err) != millrace.CodeNotFound {
		return s, err
	}
	_, err = c.CreateStream(ctx, name, client.StreamSpec{
		Retention:  spec.Retention,
		DeviceName: spec.DeviceName,
		MediaType:  spec.MediaType,
		Tags:       spec.Tags,
	})
	made := err == nil
	if !made && millrace.CodeOf(err) != millrace.CodeInUse {
		return s, fmt.Errorf("create: %w", err)
	}
	s, err = c.DescribeStream(ctx, name)
	if made && err == nil && created != nil {
		created(s)
	}
	return s, err
}
