package wire_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/wire"
)

func TestTheHeadOnTheWire(t *testing.T) {
	k := open(t, false, chunkedHead, wire.HijackMedia)
	k.respond(t)
	got := regexp.MustCompile(`Date: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT`).ReplaceAllString(k.readOnce(t), "Date: D")
	want := "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nx-amz-RequestId: the-id\r\nx-amzn-RequestId: the-id\r\n" +
		"Date: D\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
	if got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestTheHeadComesBeforeTheBodyAndEachAckInOneRead(t *testing.T) {
	overTCPAndTLS(t, func(t *testing.T, secure bool) {
		k := open(t, secure, expectHead, wire.HijackMedia)
		before := k.writes.Load()
		if err := k.c.WriteContinue(); err != nil {
			t.Fatal(err)
		}
		if got := k.readOnce(t); got != "HTTP/1.1 100 Continue\r\n\r\n" {
			t.Errorf("first read %q", got)
		}
		k.respond(t)
		if got := k.readOnce(t); !strings.HasPrefix(got, "HTTP/1.1 200 OK\r\n") || !strings.HasSuffix(got, "\r\n\r\n") {
			t.Errorf("second read %q", got)
		}
		const acks = 100
		for i := range acks {
			ack := fmt.Sprintf(`{"EventType":"IDLE","FragmentTimecode":%d,"Pad":"%120d"}`+"\n", i, i)
			if err := k.c.WriteChunk([]byte(ack[:7]), nil, []byte(ack[7:])); err != nil {
				t.Fatal(err)
			}
			if got, want := k.readOnce(t), fmt.Sprintf("%x\r\n%s\r\n", len(ack), ack); got != want {
				t.Fatalf("read %q, want %q", got, want)
			}
		}
		if writes := k.writes.Load() - before; secure && writes != acks+2 {
			t.Errorf("%d writes for %d acks and two heads", writes, acks)
		}
		k.writeString(t, "5\r\nhello\r\n0\r\n\r\n")
		if got, err := readAll(k.c.Body()); got != "hello" || !errors.Is(err, io.EOF) {
			t.Errorf("body %q, %v", got, err)
		}
		if err := k.c.Finish(); err != nil {
			t.Fatal(err)
		}
		if got := k.readOnce(t); got != "0\r\n\r\n" {
			t.Errorf("last read %q", got)
		}
	})
}

func TestChunksOfAllSizesArriveWhole(t *testing.T) {
	overTCPAndTLS(t, func(t *testing.T, secure bool) {
		k := open(t, secure, chunkedHead, wire.HijackMedia)
		sizes := []int{1, 4095, 4096, 64<<10 - 8, 64 << 10, 256<<10 - 9, 256 << 10, 256<<10 + 1, 1 << 20, 3_000_000}
		pattern := bytes.Repeat([]byte("0123456789abcde"), 1<<18)
		go func() {
			k.respond(t)
			if err := errors.Join(k.c.WriteChunk(), k.c.WriteChunk(nil, []byte{})); err != nil {
				t.Error(err)
			}
			for i, size := range sizes {
				if err := k.c.WriteChunk(pattern[i:i+size/3], pattern[i+size/3:i+size/2], pattern[i+size/2:i+size]); err != nil {
					t.Error(err)
				}
			}
			if err := k.c.Finish(); err != nil {
				t.Error(err)
			}
		}()
		raw := bufio.NewReader(k.Conn)
		for line := ""; line != "\r\n"; {
			line, _ = raw.ReadString('\n')
		}
		for i, size := range sizes {
			if line, err := raw.ReadString('\n'); line != fmt.Sprintf("%x\r\n", size) {
				t.Fatalf("size line %q (%v), want %x", line, err, size)
			}
			data := make([]byte, size+2)
			if _, err := io.ReadFull(raw, data); err != nil || !bytes.Equal(data[:size], pattern[i:i+size]) || string(data[size:]) != "\r\n" {
				t.Fatalf("chunk of %d bytes is not what was sent (%v)", size, err)
			}
		}
		if last, err := raw.ReadString('\n'); last != "0\r\n" {
			t.Errorf("last %q, %v", last, err)
		}
	})
}

func TestWritersDoNotMix(t *testing.T) {
	overTCPAndTLS(t, func(t *testing.T, secure bool) {
		k := open(t, secure, chunkedHead, wire.HijackMedia)
		k.respond(t)
		var writers sync.WaitGroup
		for i := range 8 {
			line := strings.Repeat(string(rune('a'+i)), 1000*(i+1)) + "\n"
			writers.Go(func() {
				for range 50 {
					if err := k.c.WriteChunk([]byte(line[:10]), []byte(line[10:])); err != nil {
						t.Error(err)
					}
				}
			})
		}
		go func() {
			writers.Wait()
			if err := k.c.Finish(); err != nil {
				t.Error(err)
			}
		}()
		got, err := k.response(t)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSuffix(got, "\n"), "\n")
		if len(lines) != 8*50 {
			t.Errorf("%d lines", len(lines))
		}
		for _, line := range lines {
			if strings.Trim(line, line[:1]) != "" || len(line)%1000 != 0 {
				t.Fatalf("line %.40q of %d bytes is mixed", line, len(line))
			}
		}
	})
}

func TestPiecesAreNotChanged(t *testing.T) {
	k := open(t, false, chunkedHead, wire.HijackMedia)
	k.respond(t)
	pieces := [][]byte{[]byte("one"), []byte("two")}
	if err := k.c.WriteChunk(pieces...); err != nil {
		t.Fatal(err)
	}
	if string(pieces[0]) != "one" || string(pieces[1]) != "two" {
		t.Errorf("pieces are %q now", pieces)
	}
}

func TestOrderOfWrites(t *testing.T) {
	k := open(t, false, chunkedHead, wire.HijackMedia)
	wantOrder := func(what string, err error) {
		t.Helper()
		if !errors.Is(err, wire.ErrOrder) {
			t.Errorf("%s: err = %v", what, err)
		}
	}
	wantOrder("a chunk before the head", k.c.WriteChunk([]byte("x")))
	wantOrder("the end before the head", k.c.Finish())
	k.respond(t)
	wantOrder("a second head", k.c.WriteHead(http.StatusOK, nil))
	wantOrder("an interim response after the head", k.c.WriteContinue())
	if err := k.c.Finish(); err != nil {
		t.Error(err)
	}
	wantOrder("a chunk after the end", k.c.WriteChunk([]byte("x")))
	wantOrder("a second end", k.c.Finish())
	if got, err := k.response(t); got != "" || err != nil {
		t.Errorf("response %q, %v", got, err)
	}
}

func TestHeadsThatNoClientCanRead(t *testing.T) {
	k := open(t, false, chunkedHead, wire.HijackMedia)
	if err := k.c.WriteHead(http.StatusOK, header("X-Long", strings.Repeat("x", 4000))); err == nil {
		t.Error("a head of more than 4 KiB was sent")
	}
	h := header("X-Injected", "a\r\nX-Other: b", "Content-Length", "7", "Transfer-Encoding", "identity")
	if err := k.c.WriteHead(http.StatusOK, h); err != nil {
		t.Fatal(err)
	}
	got := k.readOnce(t)
	if strings.Contains(got, "\r\nX-Other") || strings.Contains(got, "Content-Length") || strings.Contains(got, "identity") {
		t.Errorf("head %q", got)
	}
}

func TestAClientThatNeverReads(t *testing.T) {
	overTCPAndTLS(t, func(t *testing.T, secure bool) {
		k := open(t, secure, chunkedHead, wire.HijackMedia)
		k.respond(t)
		k.c.SetWriteTimeout(20 * time.Millisecond)
		within(t, "a write to a client that never reads", func() {
			var err error
			for chunk := make([]byte, 1<<20); err == nil; {
				err = k.c.WriteChunk(chunk)
			}
			if !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("err = %v", err)
			}
			if again := k.c.WriteChunk([]byte("x")); again == nil {
				t.Error("a write after a failed one goes out")
			}
			k.c.CloseGracefully(time.Second)
		})
	})
}

func TestAProlongedWriteWaitsOn(t *testing.T) {
	overTCPAndTLS(t, func(t *testing.T, secure bool) {
		k := open(t, secure, chunkedHead, wire.HijackMedia)
		k.respond(t)
		const patience = 300 * time.Millisecond
		k.c.SetWriteTimeout(patience)
		failed := make(chan error, 1)
		go func() {
			var err error
			for chunk := make([]byte, 1<<20); err == nil; {
				err = k.c.WriteChunk(chunk)
			}
			failed <- err
		}()
		prolong := time.NewTicker(patience / 10)
		defer prolong.Stop()
		for range 30 {
			select {
			case err := <-failed:
				t.Fatalf("a write that was prolonged ended: %v", err)
			case <-prolong.C:
				k.c.Prolong()
			}
		}
		within(t, "a write that is not prolonged any more", func() {
			if err := <-failed; !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("err = %v", err)
			}
		})
		k.c.CloseGracefully(time.Second)
	})
}

func TestHTTP10GetsABodyWithoutChunks(t *testing.T) {
	k := open(t, false, "POST /putMedia HTTP/1.0\r\nContent-Length: 5\r\n\r\nhello", wire.HijackMedia)
	if got, err := readAll(k.c.Body()); got != "hello" || !errors.Is(err, io.EOF) {
		t.Errorf("body %q, %v", got, err)
	}
	k.respond(t)
	if err := errors.Join(k.c.WriteChunk([]byte("a"), []byte("b")), k.c.Finish()); err != nil {
		t.Error(err)
	}
	k.closeWrite(t)
	k.c.CloseGracefully(time.Second)
	if got, err := k.response(t); got != "ab" || err != nil {
		t.Errorf("response %q, %v", got, err)
	}
}

func TestProtocolsThatCannotCarryACall(t *testing.T) {
	old := httptest.NewRequest(http.MethodPost, "/putMedia", nil)
	old.Proto, old.ProtoMajor, old.ProtoMinor = "HTTP/1.0", 1, 0
	if _, err := wire.HijackMedia(httptest.NewRecorder(), old); !errors.Is(err, wire.ErrProtocol) {
		t.Errorf("HTTP/1.0 without length: %v", err)
	}
	if _, err := wire.HijackMedia(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/", nil)); err == nil {
		t.Error("a writer that has no connection was taken over")
	}
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, hijack := range []func(http.ResponseWriter, *http.Request) (*wire.MediaConn, error){wire.HijackMedia, wire.HijackResponse} {
			if _, err := hijack(w, r); !errors.Is(err, wire.ErrProtocol) {
				t.Errorf("%s: %v", r.Proto, err)
			} else if w.Header().Get("Content-Type") == "" {
				wire.WriteError(w, "id", err)
			}
		}
	}))
	srv.EnableHTTP2 = true
	srv.StartTLS()
	defer srv.Close()
	defer srv.Client().CloseIdleConnections()
	resp, err := srv.Client().Post(srv.URL+"/putMedia", "", strings.NewReader("x"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.ProtoMajor != 2 || resp.StatusCode != http.StatusBadRequest {
		t.Errorf("%s %d", resp.Proto, resp.StatusCode)
	}
}
