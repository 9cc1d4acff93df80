package api_test

import (
	"bytes"
	"context"
	"flag"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/mem"
	"github.com/millrace/millrace/internal/wire"
)

var update = flag.Bool("update", false, "write what the server answers into the exchanges of testdata")

// TestExchanges plays the exchanges of testdata with a server on the loopback.
//
// An exchange is a text archive. A section holds a request: its first line has
// method and path, and "as KEY" if it is not root who signs ("as nobody" does
// not sign); header lines may follow, and the body. The section behind it holds
// the answer as it stood on the wire, but for the lines of the head that every
// answer has, and for what differs each time: $VERSION, $TOKEN and $PORT. In a
// body, $version and $token stand for those that were answered last. The request "drop" is none: it lets the media
// plane drop the streams that are being deleted, and waits until they are gone.
func TestExchanges(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no exchanges: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			comment, sections := readArchive(t, file)
			e := newExchange(t)
			for i := 0; i < len(sections); i += 2 {
				if *update && (i+1 == len(sections) || sections[i+1].name != "answer") {
					sections = slices.Insert(sections, i+1, section{name: "answer"})
				}
				got := e.play(t, sections[i].text)
				if *update {
					sections[i+1].text = got
				} else if diff := cmp.Diff(sections[i+1].text, got); diff != "" {
					t.Errorf("%s (-want +got):\n%s", sections[i].name, diff)
				}
			}
			if *update {
				writeArchive(t, file, comment, sections)
			}
		})
	}
}

// An exchange is one server and what a client remembers.
type exchange struct {
	address        string
	plane          *gatedPlane
	control        *watchedControl
	version, token string
}

// gatedPlane drops streams when it is told to.
type gatedPlane struct {
	idlePlane

	drops chan struct{}
}

func (p *gatedPlane) Drop(ctx context.Context, _ millrace.Stream) error {
	select {
	case <-p.drops:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// watchedControl tells of deletions that are finished.
type watchedControl struct {
	store.Control
	finished chan millrace.StreamKey
}

func (c *watchedControl) FinishDelete(ctx context.Context, key millrace.StreamKey) error {
	err := c.Control.FinishDelete(ctx, key)
	if err == nil {
		c.finished <- key
	}
	return err
}

func newExchange(t *testing.T) *exchange {
	t.Helper()
	e := &exchange{
		plane:   &gatedPlane{drops: make(chan struct{})},
		control: &watchedControl{mem.NewControl(), make(chan millrace.StreamKey, 10)},
	}
	c := config(e.control)
	c.Media = e.plane
	h := newHandler(t, c)
	running(t, h)
	e.address = strings.TrimPrefix(listen(t, h), "http://")
	return e
}

func (e *exchange) play(t *testing.T, ask string) string {
	t.Helper()
	if strings.TrimSpace(ask) == "drop" {
		e.plane.drops <- struct{}{}
		<-e.control.finished
		return ""
	}
	conn, err := net.Dial("tcp", e.address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	r := e.request(t, ask)
	if err := r.Write(conn); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	return e.remember(t, string(answer))
}

// request reads the text of a request and signs it.
func (e *exchange) request(t *testing.T, ask string) *http.Request {
	t.Helper()
	ask = strings.NewReplacer("$version", e.version, "$token", e.token).Replace(ask)
	first, rest, _ := strings.Cut(ask, "\n")
	words := strings.Fields(first)
	key := "root"
	if len(words) == 4 && words[2] == "as" {
		key = words[3]
	}
	header := http.Header{}
	for {
		line, after, _ := strings.Cut(rest, "\n")
		m := regexp.MustCompile(`^([A-Za-z0-9-]+): (.*)$`).FindStringSubmatch(line)
		if m == nil {
			break
		}
		header.Set(m[1], m[2])
		rest = after
	}
	body := strings.TrimSuffix(rest, "\n")
	r, err := http.NewRequest(words[0], "http://"+e.address+words[1], bytes.NewReader([]byte(body)))
	if err != nil {
		t.Fatal(err)
	}
	r.Header, r.Close = header, true
	r.Header.Set("User-Agent", "")
	if key != "nobody" {
		if err := signer(key).Sign(r, wire.PayloadHash([]byte(body)), clock()); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// remember takes out of an answer what differs each time, and what every
// answer has.
func (e *exchange) remember(t *testing.T, answer string) string {
	t.Helper()
	for _, v := range []struct {
		pattern, name string
		keep          *string
	}{
		{`"Version":"([0-9A-Za-z]{20})"`, "$VERSION", &e.version},
		{`"NextToken":"([0-9A-Za-z+/=]+)"`, "$TOKEN", &e.token},
		{`-RequestId: ([0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12})`, "$ID", nil},
		{`Date: (.* GMT)\r`, "$DATE", nil},
	} {
		pattern := regexp.MustCompile(v.pattern)
		answer = pattern.ReplaceAllStringFunc(answer, func(found string) string {
			value := pattern.FindStringSubmatch(found)[1]
			if v.keep != nil {
				*v.keep = value
			}
			return strings.Replace(found, value, v.name, 1)
		})
	}
	head, body, _ := strings.Cut(answer, "\r\n\r\n")
	text := strings.Join(unusual(t, strings.Split(head, "\r\n")), "\n") + "\n"
	if body != "" {
		text += "\n" + body + "\n"
	}
	if e.version != "" {
		text = strings.ReplaceAll(text, e.version, "$VERSION")
	}
	_, port, _ := net.SplitHostPort(e.address)
	return strings.ReplaceAll(text, ":"+port, ":$PORT")
}

// unusual returns the lines of a head but for those that every head must have.
func unusual(t *testing.T, lines []string) []string {
	t.Helper()
	for _, usual := range []string{
		"Access-Control-Allow-Origin: *",
		"Access-Control-Expose-Headers: x-amzn-RequestId, x-amzn-ErrorType, x-amzn-ErrorMessage, x-amz-RequestId, x-amz-ErrorType, Content-Length, Content-Range, Accept-Ranges, ETag, Date",
		"Connection: close",
		"Date: $DATE",
		"x-amz-RequestId: $ID",
		"x-amzn-RequestId: $ID",
	} {
		i := slices.Index(lines, usual)
		if i < 0 {
			t.Errorf("the head has no line %q: %q", usual, lines)
			continue
		}
		lines = slices.Delete(lines, i, i+1)
	}
	lines = slices.DeleteFunc(lines, func(line string) bool { return strings.HasPrefix(line, "Content-Length: ") })
	slices.Sort(lines[1:])
	return lines
}
