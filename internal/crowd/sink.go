package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"os"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/wire"
	"github.com/millrace/millrace/mkv"
)

// serve is the server: it prints its URL, then the processor time that it has
// used whenever a line comes, and ends with its input.
func serve(ctx context.Context) error {
	control, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	media, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s := &http.Server{Handler: controls("http://" + media.Addr().String()), ReadHeaderTimeout: time.Minute}
	go func() { _ = s.Serve(control) }() // ends with the process
	go take(media)                       // likewise
	fmt.Printf("http://%s\n", control.Addr())
	asked := bufio.NewScanner(os.Stdin)
	for asked.Scan() && ctx.Err() == nil {
		fmt.Println(cpuTime().Nanoseconds())
	}
	return asked.Err()
}

// controls answers control calls: every stream is there.
func controls(endpoint string) http.Handler {
	m := http.NewServeMux()
	m.HandleFunc("POST /describeStream", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"StreamInfo":{"StreamName":"camera","Status":"ACTIVE","DataRetentionInHours":1,`+
			`"StreamARN":"arn:aws:kinesisvideo:us-east-1:000000000000:stream/camera/1700000000000"}}`)
	})
	m.HandleFunc("POST /getDataEndpoint", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"DataEndpoint":%q}`, endpoint)
	})
	return m
}

// take takes media calls.
func take(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go func() { // ends with the process, or with the connection
			defer conn.Close()
			if err := swallow(conn); err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
				fmt.Fprintln(os.Stderr, "sink:", err)
			}
		}()
	}
}

// swallow reads one call to its end and acknowledges what is in it.
func swallow(conn net.Conn) error {
	in := bufio.NewReaderSize(conn, 64<<10)
	r, err := http.ReadRequest(in)
	if err != nil {
		return err
	}
	head := "HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n"
	if id := r.Header.Get(wire.HeaderProducer); id != "" {
		head += wire.HeaderProducer + ": " + id + "\r\n"
	}
	if _, err := io.WriteString(conn, head+"\r\n"); err != nil {
		return err
	}
	a := acker{conn: conn}
	for media := mkv.NewReader(httputil.NewChunkedReader(in), mkv.ReaderOptions{}); ; {
		e, err := media.Next()
		switch {
		case errors.Is(err, io.EOF):
			_, err := io.WriteString(conn, "0\r\n\r\n")
			return err
		case err != nil:
			return err
		case e.ID == mkv.IDTimecode:
			timecode, err := mkv.ParseUint(e.Data())
			if err != nil {
				return err
			}
			a.timecode = timecode
			err = a.say(millrace.AckBuffering)
			if err != nil {
				return err
			}
		case e.ID == mkv.IDCluster && e.Kind == mkv.End:
			if err := errors.Join(a.say(millrace.AckReceived), a.say(millrace.AckPersisted)); err != nil {
				return err
			}
		}
	}
}

// An acker acknowledges the fragments of a call.
type acker struct {
	conn     net.Conn
	timecode uint64
	text     []byte
	chunk    []byte
}

func (a *acker) say(t millrace.AckType) error {
	number := millrace.NewFragmentNumber(a.timecode, time.UnixMilli(int64(a.timecode)), 0)
	a.text = wire.AppendAck(a.text[:0], millrace.Ack{Type: t, HasTimecode: true, Timecode: a.timecode, Number: number})
	a.chunk = fmt.Appendf(a.chunk[:0], "%x\r\n%s\r\n", len(a.text), a.text)
	_, err := a.conn.Write(a.chunk)
	return err
}
