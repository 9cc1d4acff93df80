package server_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/config"
	"github.com/millrace/millrace/internal/wire"
)

// An attack is what somebody does to a server who wishes it no good.
type attack struct {
	name string
	run  func(t *testing.T, r *rig)
}

// attacks are tried one after another on one server.
func attacks() []attack {
	return []attack{
		{"heads that arrive byte by byte", attackSlowHeads},
		{"heads of a megabyte, in one line and in many", attackHugeHeads},
		{"ten thousand header fields", attackManyFields},
		{"a length beside transfer chunks", attackLengthAndChunks},
		{"transfer codings that are misspelt", attackCodings},
		{"lengths that contradict or are no number", attackLengths},
		{"line ends, foldings and zero bytes in fields", attackFields},
		{"sizes of transfer chunks that are no size", attackChunkSizes},
		{"extensions and trailers without end", attackExtensions},
		{"a body that is longer than any may be", attackLongBodies},
		{"a body that does not come", attackSilentBodies},
		{"a thousand requests in one write", attackPipeline},
		{"a call that is hidden in another's body", attackSmuggled},
		{"connections that are reset in every state", attackResets},
		{"connections that are opened and closed", attackChurn},
		{"names that are paths", attackNames},
		{"targets that are paths", attackTargets},
		{"methods that are none", attackMethods},
		{"JSON that nests, repeats or overflows", attackJSON},
		{"bodies that are compressed", attackCompressed},
		{"other protocols on the port", attackProtocols},
		{"expectations that cannot be met", attackExpectations},
		{"answers that nobody reads", attackDeaf},
		{"signatures as long as a head may be", attackLongSignatures},
		{"one signed call a thousand times", attackReplays},
		{"readers that come and go", attackReaders},
	}
}

// TestAttacks: after each of them the server answers as before, a producer and
// a reader beside it have noticed nothing, and what it took is given back.
func TestAttacks(t *testing.T) {
	besiege(t, func(c *config.Server) { c.Data = filepath.Join(c.Data, "within", "data") }, func(t *testing.T, r *rig) {
		outside := filepath.Dir(filepath.Dir(r.cfg.Data))
		_, want := r.call("/describeStream", map[string]any{"StreamName": "victim"})
		for _, a := range attacks() {
			t.Run(a.name, func(t *testing.T) {
				own := *r
				own.t = t
				a.run(t, &own)
				own.wantUnharmed(want, outside)
			})
		}
	})
}

// wantUnharmed looks at the server behind an attack.
func (r *rig) wantUnharmed(victim map[string]any, outside string) {
	r.t.Helper()
	for _, path := range []string{"/healthz", "/readyz"} {
		resp, err := r.client.Get(r.url + path)
		if err != nil {
			r.t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			r.t.Errorf("%s: %d", path, resp.StatusCode)
		}
	}
	if _, now := r.call("/describeStream", map[string]any{"StreamName": "victim"}); fmt.Sprint(now) != fmt.Sprint(victim) {
		r.t.Errorf("the stream was %v and is %v", victim, now)
	}
	_, list := r.call("/listStreams", map[string]any{})
	if streams, _ := list["StreamInfoList"].([]any); len(streams) != 2 {
		r.t.Errorf("streams: %v", list)
	}
	if there, err := os.ReadDir(outside); err != nil || len(there) != 1 {
		r.t.Errorf("beside the data directory there is %v, %v", there, err)
	}
}

// A verdict is what a server answered to something raw.
type verdict struct {
	status int
	kind   string // x-amzn-ErrorType
	body   string
}

// hear sends text as it is, and returns the answers that came before the
// connection ended or fell silent for a while.
func (r *rig) hear(text string) (answers []verdict) {
	r.t.Helper()
	conn := must(net.Dial("tcp", r.address()))
	defer conn.Close()
	go io.WriteString(conn, text) // it may never be read to its end
	br := bufio.NewReader(conn)
	for {
		patience := 5 * time.Second // within which an answer begins that comes at all
		if len(answers) > 0 {
			patience = time.Second
		}
		_ = conn.SetReadDeadline(time.Now().Add(patience))
		resp, err := http.ReadResponse(br, nil)
		if err != nil {
			if !ended(err) {
				r.t.Errorf("behind %d answers to %.60q: %v", len(answers), text, err)
			}
			return answers
		}
		_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second))
		body, err := io.ReadAll(resp.Body)
		if err != nil && !ended(err) {
			r.t.Errorf("an answer to %.60q: %v", text, err)
		}
		answers = append(answers, verdict{resp.StatusCode, resp.Header.Get("x-amzn-ErrorType"), string(body)})
		if resp.Close {
			return answers
		}
	}
}

// ended tells an end, or a silence, from an answer that makes no sense.
func ended(err error) bool {
	return errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		strings.Contains(err.Error(), "connection reset")
}

// wantRefused expects just one answer, of one of the statuses, which is an
// error in the protocol's form or one of the HTTP layer's own.
func (r *rig) wantRefused(what, text string, statuses ...int) {
	r.t.Helper()
	answers := r.hear(text)
	if len(answers) != 1 || !slices.Contains(statuses, answers[0].status) {
		r.t.Errorf("%s: answers %.300v, want one of %v", what, answers, statuses)
		return
	}
	a := answers[0]
	var form struct{ Message, Type string }
	if a.kind != "" && json.Unmarshal([]byte(a.body), &form) != nil {
		r.t.Errorf("%s: %s with the body %.200q", what, a.kind, a.body)
	}
}

// signedCall is a whole signed JSON request in its raw form. Fields are added
// unsigned.
func (r *rig) signedCall(target, body string, fields ...string) string {
	r.t.Helper()
	req, err := http.NewRequest(http.MethodPost, r.url+target, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	if err := r.signer().Sign(req, wire.PayloadHash([]byte(body)), r.now()); err != nil {
		r.t.Fatal(err)
	}
	var raw strings.Builder
	fmt.Fprintf(&raw, "POST %s HTTP/1.1\r\nHost: %s\r\n", target, req.Host)
	for name, values := range req.Header {
		fmt.Fprintf(&raw, "%s: %s\r\n", name, values[0])
	}
	for _, field := range fields {
		raw.WriteString(field + "\r\n")
	}
	if !slices.ContainsFunc(fields, func(f string) bool { return strings.HasPrefix(f, "Transfer-Encoding") }) {
		fmt.Fprintf(&raw, "Content-Length: %d\r\n", len(body))
	}
	return raw.String() + "\r\n" + body
}
