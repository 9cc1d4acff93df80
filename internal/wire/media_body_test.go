package wire_test

import (
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/wire"
)

func TestTheBodysEnd(t *testing.T) {
	for name, tc := range map[string]struct {
		head, sent, want string
		err              error // nil for any that is neither io.EOF nor io.ErrUnexpectedEOF
	}{
		"the terminating chunk is a clean end":      {chunkedHead, "5\r\nhello\r\n0\r\n\r\n", "hello", io.EOF},
		"also at once":                              {chunkedHead, "0\r\n\r\n", "", io.EOF},
		"a chunk may have an extension":             {chunkedHead, "5;a=b\r\nhello\r\n0;c\r\n\r\n", "hello", io.EOF},
		"a trailer is skipped":                      {chunkedHead, "5\r\nhello\r\n0\r\nA: b\r\nC: d\r\n\r\n", "hello", io.EOF},
		"what follows the end is not read":          {chunkedHead, "5\r\nhello\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n", "hello", io.EOF},
		"an end without empty line is a cut":        {chunkedHead, "5\r\nhello\r\n0\r\n", "hello", io.ErrUnexpectedEOF},
		"an end in the trailer is a cut":            {chunkedHead, "5\r\nhello\r\n0\r\nA: b\r\n", "hello", io.ErrUnexpectedEOF},
		"an end inside a chunk is a cut":            {chunkedHead, "a\r\nhello", "hello", io.ErrUnexpectedEOF},
		"an end behind a chunk's data is a cut":     {chunkedHead, "5\r\nhello", "hello", io.ErrUnexpectedEOF},
		"an end between chunks is a cut":            {chunkedHead, "5\r\nhello\r\n", "hello", io.ErrUnexpectedEOF},
		"an end inside a size is a cut":             {chunkedHead, "5\r\nhello\r\n5", "hello", io.ErrUnexpectedEOF},
		"no chunk at all is a cut":                  {chunkedHead, "", "", io.ErrUnexpectedEOF},
		"a size that is no number is an error":      {chunkedHead, "5\r\nhello\r\nxyz\r\n", "hello", nil},
		"a size beyond all bounds is an error":      {chunkedHead, "5\r\nhello\r\nfffffffffffffffff\r\n", "hello", nil},
		"a chunk that is longer than it says is an": {chunkedHead, "5\r\nhelloo\r\n", "hello", nil},
		"a trailer without end is an error":         {chunkedHead, "0\r\n" + strings.Repeat("A: b\r\n", 5000), "", nil},
		"a trailer line without end is an error":    {chunkedHead, "0\r\n" + strings.Repeat("A", 10000), "", nil},
		"a length that is met is a clean end":       {lengthHead, "hello", "hello", io.EOF},
		"what follows the length is not read":       {lengthHead, "helloGET /", "hello", io.EOF},
		"a length that is not met is a cut":         {lengthHead, "hell", "hell", io.ErrUnexpectedEOF},
		"no body is a clean end":                    {"POST /putMedia HTTP/1.1\r\nHost: h\r\n\r\n", "", "", io.EOF},
		"no body by its length is a clean end":      {strings.Replace(lengthHead, "5", "0", 1), "", "", io.EOF},
	} {
		t.Run(name, func(t *testing.T) {
			overTCPAndTLS(t, func(t *testing.T, secure bool) {
				k := open(t, secure, tc.head+tc.sent, wire.HijackMedia)
				k.closeWrite(t)
				got, err := readAll(k.c.Body())
				if got != tc.want {
					t.Errorf("read %q, want %q", got, tc.want)
				}
				if tc.err != nil && err != tc.err || tc.err == nil && (err == io.EOF || err == io.ErrUnexpectedEOF) { //nolint:errorlint // must not be wrapped
					t.Errorf("err = %v, want %v", err, tc.err)
				}
				if _, again := k.c.Body().Read(make([]byte, 1)); again != err { //nolint:errorlint // the same
					t.Errorf("the error is not final: %v, then %v", err, again)
				}
			})
		})
	}
}

// readAll reads up to an error, which it returns whatever it is.
func readAll(r io.Reader) (string, error) {
	var b strings.Builder
	buf := make([]byte, 1024)
	for {
		n, err := r.Read(buf)
		b.Write(buf[:n])
		if err != nil {
			return b.String(), err
		}
	}
}

func TestABodyInSmallPieces(t *testing.T) {
	overTCPAndTLS(t, func(t *testing.T, secure bool) {
		k := open(t, secure, chunkedHead, wire.HijackMedia)
		sent := "3\r\nabc\r\n1\r\nd\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n"
		go func() {
			for i := range len(sent) {
				_, _ = io.WriteString(k.Conn, sent[i:i+1])
			}
		}()
		got, err := readAll(k.c.Body())
		if got != "abcd0123456789abcdef" || !errors.Is(err, io.EOF) {
			t.Errorf("%q, %v", got, err)
		}
	})
}

func TestAReadReturnsWhatHasArrived(t *testing.T) {
	k := open(t, false, chunkedHead, wire.HijackMedia)
	buf := make([]byte, 100)
	for _, s := range []string{"hello", "x", "world"} {
		k.writeString(t, string('0'+byte(len(s)))+"\r\n"+s+"\r\n")
		n, err := k.c.Body().Read(buf)
		if string(buf[:n]) != s || err != nil {
			t.Errorf("read %q (%v), want %q", buf[:n], err, s)
		}
	}
}

func TestALargeReadDoesNotStopAtTheBuffer(t *testing.T) {
	k := open(t, false, chunkedHead, wire.HijackMedia)
	const size = 200_000
	go func() { _, _ = io.WriteString(k.Conn, "30d40\r\n"+strings.Repeat("x", size)+"\r\n0\r\n\r\n") }()
	buf := make([]byte, size)
	largest, total := 0, 0
	for total < size {
		n, err := k.c.Body().Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		largest, total = max(largest, n), total+n
	}
	if largest < 16<<10 {
		t.Errorf("the largest of all reads returned %d bytes", largest)
	}
}

func TestAResetIsNoEnd(t *testing.T) {
	k := open(t, false, chunkedHead+"5\r\nhello\r\n", wire.HijackMedia)
	if got, err := io.ReadFull(k.c.Body(), make([]byte, 5)); got != 5 || err != nil {
		t.Fatal(got, err)
	}
	_ = k.Conn.(*net.TCPConn).SetLinger(0)
	_ = k.Conn.Close()
	_, err := k.c.Body().Read(make([]byte, 5))
	if _, ok := errors.AsType[net.Error](err); !ok {
		t.Errorf("err = %v, want an error of the network", err)
	}
}

func TestInterruptEndsAReadThatWaits(t *testing.T) {
	overTCPAndTLS(t, func(t *testing.T, secure bool) {
		k := open(t, secure, chunkedHead, wire.HijackMedia)
		result := make(chan error, 1)
		go func() {
			_, err := k.c.Body().Read(make([]byte, 1))
			result <- err
		}()
		k.c.Interrupt()
		if err := <-result; !errors.Is(err, wire.ErrInterrupted) {
			t.Errorf("err = %v", err)
		}
		k.respond(t)
		if err := k.c.WriteChunk([]byte("still here\n")); err != nil {
			t.Error(err)
		}
		if err := k.c.Finish(); err != nil {
			t.Error(err)
		}
		if got, err := k.response(t); got != "still here\n" || err != nil {
			t.Errorf("response %q, %v", got, err)
		}
	})
}

func TestADeadlineDoesNotReviveAnInterruptedBody(t *testing.T) {
	k := open(t, false, chunkedHead, wire.HijackMedia)
	k.c.Interrupt()
	if err := k.c.SetReadDeadline(time.Time{}); err != nil {
		t.Error(err)
	}
	within(t, "a read after Interrupt", func() {
		if _, err := k.c.Body().Read(make([]byte, 1)); !errors.Is(err, wire.ErrInterrupted) {
			t.Errorf("err = %v", err)
		}
	})
}

func TestAReadDeadline(t *testing.T) {
	overTCPAndTLS(t, func(t *testing.T, secure bool) {
		k := open(t, secure, chunkedHead, wire.HijackMedia)
		if err := k.c.SetReadDeadline(time.Now().Add(time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		if _, err := k.c.Body().Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("err = %v", err)
		}
		if err := k.request.Context().Err(); err != nil {
			t.Errorf("the request's context is cancelled: %v", err)
		}
		k.respond(t)
		if err := k.c.Finish(); err != nil {
			t.Error(err)
		}
		if got, err := k.response(t); got != "" || err != nil {
			t.Errorf("response %q, %v", got, err)
		}
	})
}

func TestAReadBodyIsAtItsEnd(t *testing.T) {
	head := "POST /getMedia HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}"
	k := open(t, false, head, func(w http.ResponseWriter, r *http.Request) (*wire.MediaConn, error) {
		if b, err := wire.ReadBody(r); string(b) != "{}" || err != nil {
			t.Errorf("body %q, %v", b, err)
		}
		return wire.HijackResponse(w, r)
	})
	if _, err := k.c.Body().Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("err = %v", err)
	}
}
