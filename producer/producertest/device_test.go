package producertest_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/wire"
	"github.com/millrace/millrace/mkv"
	"github.com/millrace/millrace/producer/producertest"
)

// A device speaks PutMedia by hand.
type device struct {
	t    *testing.T
	conn net.Conn
	head http.Header // of the response
	body io.Reader
	code int
}

// call makes a call. producer is empty for one that does not say who it is.
func call(t *testing.T, s *producertest.Server, producer string) *device {
	t.Helper()
	d, err := tryCall(t, s, producer)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func tryCall(t *testing.T, s *producertest.Server, producer string) (*device, error) {
	t.Helper()
	conn, err := s.Dial(context.Background(), "tcp", s.Address(producertest.Data))
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { conn.Close() })
	head := "POST /putMedia HTTP/1.1\r\nHost: data.test\r\nTransfer-Encoding: chunked\r\n" +
		"x-amzn-stream-name: gate\r\nx-amzn-fragment-timecode-type: ABSOLUTE\r\n"
	if producer != "" {
		head += "x-millrace-producer: " + producer + "\r\n"
	}
	if _, err := io.WriteString(conn, head+"\r\n"); err != nil {
		return nil, err
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		conn.Close()
		return nil, err
	}
	return &device{t, conn, resp.Header, resp.Body, resp.StatusCode}, nil
}

// send writes media as one transfer chunk, and reports whether they went.
func (d *device) send(b []byte) bool {
	_, err := fmt.Fprintf(d.conn, "%x\r\n%s\r\n", len(b), b)
	return err == nil
}

// end ends the body, and returns all acknowledgements.
func (d *device) end() string {
	d.finish()
	return d.acks()
}

// finish ends the body.
func (d *device) finish() {
	_, _ = io.WriteString(d.conn, "0\r\n\r\n") // the server may be gone
}

// acks reads the acknowledgements up to their end, and how they ended.
func (d *device) acks() string {
	var words []string
	for dec := wire.NewAckDecoder(d.body); ; {
		a, err := dec.Decode()
		switch {
		case errors.Is(err, io.EOF):
			return strings.Join(words, " ")
		case err != nil:
			return strings.Join(append(words, "cut"), " ")
		}
		word := a.Type.String()[:1]
		if a.Type == millrace.AckError {
			id, _ := dec.Fault()
			word += fmt.Sprint(id)
		}
		if a.HasTimecode {
			word += fmt.Sprint("@", a.Timecode)
		}
		words = append(words, word)
	}
}

// header is what stands before Clusters of tracks 1 to n.
func header(n int) []byte {
	var b bytes.Buffer
	var tracks []mkv.Track
	for i := range n {
		tracks = append(tracks, mkv.Track{Number: uint64(i + 1), UID: 1, Type: mkv.TrackVideo, CodecID: "V_TEST"})
	}
	_ = mkv.NewLiveWriter(&b).WriteHeader(mkv.Header{Tracks: tracks}) // a buffer takes all
	return b.Bytes()
}

// cluster is a Cluster of known size with a block of track 1 for each word.
func cluster(timecode uint64, words ...string) []byte {
	return sized(children(timecode, words...))
}

func children(timecode uint64, words ...string) []byte {
	return blocks(mkv.AppendUint(nil, mkv.IDTimecode, timecode), words...)
}

func sized(children []byte) []byte {
	b := mkv.AppendSize(mkv.AppendID(nil, mkv.IDCluster), int64(len(children)), 0)
	return append(b, children...)
}

func blocks(b []byte, words ...string) []byte {
	for i, w := range words {
		b = append(mkv.AppendSimpleBlockHeader(b, 1, int16(i), mkv.FlagKeyframe, len(w)), w...)
	}
	return b
}

// identified is the same with an identity and a digest.
func identified(timecode uint64, id millrace.Identity, words ...string) []byte {
	b := mkv.AppendUnknownSize(mkv.AppendID(nil, mkv.IDCluster), 8)
	b = mkv.AppendUint(b, mkv.IDTimecode, timecode)
	b = mkv.AppendBytes(b, mkv.IDVoid, millrace.AppendIdentity(nil, id))
	b = blocks(b, words...)
	return mkv.AppendBytes(b, mkv.IDVoid, millrace.AppendDigest(nil, sha256.Sum256(b)))
}

// tag is a Tags element with names and values in turn.
func tag(pairs ...string) []byte {
	var simple []mkv.SimpleTag
	for i := 0; i < len(pairs); i += 2 {
		simple = append(simple, mkv.SimpleTag{Name: pairs[i], String: pairs[i+1]})
	}
	return mkv.AppendTags(nil, []mkv.Tag{{Simple: simple}}, 0)
}
