package server_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/wire"
)

// A form is one of the ways in which clients begin a PutMedia call.
type form struct {
	name    string
	method  string
	target  string // printed before the path, for an absolute target
	path    string
	proto   string
	headers []string // of framing, unsigned
}

func putForms(address string) []form {
	chunked := "Transfer-Encoding: chunked"
	return []form{
		{name: "chunked", headers: []string{chunked}},
		{name: "chunked with Expect", headers: []string{chunked, "Expect: 100-continue"}},
		{name: "of known length", headers: []string{"Content-Length: 1000000"}},
		{name: "of known length with Expect", headers: []string{"Content-Length: 1000000", "Expect: 100-continue"}},
		{name: "HTTP/1.0 of known length", proto: "HTTP/1.0", headers: []string{"Content-Length: 1000000"}},
		{name: "with an absolute target", target: "http://" + address, headers: []string{chunked}},
		{name: "with a slash too many", path: "//putMedia", headers: []string{chunked}},
	}
}

// A draft is a PutMedia request that a test changes before and after it is
// signed.
type draft struct {
	header http.Header
	key    wire.Credentials
	at     time.Time
	after  func(http.Header)
}

// head makes a draft's head in a form.
func (r *rig) head(f form, change func(*draft)) string {
	r.t.Helper()
	d := &draft{
		header: http.Header{
			wire.HeaderStreamName:    {"cam"},
			wire.HeaderTimecodeType:  {"ABSOLUTE"},
			wire.HeaderProducerStart: {"1700000000.000"},
		},
		key: wire.Credentials{AccessKeyID: keyID, SecretAccessKey: secret},
		at:  r.now(), after: func(http.Header) {},
	}
	change(d)
	method, path, proto := or(f.method, http.MethodPost), or(f.path, "/putMedia"), or(f.proto, "HTTP/1.1")
	req, err := http.NewRequest(method, r.url+path, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header = d.header
	signer := wire.Signer{Credentials: d.key, Region: "us-west-2"}
	if err := signer.Sign(req, wire.EmptyPayload, d.at); err != nil {
		r.t.Fatal(err)
	}
	d.after(req.Header)
	lines := []string{fmt.Sprintf("%s %s%s %s", method, f.target, path, proto), "Host: " + req.Host}
	lines = append(lines, f.headers...)
	for _, k := range slices.Sorted(maps.Keys(req.Header)) {
		lines = append(lines, k+": "+req.Header.Get(k))
	}
	return strings.Join(lines, "\r\n") + "\r\n\r\n"
}

func or(s, fallback string) string {
	if s == "" {
		return fallback
	}
	return s
}

// An answer is a whole one, read while the client held its body back.
type answer struct {
	status int
	kind   string // of the exception
	text   string
	took   time.Duration
}

// ask sends a head alone, and reads the answer and the end of the connection.
func (r *rig) ask(head string) (a answer, err error) {
	conn, err := net.Dial("tcp", r.address())
	if err != nil {
		return a, err
	}
	defer conn.Close()
	began := time.Now()
	if err := conn.SetDeadline(began.Add(10 * time.Second)); err != nil {
		return a, err
	}
	if _, err := io.WriteString(conn, head); err != nil {
		return a, err
	}
	br := bufio.NewReader(conn)
	resp, err := http.ReadResponse(br, nil)
	if err != nil {
		return a, fmt.Errorf("read answer: %w", err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return a, fmt.Errorf("read body of the answer: %w", err)
	}
	a = answer{status: resp.StatusCode, kind: resp.Header.Get(wire.HeaderErrorType), took: time.Since(began)}
	var body struct {
		Type    string `json:"__type"`
		Message string
	}
	if err := json.Unmarshal(raw, &body); err != nil {
		return a, fmt.Errorf("answer %d %q: %w", a.status, raw, err)
	}
	if a.text = body.Message; body.Type != a.kind || resp.Header.Get(wire.HeaderRequestID) == "" {
		return a, fmt.Errorf("the answer is of type %q and %q, its id is %q", a.kind, body.Type, resp.Header.Get(wire.HeaderRequestID))
	}
	if rest, err := io.ReadAll(br); err != nil || len(rest) > 0 {
		return a, fmt.Errorf("behind the answer: %q, %w", rest, errors.Join(err))
	}
	return a, nil
}

// within is how soon a client that holds its body back must have its answer.
const within = 3 * time.Second

func TestARefusedCallIsToldWhileItHoldsItsBodyBack(t *testing.T) {
	r := start(t, nil, nil)
	r.create("cam", 24)
	arn := r.arn("cam")
	const invalid, denied = "InvalidArgumentException", http.StatusForbidden
	set := func(name, value string) func(*draft) {
		return func(d *draft) { d.header[name] = []string{value} }
	}
	for _, tc := range []struct {
		name   string
		change func(*draft)
		status int
		kind   string
		text   string
	}{
		{"no signature", func(d *draft) { d.after = func(h http.Header) { h.Del("Authorization") } }, denied, "MissingAuthenticationTokenException", ""},
		{"half a signature", func(d *draft) {
			d.after = func(h http.Header) { h.Set("Authorization", "AWS4-HMAC-SHA256 Credential=x") }
		}, denied, "IncompleteSignatureException", ""},
		{"another key", func(d *draft) { d.key.AccessKeyID = "AKIAOTHERKEY00000000" }, denied, "UnrecognizedClientException", ""},
		{"another secret", func(d *draft) { d.key.SecretAccessKey = "other" }, denied, "InvalidSignatureException", "does not match"},
		{"a header changed", func(d *draft) { d.after = func(h http.Header) { h.Set(wire.HeaderStreamName, "other") } }, denied, "InvalidSignatureException", "does not match"},
		{"signed an hour ago", func(d *draft) { d.at = d.at.Add(-time.Hour) }, denied, "InvalidSignatureException", "Signature expired"},
		{"signed in an hour", func(d *draft) { d.at = d.at.Add(time.Hour) }, denied, "InvalidSignatureException", "Signature not yet current"},
		{"no stream", set(wire.HeaderStreamName, ""), 400, invalid, "stream"},
		{"name and ARN", set(wire.HeaderStreamARN, arn), 400, invalid, "both"},
		{"a name that is none", set(wire.HeaderStreamName, "a b"), 400, invalid, "stream"},
		{"a name that is too long", set(wire.HeaderStreamName, strings.Repeat("n", 257)), 400, invalid, "stream"},
		{"an ARN that is none", func(d *draft) {
			d.header = http.Header{wire.HeaderStreamARN: {"arn:aws:s3:::b"}, wire.HeaderTimecodeType: {"ABSOLUTE"}}
		}, 400, invalid, "stream"},
		{"no timecode type", set(wire.HeaderTimecodeType, ""), 400, invalid, "timecode"},
		{"an unknown timecode type", set(wire.HeaderTimecodeType, "absolute"), 400, invalid, "timecode"},
		{"no start for relative timecodes", func(d *draft) {
			d.header[wire.HeaderTimecodeType], d.header[wire.HeaderProducerStart] = []string{"RELATIVE"}, []string{""}
		}, 400, invalid, "start"},
		{"a start that is no time", set(wire.HeaderProducerStart, "noon"), 400, invalid, "start"},
		{"a start before all time", set(wire.HeaderProducerStart, "-1"), 400, invalid, "start"},
		{"a start behind all time", set(wire.HeaderProducerStart, "1e20"), 400, invalid, "start"},
		{"neither acks nor none", set(wire.HeaderAckRequired, "2"), 400, invalid, "acknowledgment"},
		{"a producer that is none", set(wire.HeaderProducer, strings.Repeat("A", 32)), 400, invalid, "producer id"},
		{"a stream that is not there", set(wire.HeaderStreamName, "other"), 404, "ResourceNotFoundException", "not found"},
		{"a stream that was there before", func(d *draft) {
			d.header[wire.HeaderStreamName], d.header[wire.HeaderStreamARN] = nil, []string{arn[:strings.LastIndex(arn, "/")] + "/1"}
			delete(d.header, wire.HeaderStreamName)
		}, 404, "ResourceNotFoundException", "not found"},
	} {
		for _, f := range putForms(r.address()) {
			t.Run(tc.name+"/"+f.name, func(t *testing.T) {
				t.Parallel()
				a, err := r.ask(r.head(f, tc.change))
				if err != nil {
					t.Fatal(err)
				}
				if a.status != tc.status || a.kind != tc.kind || !strings.Contains(a.text, tc.text) || a.took > within {
					t.Errorf("answered after %v with %d %s %q, want %d %s %q", a.took, a.status, a.kind, a.text, tc.status, tc.kind, tc.text)
				}
			})
		}
	}
}

func TestAMisdirectedCallIsToldWhileItHoldsItsBodyBack(t *testing.T) {
	r := start(t, nil, nil)
	r.create("cam", 24)
	chunked := []string{"Transfer-Encoding: chunked"}
	for name, tc := range map[string]struct {
		form   form
		status int
		kind   string
	}{
		"below a prefix that is not there": {form{path: "/kvs/putMedia"}, 404, "UnknownOperationException"},
		"in another case":                  {form{path: "/putmedia"}, 404, "UnknownOperationException"},
		"to no operation":                  {form{path: "/"}, 404, "UnknownOperationException"},
		"with GET":                         {form{method: http.MethodGet}, 404, "UnknownOperationException"},
		"with PUT":                         {form{method: http.MethodPut}, 404, "UnknownOperationException"},
		"with POST to the health check":    {form{path: "/healthz"}, 404, "UnknownOperationException"},
		"HTTP/1.0 without a length":        {form{proto: "HTTP/1.0", headers: []string{"Connection: close"}}, 400, "InvalidArgumentException"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if tc.form.headers == nil {
				tc.form.headers = chunked
			}
			a, err := r.ask(r.head(tc.form, func(*draft) {}))
			if err != nil {
				t.Fatal(err)
			}
			if a.status != tc.status || a.kind != tc.kind || a.took > within {
				t.Errorf("answered after %v with %d %s, want %d %s", a.took, a.status, a.kind, tc.status, tc.kind)
			}
		})
	}
}

func TestEveryFormOfACallIsServed(t *testing.T) {
	r := start(t, nil, nil)
	r.create("cam", 24)
	body := slices.Concat(header(1), cluster(5, oneBlock()))
	for _, f := range putForms(r.address()) {
		t.Run(f.name, func(t *testing.T) {
			known := slices.Contains(f.headers, "Content-Length: 1000000")
			if known {
				f.headers = append([]string{fmt.Sprint("Content-Length: ", len(body))}, f.headers[1:]...)
			}
			conn, err := net.Dial("tcp", r.address())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
				t.Fatal(err)
			}
			_, _ = io.WriteString(conn, r.head(f, func(*draft) {}))
			br := bufio.NewReader(conn)
			resp, err := http.ReadResponse(br, nil)
			if err == nil && resp.StatusCode == http.StatusContinue {
				resp, err = http.ReadResponse(br, nil)
			}
			if err != nil || resp.StatusCode != http.StatusOK {
				t.Fatalf("head: %v %v", resp, err)
			}
			defer resp.Body.Close()
			if known {
				_, err = conn.Write(body)
			} else {
				_, err = fmt.Fprintf(conn, "%x\r\n%s\r\n0\r\n\r\n", len(body), body)
			}
			if err != nil {
				t.Fatal(err)
			}
			acks, err := io.ReadAll(resp.Body)
			if lines := strings.Count(string(acks), "\n"); err != nil || lines != 3 || !strings.Contains(string(acks), "PERSISTED") {
				t.Errorf("%q, %v", acks, err)
			}
		})
	}
	if n := len(r.readable("cam")); n != len(putForms("")) {
		t.Errorf("%d fragments", n)
	}
}
