package server_test

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
)

const postHead = "POST /describeStream HTTP/1.1\r\nHost: x\r\n"

func attackSlowHeads(t *testing.T, r *rig) {
	var work sync.WaitGroup
	for range 30 {
		work.Go(func() { r.trickle(t) })
	}
	work.Wait()
}

func attackHugeHeads(t *testing.T, r *rig) {
	var work sync.WaitGroup
	for range 10 {
		work.Go(func() { r.flood(t) })
		work.Go(func() {
			r.wantRefused("one line", "POST /putMedia HTTP/1.1\r\nX: "+strings.Repeat("x", 1<<20)+"\r\n\r\n",
				http.StatusRequestHeaderFieldsTooLarge)
		})
	}
	r.wantRefused("a long target", "POST /"+strings.Repeat("x", 1<<20)+" HTTP/1.1\r\nHost: x\r\n\r\n",
		http.StatusRequestHeaderFieldsTooLarge, http.StatusBadRequest)
	work.Wait()
}

func attackManyFields(_ *testing.T, r *rig) {
	r.wantRefused("many fields", postHead+strings.Repeat("A: b\r\n", 10_000)+"Content-Length: 0\r\n\r\n",
		http.StatusForbidden, http.StatusRequestHeaderFieldsTooLarge)
	r.wantRefused("many of one name", postHead+strings.Repeat("X-Amz-Date: 20260101T000000Z\r\n", 1_000)+"Content-Length: 0\r\n\r\n",
		http.StatusForbidden, http.StatusRequestHeaderFieldsTooLarge)
}

// A length beside transfer chunks does not count, so what follows the chunks
// is a request of its own, which nobody signed.
func attackLengthAndChunks(t *testing.T, r *rig) {
	inner := "POST /deleteStream HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}"
	for _, order := range []string{
		"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n", "Transfer-Encoding: chunked\r\nContent-Length: 6\r\n",
		"Transfer-Encoding: chunked\r\nContent-Length: 0\r\n",
	} {
		for _, a := range r.hear(postHead + order + "\r\n0\r\n\r\n" + inner) {
			if a.status != http.StatusForbidden && a.status != http.StatusBadRequest {
				t.Errorf("%q: %v", order, a)
			}
		}
	}
}

func attackCodings(_ *testing.T, r *rig) {
	for _, coding := range []string{
		"Transfer-Encoding : chunked", " Transfer-Encoding: chunked", "Transfer-Encoding: xchunked", "Transfer-Encoding: chunked, identity",
		"Transfer-Encoding: gzip, chunked", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", "Transfer-Encoding: \"chunked\"",
		"Transfer-Encoding:\x0bchunked", "Transfer\r\nEncoding: chunked",
	} {
		r.wantRefused(coding, postHead+coding+"\r\n\r\n0\r\n\r\n", http.StatusBadRequest, http.StatusNotImplemented)
	}
}

func attackLengths(_ *testing.T, r *rig) {
	for _, length := range []string{
		"Content-Length: 2\r\nContent-Length: 3", "Content-Length: 2, 3", "Content-Length: -1", "Content-Length: +2", "Content-Length: 0x2",
		"Content-Length: 2 2", "Content-Length: 99999999999999999999", "Content-Length: ", "Content-Length: 2\x00", "Content-Length: ٢",
	} {
		r.wantRefused(length, postHead+length+"\r\n\r\n{}", http.StatusBadRequest)
	}
}

func attackFields(_ *testing.T, r *rig) {
	for _, field := range []string{
		"X: a\r\n b", "X: a\x00b", "X\x00: a", "X Y: a", ": a", "X", "X: a\rY: b", "Host: y", "X: \x7f",
	} {
		r.wantRefused(field, postHead+field+"\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}", http.StatusBadRequest, http.StatusForbidden)
	}
	r.wantRefused("no host", "POST /describeStream HTTP/1.1\r\nContent-Length: 0\r\n\r\n", http.StatusBadRequest)
	r.wantRefused("an old version", "POST /describeStream HTTP/0.9\r\n\r\n", http.StatusBadRequest, http.StatusHTTPVersionNotSupported)
	r.wantRefused("a new version", "POST /describeStream HTTP/9.9\r\nHost: x\r\n\r\n", http.StatusBadRequest, http.StatusHTTPVersionNotSupported)
}

func attackChunkSizes(t *testing.T, r *rig) {
	for _, size := range []string{
		"ffffffffffffffffffff", "-1", "0x5", "5 ", "", "\x00", "5;", "7fffffffffffffff", "5\n", "５",
	} {
		answers := r.hear(postHead + "Transfer-Encoding: chunked\r\n\r\n" + size + "\r\nhello\r\n0\r\n\r\n")
		for _, a := range answers {
			if a.status < 400 {
				t.Errorf("chunk size %q: %v", size, a)
			}
		}
		p, err := r.tryPut(r.putHead("victim", nil))
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(p.conn, size+"\r\nhello\r\n"+lastChunk)
		_ = p.breakOff()
		for _, a := range p.rest() {
			if a.EventType != "ERROR" {
				t.Errorf("PutMedia with chunk size %q: %v", size, a)
			}
		}
	}
}

func attackExtensions(t *testing.T, r *rig) {
	long := strings.Repeat("x", 1<<20)
	for name, body := range map[string]string{
		"an extension":         "2;" + long + "\r\n{}\r\n0\r\n\r\n",
		"a million extensions": strings.Repeat("1;"+long[:100]+"\r\n \r\n", 10_000) + "0\r\n\r\n",
		"a trailer":            "2\r\n{}\r\n0\r\nX: " + long + "\r\n\r\n",
		"a million trailers":   "2\r\n{}\r\n0\r\n" + strings.Repeat("X: y\r\n", 200_000) + "\r\n",
	} {
		for _, a := range r.hear(postHead + "Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n" + body) {
			if a.status < 400 {
				t.Errorf("%s: %v", name, a)
			}
		}
		p, err := r.tryPut(r.putHead("victim", nil))
		if err != nil {
			t.Fatal(err)
		}
		go io.WriteString(p.conn, body)
		p.rest()
		p.close()
	}
}
