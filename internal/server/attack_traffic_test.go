package server_test

import (
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

func attackLongBodies(_ *testing.T, r *rig) {
	huge := strings.Repeat("x", 4<<20)
	r.wantRefused("a long body", postHead+"Content-Length: 4194304\r\n\r\n"+huge, http.StatusRequestEntityTooLarge)
	r.wantRefused("a length that is not sent", postHead+"Content-Length: 1152921504606846976\r\n\r\nx", http.StatusRequestEntityTooLarge)
	r.wantRefused("chunks without end", postHead+"Transfer-Encoding: chunked\r\n\r\n"+strings.Repeat("10000\r\n"+huge[:1<<16]+"\r\n", 64),
		http.StatusRequestEntityTooLarge)
}

func attackSilentBodies(t *testing.T, r *rig) {
	var conns []net.Conn
	for range 100 {
		conns = append(conns, r.say(postHead+"Content-Length: 100\r\n\r\n{"))
	}
	for _, conn := range conns { // the server would wait for half a minute
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	}
}

func attackPipeline(t *testing.T, r *rig) {
	const requests = 1000
	one := postHead + "Content-Length: 2\r\n\r\n{}"
	answers := r.hear(strings.Repeat(one, requests) + postHead + "Connection: close\r\nContent-Length: 2\r\n\r\n{}")
	if len(answers) != requests+1 {
		t.Errorf("%d answers to %d requests", len(answers), requests+1)
	}
	for i, a := range answers {
		if a.status != http.StatusForbidden || a.kind != "MissingAuthenticationTokenException" {
			t.Fatalf("answer %d: %v", i, a)
		}
	}
	// Behind a PutMedia that is refused nothing is a request any more.
	for _, a := range r.hear(strings.Replace(r.putHead("no-such-stream", nil), "\r\n\r\n", "\r\n\r\n0\r\n\r\n"+one, 1)) {
		if a.status != http.StatusNotFound {
			t.Errorf("behind a PutMedia: %v", a)
		}
	}
}

// A signed call within the body of another is a body.
func attackSmuggled(t *testing.T, r *rig) {
	inner := r.signedCall("/createStream", `{"StreamName":"smuggled"}`)
	for name, outer := range map[string]string{
		"in JSON":      postHead + fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(inner), inner),
		"in chunks":    postHead + fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", len(inner), inner),
		"in PutMedia":  r.putHead("victim", nil) + fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(inner), inner),
		"behind it":    r.putHead("victim", nil) + "0\r\n\r\n" + inner,
		"in a trailer": r.putHead("victim", nil) + "0\r\nX: y\r\n" + inner,
	} {
		answers := r.hear(outer)
		if len(answers) > 1 {
			t.Errorf("%s: %v", name, answers)
		}
	}
}

func attackResets(t *testing.T, r *rig) {
	put, get := r.putHead("victim", nil), r.getHead("victim", earliest())
	states := []string{
		"", "POST", postHead, postHead + "Content-Length: 100\r\n\r\n{", put, put + "10\r\n", put + string(frame(header(1), everything)),
		put + string(frame(slices.Concat(header(1), cluster(1, oneBlock())), everything)), get, get[:len(get)/2],
	}
	var work sync.WaitGroup
	for i := range 1000 {
		conn := r.say(states[i%len(states)])
		work.Go(func() {
			if i%3 == 0 { // some when they were heard
				_ = conn.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
				_, _ = conn.Read(make([]byte, 1))
			}
			_ = conn.(*net.TCPConn).SetLinger(0)
			conn.Close()
		})
		if i%100 == 99 {
			work.Wait()
		}
	}
	work.Wait()
}

func attackChurn(_ *testing.T, r *rig) {
	for range 2000 {
		r.dial().Close()
	}
}
