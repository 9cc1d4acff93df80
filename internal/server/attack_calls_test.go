package server_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// Names of dots are legal, and nothing but names.
func attackNames(t *testing.T, r *rig) {
	for _, name := range []string{".", "..", "...", "-", "_", strings.Repeat(".", 256), "CON", "nul.txt", "-rf", ".git"} {
		r.create(name, 24)
		p := r.put(name, nil)
		p.mustSend(slices.Concat(header(1), cluster(1000, block(1, 0, "of "+name)), endOfFragment()))
		p.want("BUFFERING 1000", "RECEIVED 1000", "PERSISTED 1000")
		p.end()
		p.rest()
		g := r.get(name, earliest())
		if d := g.must(); !bytes.Contains(d.raw, []byte("of "+name)) {
			t.Errorf("%s: read back as %q", name, d.raw)
		}
		g.close()
		r.deleteStream(name)
	}
	for _, name := range []string{
		"../x", "a/b", "/etc/passwd", `..\x`, "a\x00b", "%2e%2e", "", strings.Repeat("a", 257), "ａ", "a b", "a\n", "*", "?", "~", "$(id)", "a:b", "e\u0301",
	} {
		for _, path := range []string{"/createStream", "/describeStream", "/getDataEndpoint", "/getMedia"} {
			in := map[string]any{"StreamName": name, "APIName": "PUT_MEDIA", "StartSelector": earliest()}
			if status, out := r.call(path, in); status != http.StatusBadRequest || out["__type"] != "InvalidArgumentException" {
				t.Errorf("%s of %q: %d %v", path, name, status, out)
			}
		}
	}
}

// deleteStream deletes a stream and waits until its name is free.
func (r *rig) deleteStream(name string) {
	r.t.Helper()
	_, out := r.call("/describeStream", map[string]any{"StreamName": name})
	info, _ := out["StreamInfo"].(map[string]any)
	if status, out := r.call("/deleteStream", map[string]any{"StreamARN": info["StreamARN"]}); status != http.StatusOK {
		r.t.Fatalf("delete %s: %d %v", name, status, out)
	}
	for until := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if status, _ := r.call("/describeStream", map[string]any{"StreamName": name}); status == http.StatusNotFound {
			return
		}
		if time.Now().After(until) {
			r.t.Fatalf("%s is still there", name)
		}
	}
}

// What a target resembles is not called. Signatures are those of the path as
// sent, so that each would pass.
func attackTargets(t *testing.T, r *rig) {
	for _, target := range []string{
		"/createStream/", "/x/../createStream", "/./createStream", "/CREATESTREAM", "/createstream", "/createStream%00", "/createStream%20",
		"/%63reateStream", "/createStream;a=b", "/createStream%2f", "/..%2fcreateStream", "/createStream/../../etc/passwd", "/createStream.json",
		"/\\createStream", "/createStream%0d%0aX:y", "/tagResource", "/millrace/v1/../../createStream", "/millrace/v1/createStream", "/millrace/v1", "/",
	} {
		answers := r.hear(r.signedCall(target, `{"StreamName":"by-a-path"}`, "Connection: close"))
		if len(answers) != 1 || answers[0].status != http.StatusNotFound && answers[0].status != http.StatusBadRequest &&
			// This one is the path itself, in another spelling.
			!(target == "/%63reateStream" && answers[0].status == http.StatusOK) {
			t.Errorf("%s: %v", target, answers)
		}
		if target == "/%63reateStream" && answers[0].status == http.StatusOK {
			r.deleteStream("by-a-path")
		}
	}
	for _, line := range []string{
		"POST * HTTP/1.1", "CONNECT x:80 HTTP/1.1", "POST  HTTP/1.1", "POST http:// HTTP/1.1", "POST x HTTP/1.1", "POST /createStream#x HTTP/1.1",
		"POST /createStream HTTP/1.1 x", "POST //x@y:z/createStream HTTP/1.1", "POST http://[::1/createStream HTTP/1.1", "GET file:///etc/passwd HTTP/1.1",
	} {
		r.wantRefused(line, line+"\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound)
	}
}

func attackMethods(_ *testing.T, r *rig) {
	for _, method := range []string{"GET", "PUT", "DELETE", "PATCH", "TRACE", "PROPFIND", "post", "POST\t", "X" + strings.Repeat("Y", 10_000)} {
		for _, path := range []string{"/createStream", "/putMedia", "/getMedia", "/millrace/v1/deleteMedia"} {
			r.wantRefused(method+" "+path, method+" "+path+" HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
				http.StatusNotFound, http.StatusBadRequest, http.StatusForbidden)
		}
	}
}

func attackJSON(t *testing.T, r *rig) {
	const most = 1<<20 - 100 // a body may be a mebibyte
	for name, body := range map[string]string{
		"arrays in arrays":   strings.Repeat("[", most),
		"objects in objects": strings.Repeat(`{"StreamName":`, most/14),
		"closed nesting":     `{"X":` + strings.Repeat("[", most/2-10) + strings.Repeat("]", most/2-10) + `,"StreamName":1}`,
		"one name again":     `{"StreamName":1` + strings.Repeat(`,"StreamName":1`, most/15-1) + "}",
		"many names":         `{"a":1` + manyNames(most) + `,"StreamName":1}`,
		"a long number":      `{"DataRetentionInHours":1` + strings.Repeat("0", most-40) + `,"StreamName":"x"}`,
		"a high exponent":    `{"DataRetentionInHours":1e999999999,"StreamName":"x"}`,
		"a deep exponent":    `{"DataRetentionInHours":0.` + strings.Repeat("0", 100_000) + `1e100001,"StreamName":1}`,
		"escapes":            `{"StreamName":"` + strings.Repeat(`\u0000`, most/6-10) + `"}`,
		"half a surrogate":   `{"StreamName":"\ud800"}`,
		"no UTF-8":           "{\"StreamName\":\"\xff\xfe\"}",
		"a mark of order":    "\xef\xbb\xbf{}",
		"two objects":        `{"StreamName":"x"}{"StreamName":"y"}`,
		"a tail":             `{"StreamName":"x"} x`,
		"no end":             `{"StreamName":"x"`,
		"spaces":             strings.Repeat(" ", most),
		"NaN":                `{"DataRetentionInHours":NaN,"StreamName":"x"}`,
		"a tag bomb":         `{"StreamName":"x","Tags":{` + manyNames(most - 60)[1:] + `}}`,
	} {
		began := time.Now()
		answers := r.hear(r.signedCall("/createStream", body, "Connection: close"))
		if len(answers) != 1 || answers[0].status != http.StatusBadRequest ||
			answers[0].kind != "SerializationException" && answers[0].kind != "InvalidArgumentException" {
			t.Errorf("%s: %.300v", name, answers)
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("%s took %v", name, took)
		}
		for _, a := range answers {
			if len(a.body) > 4<<10 {
				t.Errorf("%s: an answer of %d bytes", name, len(a.body))
			}
		}
	}
}

func manyNames(bytes int) string {
	var b strings.Builder
	for i := 0; b.Len() < bytes-80; i++ {
		fmt.Fprintf(&b, `,"%x":1`, i)
	}
	return b.String()
}

// A body is taken as it is, whatever it says of itself.
func attackCompressed(t *testing.T, r *rig) {
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	_, _ = z.Write(bytes.Repeat([]byte(" "), 16<<20))
	_ = z.Close()
	for _, coding := range []string{"gzip", "deflate", "br", "aws-chunked", "gzip, gzip", "\x01"} {
		for _, body := range []string{bomb.String(), "{}"} {
			for _, a := range r.hear(r.signedCall("/createStream", body, "Content-Encoding: "+coding, "Connection: close")) {
				if a.status != http.StatusBadRequest {
					t.Errorf("%s: %v", coding, a)
				}
			}
		}
	}
	resp, err := r.client.Do(must(http.NewRequest(http.MethodGet, r.url+"/healthz", nil)))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if coding := resp.Header.Get("Content-Encoding"); coding != "" {
		t.Errorf("the answer is %s", coding)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func attackProtocols(t *testing.T, r *rig) {
	for name, text := range map[string]string{
		"HTTP/2 without asking": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00",
		"h2c":                   postHead + "Connection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\nContent-Length: 0\r\n\r\n",
		"WebSocket":             "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
		"SSH":                   "SSH-2.0-x\r\n",
		"RTSP":                  "DESCRIBE rtsp://x/y RTSP/1.0\r\nCSeq: 1\r\n\r\n",
		"a proxy's preface":     "PROXY TCP4 1.2.3.4 1.2.3.4 1 2\r\n" + postHead + "Content-Length: 0\r\n\r\n",
		"zeros":                 strings.Repeat("\x00", 100_000),
		"all ones":              strings.Repeat("\xff", 100_000),
	} {
		for _, a := range r.hear(text) {
			if a.status < 400 {
				t.Errorf("%s: %v", name, a)
			}
		}
	}
	conn := tls.Client(r.dial(), &tls.Config{InsecureSkipVerify: true})
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
	if err := conn.Handshake(); err == nil {
		t.Error("a server of plain http shook hands")
	}
}

func attackExpectations(t *testing.T, r *rig) {
	r.wantRefused("an odd one", postHead+"Expect: 200-ok\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}", http.StatusExpectationFailed)
	for range 50 {
		conn := r.say(postHead + "Expect: 100-continue\r\nContent-Length: 100\r\n\r\n")
		_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second))
		if line, err := bufio.NewReader(conn).ReadString('\n'); err != nil || !strings.Contains(line, "100") {
			t.Errorf("%q, %v", line, err)
		}
		conn.Close()
	}
}

// Requests whose answers are not read stop being read.
func attackDeaf(t *testing.T, r *rig) {
	one := postHead + "Content-Length: 2\r\n\r\n{}"
	var work sync.WaitGroup
	for range 10 {
		conn := r.dial()
		work.Go(func() {
			defer conn.Close()
			_ = conn.SetWriteDeadline(time.Now().Add(2 * time.Second))
			for sent := 0; sent < 64<<20; {
				n, err := io.WriteString(conn, strings.Repeat(one, 100))
				sent += n
				if err != nil {
					return
				}
			}
			t.Error("64 MiB of requests were taken from one who reads no answer")
		})
	}
	work.Wait()
}

func attackLongSignatures(_ *testing.T, r *rig) {
	long := strings.Repeat("a", 50_000)
	for _, auth := range []string{
		"AWS4-HMAC-SHA256 Credential=" + long, "AWS4-HMAC-SHA256 SignedHeaders=" + strings.Repeat("a;", 25_000) + ", Signature=b, Credential=c",
		long, strings.Repeat("AWS4-HMAC-SHA256 ", 3000), strings.Repeat(",", 50_000), "AWS4-HMAC-SHA256 Credential=" + keyID + "/20260101/us-west-2/kinesisvideo/aws4_request, SignedHeaders=" +
			strings.Repeat("host;x-amz-date;", 3000) + "host, Signature=" + strings.Repeat("0", 64),
	} {
		r.wantRefused(auth[:20], postHead+"Authorization: "+auth+"\r\nX-Amz-Date: 20260101T000000Z\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}",
			http.StatusForbidden)
	}
	r.wantRefused("a long token", postHead+"X-Amz-Security-Token: "+long+"\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}", http.StatusForbidden)
}

// Within the window a call may come again: it does what it would do again.
func attackReplays(t *testing.T, r *rig) {
	once := r.signedCall("/createStream", `{"StreamName":"once"}`)
	answers := r.hear(strings.Repeat(once, 999) + r.signedCall("/createStream", `{"StreamName":"once"}`, "Connection: close"))
	if len(answers) != 1000 || answers[0].status != http.StatusOK {
		t.Fatalf("%d answers, the first %v", len(answers), answers[:min(len(answers), 1)])
	}
	for _, a := range answers[1:] {
		if a.kind != "ResourceInUseException" {
			t.Fatalf("again: %v", a)
		}
	}
	r.deleteStream("once")
}

func attackReaders(_ *testing.T, r *rig) {
	head := r.getHead("witness", map[string]any{"StartSelectorType": "NOW"})
	for i := range 300 {
		conn := r.begun(head, nil)
		if i%2 == 0 {
			_ = conn.(*net.TCPConn).SetLinger(0)
		}
		conn.Close()
	}
}
