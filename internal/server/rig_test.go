package server_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/config"
	"github.com/millrace/millrace/internal/server"
	"github.com/millrace/millrace/internal/wire"
)

// The key that every test's server has.
const (
	keyID  = "AKIADUMMYKEY00000000"
	secret = "dummysecretdummysecretdummysecret00000000"
)

// A rig is a running server and its clients.
type rig struct {
	t   testing.TB
	s   *server.Server
	cfg config.Server
	url string
	now func() time.Time

	options server.Options
	keys    wire.Credentials // whose calls they are; the root key's if zero
	client  *http.Client     // keeps connections, for the server waits for those that end
}

// start runs a server on a data directory of its own, with settings changed by
// change, and on a clock that may be another than the machine's.
func start(t testing.TB, now func() time.Time, change func(*config.Server)) *rig {
	t.Helper()
	return startWith(t, server.Options{Now: now}, change)
}

// startWith is start with what a server needs beside its settings.
func startWith(t testing.TB, o server.Options, change func(*config.Server)) *rig {
	t.Helper()
	cfg := config.Default(config.ProfileDefault)
	cfg.Data, cfg.Listen = t.TempDir(), "127.0.0.1:0"
	cfg.AccessKeyID, cfg.SecretAccessKey = keyID, secret
	cfg.Region = "us-west-2"
	if change != nil {
		change(&cfg)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	r := newRig(t, cfg, o.Now)
	r.options = o
	r.open()
	t.Cleanup(func() {
		if err := r.s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return r
}

// newRig returns a rig without a server.
func newRig(t testing.TB, cfg config.Server, now func() time.Time) *rig {
	transport := &http.Transport{DisableCompression: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &rig{t: t, cfg: cfg, now: now, client: &http.Client{Transport: transport}}
}

func (r *rig) open() {
	r.t.Helper()
	s, err := server.Start(context.Background(), r.cfg, r.options)
	if err != nil {
		r.t.Fatal(err)
	}
	r.s, r.url = s, s.URL()
}

// restart closes the server and opens it again on the same data.
func (r *rig) restart() {
	r.t.Helper()
	r.close()
	r.open()
}

func (r *rig) close() {
	r.t.Helper()
	if err := r.s.Close(); err != nil {
		r.t.Fatalf("close: %v", err)
	}
}

func (r *rig) address() string {
	u, err := url.Parse(r.url)
	if err != nil {
		r.t.Fatal(err)
	}
	return u.Host
}

func (r *rig) signer() wire.Signer {
	if r.keys.AccessKeyID != "" {
		return wire.Signer{Credentials: r.keys, Region: "us-west-2"}
	}
	return wire.Signer{Credentials: wire.Credentials{AccessKeyID: r.cfg.AccessKeyID, SecretAccessKey: secret}, Region: "us-west-2"}
}

// call makes a signed JSON call.
func (r *rig) call(path string, in any) (int, map[string]any) {
	r.t.Helper()
	resp := r.post(context.Background(), path, in)
	defer resp.Body.Close()
	var out map[string]any
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil {
		r.t.Fatalf("%s: %v", path, err)
	}
	return resp.StatusCode, out
}

func (r *rig) post(ctx context.Context, path string, in any) *http.Response {
	r.t.Helper()
	resp, err := r.tryPost(ctx, path, in)
	if err != nil {
		r.t.Fatal(err)
	}
	return resp
}

// tryPost is post against a server that may be gone.
func (r *rig) tryPost(ctx context.Context, path string, in any) (*http.Response, error) {
	body, err := json.Marshal(in)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.url+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	if err := r.signer().Sign(req, wire.PayloadHash(body), r.now()); err != nil {
		return nil, err
	}
	return r.client.Do(req)
}

func (r *rig) create(name string, hours int) {
	r.t.Helper()
	if status, out := r.call("/createStream", map[string]any{"StreamName": name, "DataRetentionInHours": hours}); status != http.StatusOK {
		r.t.Fatalf("create %s: %d %v", name, status, out)
	}
}

// A put is one PutMedia call over a raw socket.
type put struct {
	t      testing.TB
	conn   net.Conn
	status int
	answer http.Header
	acks   chan ack
	failed error // why the answer ended; set before acks is closed
	once   sync.Once
}

type ack struct {
	EventType        string
	FragmentTimecode *uint64
	FragmentNumber   string
	ErrorId          int
	ErrorCode        string
	raw              string
	at               time.Time
}

// put opens a signed call with the usual headers.
func (r *rig) put(name string, header http.Header) *put {
	r.t.Helper()
	return r.putRaw(r.putHead(name, header))
}

// putHead is the signed head of a call with the usual headers.
func (r *rig) putHead(name string, header http.Header) string {
	r.t.Helper()
	req, err := http.NewRequest(http.MethodPost, r.url+"/putMedia", nil)
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header = http.Header{
		wire.HeaderStreamName:    {name},
		wire.HeaderTimecodeType:  {"ABSOLUTE"},
		wire.HeaderProducerStart: {"1700000000.000"},
	}
	for k, v := range header {
		req.Header[k] = v
	}
	if err := r.signer().Sign(req, wire.EmptyPayload, r.now()); err != nil {
		r.t.Fatal(err)
	}
	var head strings.Builder
	fmt.Fprintf(&head, "POST /putMedia HTTP/1.1\r\nHost: %s\r\nTransfer-Encoding: chunked\r\n", req.Host)
	for k, v := range req.Header {
		fmt.Fprintf(&head, "%s: %s\r\n", k, v[0])
	}
	head.WriteString("\r\n")
	return head.String()
}

// putPlain opens a chunked request without signature, to a server that is not
// ours.
func (r *rig) putPlain() *put {
	r.t.Helper()
	conn, err := net.Dial("tcp", r.address())
	if err != nil {
		r.t.Fatal(err)
	}
	_, _ = io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n")
	return &put{t: r.t, conn: conn}
}

// putRaw sends a head as it is and reads the head of the answer.
func (r *rig) putRaw(head string) *put {
	r.t.Helper()
	p, err := r.tryPut(head)
	if err != nil {
		r.t.Fatal(err)
	}
	return p
}

// tryPut is putRaw against a server that may be gone.
func (r *rig) tryPut(head string) (*put, error) {
	conn, err := net.Dial("tcp", r.address())
	if err != nil {
		return nil, err
	}
	p := &put{t: r.t, conn: conn, acks: make(chan ack, 10_000)}
	r.t.Cleanup(p.close)
	if _, err := io.WriteString(conn, head); err != nil {
		return nil, err
	}
	br := bufio.NewReader(conn)
	resp, err := http.ReadResponse(br, nil)
	if err == nil && resp.StatusCode == http.StatusContinue {
		resp, err = http.ReadResponse(br, nil)
	}
	if err != nil {
		p.close()
		return nil, fmt.Errorf("read answer: %w", err)
	}
	p.status, p.answer = resp.StatusCode, resp.Header
	if p.status == http.StatusOK {
		go p.read(br)
	} else {
		body, _ := io.ReadAll(resp.Body)
		p.failed = errors.New(resp.Header.Get("x-amzn-ErrorType") + ": " + string(body))
		close(p.acks)
	}
	return p, nil
}

// read takes the answer apart chunk by chunk: each must be one ack (S4).
func (p *put) read(br *bufio.Reader) {
	defer close(p.acks)
	for {
		line, err := br.ReadString('\n')
		if err != nil {
			p.failed = fmt.Errorf("chunk size: %w", err)
			return
		}
		n, err := strconv.ParseUint(strings.TrimSuffix(line, "\r\n"), 16, 31)
		if err != nil {
			p.failed = err
			return
		}
		chunk := make([]byte, n+2)
		if _, err := io.ReadFull(br, chunk); err != nil {
			p.failed = fmt.Errorf("chunk: %w", err)
			return
		}
		if n == 0 {
			return
		}
		a := ack{raw: string(chunk[:n]), at: time.Now()}
		if err := json.Unmarshal(chunk[:n], &a); err != nil || !strings.HasSuffix(a.raw, "}\n") || strings.Count(a.raw, "\n") != 1 {
			p.failed = fmt.Errorf("chunk is not one acknowledgement: %q", chunk)
			return
		}
		p.acks <- a
	}
}

// send writes body bytes as chunks of the given size; 0 makes one chunk.
func (p *put) send(body []byte, size int) error {
	if size <= 0 {
		size = max(len(body), 1)
	}
	for len(body) > 0 {
		n := min(size, len(body))
		if _, err := fmt.Fprintf(p.conn, "%x\r\n%s\r\n", n, body[:n]); err != nil {
			return err
		}
		body = body[n:]
	}
	return nil
}

func (p *put) mustSend(body []byte) {
	p.t.Helper()
	if err := p.send(body, 0); err != nil {
		p.t.Fatal(err)
	}
}

// end sends the terminating chunk.
func (p *put) end() { _, _ = io.WriteString(p.conn, "0\r\n\r\n") }

func (p *put) close() { p.once.Do(func() { p.conn.Close() }) }

// next returns the next ack but IDLEs, within a time that is far too long.
func (p *put) next() ack {
	p.t.Helper()
	timeout := time.NewTimer(30 * time.Second)
	defer timeout.Stop()
	for {
		select {
		case a, ok := <-p.acks:
			if !ok {
				p.t.Fatalf("the answer ended: %v", p.failed)
			}
			if a.EventType != "IDLE" {
				return a
			}
		case <-timeout.C:
			p.t.Fatal("no acknowledgement")
		}
	}
}

// want checks the next acks against a text such as "BUFFERING 5".
func (p *put) want(events ...string) (last ack) {
	p.t.Helper()
	for _, want := range events {
		last = p.next()
		if got := last.String(); got != want {
			p.t.Fatalf("ack = %s, want %s", got, want)
		}
	}
	return last
}

func (a ack) String() string {
	s := a.EventType
	if a.FragmentTimecode != nil {
		s += fmt.Sprint(" ", *a.FragmentTimecode)
	}
	if a.ErrorId != 0 {
		s += fmt.Sprint(" ", a.ErrorId, " ", a.ErrorCode)
	}
	return s
}

// rest returns all acks up to the end of the answer.
func (p *put) rest() (out []ack) {
	p.t.Helper()
	timeout := time.NewTimer(time.Minute)
	defer timeout.Stop()
	for {
		select {
		case a, ok := <-p.acks:
			if !ok {
				return out
			}
			if a.EventType != "IDLE" {
				out = append(out, a)
			}
		case <-timeout.C:
			p.t.Fatal("the answer does not end")
		}
	}
}
