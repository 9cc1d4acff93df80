package server_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/wire"
)

// A capture is one PutMedia call as a client made it, and what somebody else
// found in it.
type capture struct {
	name    string
	head    string
	request *http.Request // the head, read
	body    []byte
	framed  []byte // the body in the chunks in which it came; nil if they were not kept
	expect  expectation
	slices  []slice
	at      time.Time // when it was made
}

// An expectation is the .expect.json file of a capture.
type expectation struct {
	Bytes         int  `json:"bytes"`
	HeaderBytes   int  `json:"header_bytes"`
	TimecodeScale int  `json:"timecode_scale"`
	TrailingBytes int  `json:"trailing_bytes"`
	CleanEnd      bool `json:"clean_end"`
	Fragments     []struct {
		Offset        int            `json:"offset"`
		Timecode      uint64         `json:"timecode"`
		Blocks        map[string]int `json:"blocks"`
		Keyframes     int            `json:"keyframes"`
		MinRel        int32          `json:"min_rel"`
		MaxRel        int32          `json:"max_rel"`
		PayloadBytes  int            `json:"payload_bytes"`
		TagsBefore    [][2]string    `json:"tags_before"`
		TagsAfter     [][2]string    `json:"tags_after"`
		TagsAfterEOFR [][2]string    `json:"tags_after_eofr"`
	} `json:"fragments"`
}

// recordings returns the captures of real clients.
func recordings(t *testing.T) []*capture {
	t.Helper()
	vectors := os.Getenv("MILLRACE_VECTORS")
	if vectors == "" {
		vectors = filepath.Join("..", "..", "..", "shared", "vectors")
	}
	return loadCaptures(t, filepath.Join(vectors, "putmedia"), "vectors not present")
}

// fixtures returns the project's own bodies, of the same shapes.
func fixtures(t *testing.T) []*capture {
	t.Helper()
	return loadCaptures(t, filepath.Join("..", "..", "testdata", "putmedia"), "fixtures not present")
}

func loadCaptures(t *testing.T, dir, absent string) (out []*capture) {
	t.Helper()
	heads, err := filepath.Glob(filepath.Join(dir, "*.head.txt"))
	if err != nil {
		t.Fatal(err)
	}
	if len(heads) == 0 {
		t.Skip(absent)
	}
	for _, h := range heads {
		c, err := loadCapture(strings.TrimSuffix(h, ".head.txt"))
		if err != nil {
			t.Fatalf("%s: %v", h, err)
		}
		out = append(out, c)
	}
	return out
}

func loadCapture(path string) (*capture, error) {
	c := &capture{name: filepath.Base(path)}
	files := map[string][]byte{}
	for _, suffix := range []string{".head.txt", ".body.mkv", ".expect.json", ".body.chunked"} {
		b, err := os.ReadFile(path + suffix)
		if err != nil && (suffix != ".body.chunked" || !os.IsNotExist(err)) {
			return nil, err
		}
		files[suffix] = b
	}
	c.body, c.framed = files[".body.mkv"], files[".body.chunked"]
	if err := c.setHead(string(files[".head.txt"])); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(files[".expect.json"], &c.expect); err != nil {
		return nil, err
	}
	var err error
	if c.slices, err = sliceBody(c.body); err != nil {
		return nil, err
	}
	if len(c.body) != c.expect.Bytes || len(c.slices) != len(c.expect.Fragments) {
		return nil, fmt.Errorf("body of %d bytes and %d fragments: %w", len(c.body), len(c.slices), fs.ErrInvalid)
	}
	return c, nil
}

// setHead makes head the capture's, signed if it is not.
func (c *capture) setHead(head string) error {
	req, err := readHead(head)
	if err != nil {
		return err
	}
	c.head, c.request = head, req
	if c.at, err = time.Parse("20060102T150405Z", req.Header.Get("X-Amz-Date")); err != nil {
		return err
	}
	if req.Header.Get("Authorization") == "" {
		c.head, err = signHead(head, keyID, c.at)
	}
	return err
}

func readHead(head string) (*http.Request, error) {
	return http.ReadRequest(newHeadReader(head))
}

// signHead adds a signature to a head that has none.
func signHead(head, key string, at time.Time) (string, error) {
	req, err := readHead(head)
	if err != nil {
		return "", err
	}
	signer := wire.Signer{Credentials: wire.Credentials{AccessKeyID: key, SecretAccessKey: secret}, Region: "us-west-2"}
	if err := signer.Sign(req, wire.EmptyPayload, at); err != nil {
		return "", err
	}
	return strings.TrimSuffix(head, "\r\n") + "Authorization: " + req.Header.Get("Authorization") + "\r\n\r\n", nil
}

// without returns the head without one of its lines.
func without(head, header string) string {
	var b bytes.Buffer
	for line := range strings.Lines(head) {
		if name, _, ok := strings.Cut(line, ":"); !ok || !strings.EqualFold(name, header) {
			b.WriteString(line)
		}
	}
	return b.String()
}

func (c *capture) stream() string { return c.request.Header.Get(wire.HeaderStreamName) }

func (c *capture) key() string {
	_, rest, _ := strings.Cut(c.request.Header.Get("Authorization"), "Credential=")
	id, _, ok := strings.Cut(rest, "/")
	if !ok {
		return keyID
	}
	return id
}

func (c *capture) hasToken() bool { return c.request.Header.Get("X-Amz-Security-Token") != "" }

func (c *capture) quiet() bool {
	return c.request.Header.Get("X-Amzn-Fragment-Acknowledgment-Required") == "0"
}

// hours is the retention of the stream that the client had.
func (c *capture) hours() int {
	if strings.HasSuffix(c.name, "retention0") {
		return 0
	}
	return 24
}

// clock is a server's that starts when the capture was made.
func (c *capture) clock() func() time.Time {
	began := time.Now()
	return func() time.Time { return c.at.Add(time.Since(began)) }
}

// producerTime is when a fragment begins by the producer's clock, as the
// service spells it.
func (c *capture) producerTime(t *testing.T, timecode uint64) string {
	t.Helper()
	ms := int64(timecode) * int64(c.expect.TimecodeScale) / 1_000_000
	if c.request.Header.Get("X-Amzn-Fragment-Timecode-Type") == "RELATIVE" {
		whole, part, _ := strings.Cut(c.request.Header.Get("X-Amzn-Producer-Start-Timestamp"), ".")
		start, err := strconv.ParseInt(whole+(part + "000")[:3], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		ms += start
	}
	return fmt.Sprintf("%d.%03d", ms/1000, ms%1000)
}

// tags returns what a fragment's tags should be, before and behind its Cluster.
func (c *capture) tags(i int) (before, after [][2]string) {
	before = append(before, c.expect.Fragments[i].TagsBefore...)
	if i > 0 {
		before = append(before, c.expect.Fragments[i-1].TagsAfterEOFR...)
	}
	return before, append(after, c.expect.Fragments[i].TagsAfter...)
}
