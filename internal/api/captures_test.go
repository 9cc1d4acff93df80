package api_test

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/api"
	"github.com/millrace/millrace/internal/auth"
	"github.com/millrace/millrace/internal/store/mem"
)

// vectors is the folder of recordings, where there is one.
func vectors(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("MILLRACE_VECTORS")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "vectors")
	}
	if _, err := os.Stat(filepath.Join(dir, "control")); err != nil {
		t.Skip("vectors not present")
	}
	return dir
}

// dummyKeys knows the key with which the recordings were made.
type dummyKeys struct{}

func (dummyKeys) Lookup(_ context.Context, id, _ string) (auth.Key, error) {
	if id != "AKIADUMMYKEY00000000" {
		return auth.Key{}, millrace.ErrNotFound
	}
	return auth.Key{
		Secret:    "dummysecretdummysecretdummysecret00000000",
		Principal: auth.Principal{KeyID: id, Root: true},
	}, nil
}

// A capture is one recorded request.
type capture struct {
	head, body []byte
	at         time.Time // by the client's clock
}

func readCapture(t *testing.T, file string) capture {
	t.Helper()
	head, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	body, err := os.ReadFile(strings.Replace(file, ".head.txt", ".body.json", 1))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	stamp := regexp.MustCompile(`(?i)x-amz-date: (\d{8}T\d{6}Z)`).FindSubmatch(head)
	if stamp == nil {
		t.Fatalf("%s has no date", file)
	}
	at, err := time.Parse("20060102T150405Z", string(stamp[1]))
	if err != nil {
		t.Fatal(err)
	}
	return capture{head, body, at}
}

// replay sends a capture, byte for byte, to a server whose clock stands at now.
// The streams that the capture speaks of are there.
func (c capture) replay(t *testing.T, now time.Time) (reply, []string) {
	t.Helper()
	control := mem.NewControl()
	var media []string
	config := config(control)
	config.Auth = auth.New(auth.Options{Keys: dummyKeys{}})
	config.Now = func() time.Time { return now }
	config.GetMedia = func(_ http.ResponseWriter, _ *http.Request, m *api.MediaCall) error {
		media = append(media, string(m.Body))
		return millrace.ErrNotFound
	}
	if !bytes.HasPrefix(c.head, []byte("POST /createStream ")) {
		if _, err := control.Create(t.Context(), c.stream(t, now), nil); err != nil {
			t.Fatal(err)
		}
	}
	conn, err := net.Dial("tcp", strings.TrimPrefix(listen(t, newHandler(t, config)), "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write(append(bytes.Clone(c.head), c.body...)); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return reply{resp.StatusCode, resp.Header, string(body)}, media
}

// stream is the one that the capture's body names.
func (c capture) stream(t *testing.T, now time.Time) millrace.Stream {
	t.Helper()
	s := millrace.Stream{
		Name:    "none",
		ARN:     millrace.StreamARN{Partition: "aws", Region: region, Account: account},
		Created: now.Add(-time.Hour),
		Version: "davN9FKg4vjyKdCSs0f4", // which the recordings of updates name
	}
	if m := regexp.MustCompile(`"StreamName":\s*"([^"]+)"`).FindSubmatch(c.body); m != nil {
		s.Name = millrace.StreamName(m[1])
	}
	if m := regexp.MustCompile(`"StreamARN":\s*"([^"]+)"`).FindSubmatch(c.body); m != nil {
		arn, err := millrace.ParseStreamARN(string(m[1]))
		if err != nil {
			t.Fatal(err)
		}
		s.Name, s.ARN, s.Created = arn.Name, arn, arn.Created
	}
	return s
}

func TestCapturesOfRealClients(t *testing.T) {
	files, _ := filepath.Glob(filepath.Join(vectors(t), "control", "*.head.txt"))
	if len(files) == 0 {
		t.Fatal("no captures")
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".head.txt")
		if name == "producer-c-iot-credentials" { // not an operation of this service
			continue
		}
		t.Run(name, func(t *testing.T) {
			c := readCapture(t, file)
			got, media := c.replay(t, c.at.Add(time.Second))
			switch {
			case strings.HasSuffix(name, "-getMedia"):
				if len(media) != 1 || media[0] != string(c.body) {
					t.Errorf("handed on: %q", media)
				}
			case strings.HasSuffix(name, "-listFragments"):
				if got.errorType() != notOffered {
					t.Errorf("%d %s", got.status, got.body)
				}
			case got.status != http.StatusOK:
				t.Errorf("%d %s", got.status, got.body)
			}
			checkCaptured(t, name, got)

			if len(c.body) > 0 {
				forged := c
				forged.body = bytes.Clone(c.body)
				forged.body[len(forged.body)-1] ^= ' ' // another byte at its end
				if got, _ := forged.replay(t, c.at); got.errorType() != "InvalidSignatureException" {
					t.Errorf("with a changed body: %d %s", got.status, got.body)
				}
			}
			late, _ := c.replay(t, c.at.Add(6*time.Minute))
			if late.status != 403 || !strings.Contains(late.body, "Signature expired") {
				t.Errorf("six minutes later: %d %s", late.status, late.body)
			}
			early, _ := c.replay(t, c.at.Add(-6*time.Minute))
			if early.status != 403 || !strings.Contains(early.body, "Signature not yet current") {
				t.Errorf("six minutes early: %d %s", early.status, early.body)
			}
		})
	}
}

// checkCaptured looks for the members without which the clients go no further.
func checkCaptured(t *testing.T, name string, got reply) {
	t.Helper()
	for operation, member := range map[string]string{
		"-createStream":    `{"StreamARN":"arn:aws:kinesisvideo:us-west-2:111122223333:stream/`,
		"-describeStream":  `{"StreamInfo":{`,
		"-getDataEndpoint": `{"DataEndpoint":"http://`,
		"-listStreams":     `{"StreamInfoList":[{`,
		"-tagStream":       `{}`,
		"-deleteStream":    `{}`,
	} {
		if strings.HasSuffix(name, operation) && !strings.HasPrefix(got.body, member) {
			t.Errorf("body %s does not begin with %s", got.body, member)
		}
	}
}
