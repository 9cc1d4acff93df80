package producer_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/wire"
	"github.com/millrace/millrace/mkv"
	"github.com/millrace/millrace/producer"
)

// A server is the other side of tests in which it says what no server should, which
// a producertest.Server never does. It lives on pipes, so that it can
// stand inside a synctest bubble. Each PutMedia call is handled by the next
// function of calls; when there is none left, by persist.
type server struct {
	t         *testing.T
	mu        sync.Mutex
	retention int
	missing   bool // no stream until one is created
	created   map[string]any
	calls     []func(*call)
	heads     []http.Header
	persisted []string // what was acknowledged, in order
	tags      []string // names, in the order in which they came
	refuse    func(call int) (status int, exception string)
	count     int

	pipes chan net.Conn
	http  http.Server
}

func newServer(t *testing.T, calls ...func(*call)) *server {
	t.Helper()
	s := &server{t: t, retention: 24, calls: calls}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /describeStream", s.describe)
	mux.HandleFunc("POST /createStream", s.create)
	mux.HandleFunc("POST /getDataEndpoint", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"DataEndpoint":"http://media.test"}`)
	})
	mux.HandleFunc("POST /putMedia", s.putMedia)
	s.http.Handler = mux
	return s
}

// start serves until stop is called, which waits for it.
func (s *server) start() (c *producer.Client, stop func()) {
	s.pipes = make(chan net.Conn) // made inside the bubble
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = s.http.Serve(s)
	}()
	transport := &http.Transport{DialContext: s.dial, DisableKeepAlives: true}
	c = &producer.Client{
		Endpoint:    "http://control.test",
		Credentials: millrace.StaticCredentials(millrace.Credentials{AccessKeyID: "AKIDTEST", SecretAccessKey: "secret"}),
		HTTPClient:  &http.Client{Transport: transport},
		Dial:        s.dial,
	}
	return c, func() {
		_ = s.http.Close()
		<-done
	}
}

func (s *server) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case s.pipes <- far:
		return near, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Accept, Close and Addr make the server its own net.Listener.
func (s *server) Accept() (net.Conn, error) {
	c, ok := <-s.pipes
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}

func (s *server) Close() error {
	close(s.pipes)
	return nil
}

func (s *server) Addr() net.Addr { return &net.TCPAddr{} }

func (s *server) describe(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.missing {
		fail(w, 404, "ResourceNotFoundException")
		return
	}
	fmt.Fprintf(w, `{"StreamInfo":{"StreamName":"gate","StreamARN":%q,"Status":"ACTIVE","DataRetentionInHours":%d}}`, arn, s.retention)
}

const arn = "arn:aws:kinesisvideo:us-east-1:000000000000:stream/gate/1700000000000"

func (s *server) create(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = json.NewDecoder(r.Body).Decode(&s.created)
	s.missing = false
	fmt.Fprintf(w, `{"StreamARN":%q}`, arn)
}

func fail(w http.ResponseWriter, status int, exception string) {
	w.Header().Set("x-amzn-ErrorType", exception)
	w.WriteHeader(status)
	fmt.Fprint(w, `{"message":"as the test has it"}`)
}

func (s *server) putMedia(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.count++
	n := s.count
	s.heads = append(s.heads, r.Header.Clone())
	handle := persist
	var status int
	var exception string
	if s.refuse != nil {
		status, exception = s.refuse(n)
	}
	if status == 0 && len(s.calls) > 0 {
		handle, s.calls = s.calls[0], s.calls[1:]
	}
	s.mu.Unlock()
	rc := http.NewResponseController(w)
	_ = rc.EnableFullDuplex()
	if status != 0 {
		fail(w, status, exception)
		return
	}
	w.Header().Set("Connection", "close")
	w.WriteHeader(200)
	_ = rc.Flush()
	handle(&call{server: s, w: w, rc: rc, body: mkv.NewReader(r.Body, mkv.ReaderOptions{})})
}

// A call is one PutMedia call as the server sees it.
type call struct {
	server *server
	w      http.ResponseWriter
	rc     *http.ResponseController
	body   *mkv.Reader
	header int // elements before the first Cluster
	held   *mkv.Element
	open   *cluster
}

// A cluster is what came of one Cluster.
type cluster struct {
	timecode uint64
	known    bool
	frames   []string
	times    []int64
	raws     []string
}

func (c *cluster) String() string {
	return fmt.Sprintf("%d:%s", c.timecode, strings.Join(c.frames, ","))
}

func (c *call) next() (mkv.Element, error) {
	if e := c.held; e != nil {
		c.held = nil
		return *e, nil
	}
	return c.body.Next()
}

// begin waits for the next Cluster's Timecode. It returns nil at the end of a
// body that ended in good order, and at one that broke.
func (c *call) begin() *cluster {
	for {
		e, err := c.next()
		if err != nil {
			if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.ErrClosedPipe) {
				c.server.t.Errorf("read body: %v", err)
			}
			return nil
		}
		switch {
		case e.ID == mkv.IDCluster && e.Kind == mkv.Start:
			c.open = &cluster{known: e.Size != mkv.UnknownSize}
		case e.ID == mkv.IDTimecode:
			c.open.timecode, _ = mkv.ParseUint(e.Data())
			return c.open
		case e.ID == mkv.IDTags:
			c.tag(e)
		case c.open == nil:
			c.header++
		}
	}
}

func (c *call) tag(e mkv.Element) {
	tags, err := mkv.ParseTags(e.Data())
	if err != nil {
		c.server.t.Error(err)
	}
	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	for _, t := range tags {
		for _, simple := range t.Simple {
			c.server.tags = append(c.server.tags, simple.Name)
		}
	}
}

// frame waits for the next frame of the open Cluster, and returns false at its
// end.
func (c *call) frame() bool {
	for {
		e, err := c.next()
		if err != nil || e.Kind == mkv.End {
			return false
		}
		if e.ID == mkv.IDSimpleBlock || e.ID == mkv.IDBlockGroup {
			b, err := mkv.ParseBlock(e.Data())
			if e.ID == mkv.IDBlockGroup {
				var g mkv.BlockGroup
				g, err = mkv.ParseBlockGroup(e.Data())
				b = g.Block
			}
			if err != nil {
				c.server.t.Error(err)
			}
			c.open.frames = append(c.open.frames, string(b.Payload))
			c.open.times = append(c.open.times, int64(c.open.timecode)+int64(b.RelTime))
			c.open.raws = append(c.open.raws, string(e.Raw))
			return true
		}
	}
}

// fragment waits for a whole Cluster, and acknowledges its begin and end. It
// returns nil when there is none.
func (c *call) fragment() *cluster {
	k := c.begin()
	if k == nil {
		return nil
	}
	c.ack(millrace.AckBuffering, k)
	for c.frame() {
	}
	c.ack(millrace.AckReceived, k)
	return k
}

const persisted = millrace.AckPersisted

func (c *call) ack(t millrace.AckType, k *cluster) {
	c.send(millrace.Ack{Type: t, HasTimecode: true, Timecode: k.timecode, Number: millrace.NewFragmentNumber(k.timecode, clock, 0)})
	if t == millrace.AckPersisted {
		c.server.mu.Lock()
		defer c.server.mu.Unlock()
		c.server.persisted = append(c.server.persisted, k.String())
	}
}

func (c *call) send(a millrace.Ack) {
	_, _ = c.w.Write(wire.AppendAck(nil, a))
	_ = c.rc.Flush()
}

// persist is what a good server does, to the end of the body.
func persist(c *call) {
	for {
		k := c.fragment()
		if k == nil {
			return
		}
		c.ack(millrace.AckPersisted, k)
	}
}

// hangUp breaks the connection.
func (c *call) hangUp() { panic(http.ErrAbortHandler) }

// upload writes letters to the server inside a bubble, and closes.
func (s *server) upload(t *testing.T, o producer.StreamConfig, letters string) (stats producer.Stats, err error) {
	t.Helper()
	t.Setenv("HOME", t.TempDir())
	synctest.Test(t, func(t *testing.T) {
		c, stop := s.start()
		defer stop()
		var up *producer.Stream
		o.Tracks = tracks()
		if up, err = c.Open(t.Context(), "gate", o); err != nil {
			return
		}
		written := writeUntil(t, up, 0, letters)
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		err = errors.Join(written, up.Close(ctx))
		stats = up.Stats()
	})
	return stats, err
}
