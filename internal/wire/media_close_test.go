package wire_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/wire"
)

// The client sends much that nobody reads, and reads only when everything is
// over: the answer must still be there.
func TestAnUnreadBodyDoesNotDestroyTheAnswer(t *testing.T) {
	overTCPAndTLS(t, func(t *testing.T, secure bool) {
		k := open(t, secure, chunkedHead, wire.HijackMedia)
		closed := make(chan struct{})
		go func() {
			defer close(closed)
			k.respond(t)
			if err := errors.Join(k.c.WriteChunk([]byte("the last ack\n")), k.c.Finish()); err != nil {
				t.Error(err)
			}
			k.c.CloseGracefully(time.Second)
		}()
		k.writeString(t, "100000\r\n"+strings.Repeat("x", 1<<20)+"\r\n0\r\n\r\n")
		k.closeWrite(t)
		<-closed
		if got, err := k.response(t); got != "the last ack\n" || err != nil {
			t.Errorf("response %q, %v", got, err)
		}
	})
}

func TestTheClientSeesTheEndBeforeItCloses(t *testing.T) {
	overTCPAndTLS(t, func(t *testing.T, secure bool) {
		k := open(t, secure, chunkedHead, wire.HijackMedia)
		k.respond(t)
		if err := k.c.Finish(); err != nil {
			t.Fatal(err)
		}
		closed := make(chan struct{})
		go func() {
			defer close(closed)
			k.c.CloseGracefully(time.Second)
		}()
		b, err := io.ReadAll(k.Conn) // up to the end of the connection, which comes although we are still open
		if !strings.HasSuffix(string(b), "\r\n\r\n0\r\n\r\n") || err != nil {
			t.Errorf("response %q, %v", b, err)
		}
		select {
		case <-closed:
			t.Error("the end came only when the server had given up waiting")
		default:
		}
		_ = k.Conn.Close()
		<-closed
	})
}

func TestLingeringEnds(t *testing.T) {
	overTCPAndTLS(t, func(t *testing.T, secure bool) {
		k := open(t, secure, chunkedHead, wire.HijackMedia)
		k.respond(t)
		_ = k.c.Finish()
		within(t, "CloseGracefully", func() { k.c.CloseGracefully(time.Millisecond) })
	})
}

func TestAbortCutsTheResponse(t *testing.T) {
	overTCPAndTLS(t, func(t *testing.T, secure bool) {
		k := open(t, secure, chunkedHead, wire.HijackMedia)
		k.respond(t)
		if err := k.c.WriteChunk([]byte("half")); err != nil {
			t.Fatal(err)
		}
		k.c.Abort()
		if got, err := k.response(t); got != "half" || !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("response %q, %v", got, err)
		}
		if err := k.c.WriteChunk([]byte("x")); err == nil {
			t.Error("a write after Abort goes out")
		}
	})
}

func TestAbortEndsAWriteThatWaits(t *testing.T) {
	overTCPAndTLS(t, func(t *testing.T, secure bool) {
		k := open(t, secure, chunkedHead, wire.HijackMedia)
		k.respond(t)
		failed := make(chan error, 1)
		go func() {
			var err error
			for chunk := make([]byte, 1<<20); err == nil; {
				err = k.c.WriteChunk(chunk)
			}
			failed <- err
		}()
		within(t, "Abort", func() {
			k.c.Abort()
			<-failed
		})
	})
}

const getMediaHead = "POST /getMedia HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}"

// openGetMedia opens a call whose body has been read.
func openGetMedia(t *testing.T, secure bool) *call {
	return open(t, secure, getMediaHead, func(w http.ResponseWriter, r *http.Request) (*wire.MediaConn, error) {
		if _, err := wire.ReadBody(r); err != nil {
			t.Error(err)
		}
		return wire.HijackResponse(w, r)
	})
}

func TestWatchClose(t *testing.T) {
	overTCPAndTLS(t, func(t *testing.T, secure bool) {
		for name, leave := range map[string]func(*testing.T, *call){
			"the client closes":          func(_ *testing.T, k *call) { _ = k.Conn.Close() },
			"the client half-closes":     func(t *testing.T, k *call) { k.closeWrite(t) },
			"the client chats and goes":  func(t *testing.T, k *call) { k.writeString(t, strings.Repeat("x", 100_000)); _ = k.Conn.Close() },
			"the server's end is closed": func(_ *testing.T, k *call) { k.c.Abort() },
		} {
			t.Run(name, func(t *testing.T) {
				k := openGetMedia(t, secure)
				ctx, stop := k.c.WatchClose(t.Context())
				defer stop()
				if ctx.Err() != nil {
					t.Fatal("cancelled before anything happened")
				}
				leave(t, k)
				within(t, "the watch", func() { <-ctx.Done() })
				if name != "the server's end is closed" && !errors.Is(context.Cause(ctx), wire.ErrPeerClosed) {
					t.Errorf("cause = %v", context.Cause(ctx))
				}
			})
		}
	})
}

func TestAWatchThatIsStopped(t *testing.T) {
	overTCPAndTLS(t, func(t *testing.T, secure bool) {
		k := openGetMedia(t, secure)
		ctx, stop := k.c.WatchClose(t.Context())
		k.respond(t)
		stop()
		stop()
		if !errors.Is(context.Cause(ctx), context.Canceled) || errors.Is(context.Cause(ctx), wire.ErrPeerClosed) {
			t.Errorf("cause = %v", context.Cause(ctx))
		}
		if err := errors.Join(k.c.WriteChunk([]byte("media")), k.c.Finish()); err != nil {
			t.Error(err)
		}
		k.closeWrite(t)
		k.c.CloseGracefully(time.Second)
		if got, err := k.response(t); got != "media" || err != nil {
			t.Errorf("response %q, %v", got, err)
		}
	})
}

func TestClosingEndsTheWatch(t *testing.T) {
	k := openGetMedia(t, false)
	ctx, _ := k.c.WatchClose(t.Context())
	k.respond(t)
	_ = k.c.Finish()
	k.closeAfterResponse()
	within(t, "CloseGracefully", func() { k.c.CloseGracefully(time.Second) })
	if ctx.Err() == nil {
		t.Error("the watch goes on")
	}
}

// closeAfterResponse closes the client's end when the response has been read.
func (k *call) closeAfterResponse() {
	go func() {
		_, _ = io.Copy(io.Discard, bufio.NewReader(k.Conn))
		_ = k.Conn.Close()
	}()
}

// A client of net/http puts and reads at the same time.
func TestFullDuplexWithAnOrdinaryClient(t *testing.T) {
	addr := serve(t, func(w http.ResponseWriter, r *http.Request) {
		c, err := wire.HijackMedia(w, r)
		if err != nil {
			t.Error(err)
			return
		}
		defer c.CloseGracefully(time.Second)
		if err := c.WriteHead(http.StatusOK, http.Header{}); err != nil {
			t.Error(err)
		}
		lines := bufio.NewScanner(c.Body())
		for lines.Scan() {
			if err := c.WriteChunk([]byte("ack "), lines.Bytes(), []byte("\n")); err != nil {
				t.Error(err)
			}
		}
		if err := errors.Join(lines.Err(), c.Finish()); err != nil {
			t.Error(err)
		}
	})
	body, feed := io.Pipe()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: testTimeout}
	resp, err := client.Post("http://"+addr+"/putMedia", "", body)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	acks := bufio.NewReader(resp.Body)
	for _, frame := range []string{"one", strings.Repeat("two", 10_000), "three"} {
		if _, err := io.WriteString(feed, frame+"\n"); err != nil {
			t.Fatal(err)
		}
		if ack, err := acks.ReadString('\n'); ack != "ack "+frame+"\n" {
			t.Fatalf("ack %.20q, %v", ack, err)
		}
	}
	_ = feed.Close()
	if rest, err := io.ReadAll(acks); len(rest) > 0 || err != nil {
		t.Errorf("rest %q, %v", rest, err)
	}
}
