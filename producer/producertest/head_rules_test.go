package producertest_test

import (
	"bufio"
	"bytes"
	"context"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/wire"
	"github.com/millrace/millrace/media"
	"github.com/millrace/millrace/producer"
	"github.com/millrace/millrace/producer/producertest"
)

// owner is whose calls the ones of these tests are.
func owner() millrace.Credentials {
	return millrace.Credentials{AccessKeyID: "AKIDDEVICE", SecretAccessKey: "secret", SessionToken: "token"}
}

// A tampered connection changes the head of a PutMedia request, which a producer
// sends with one write, on its way.
type tampered struct {
	net.Conn
	change func(head string) string
}

func (c tampered) Write(b []byte) (int, error) {
	if !bytes.HasPrefix(b, []byte("POST /putMedia")) {
		return c.Conn.Write(b)
	}
	if _, err := c.Conn.Write([]byte(c.change(string(b)))); err != nil {
		return 0, err
	}
	return len(b), nil
}

// calling has a producer send one frame to a strict server, with its first head
// changed on the way, and returns the first call.
func calling(t *testing.T, config producer.StreamConfig, change func(head string) string) (first producertest.Call, refused bool) {
	t.Helper()
	t.Setenv("HOME", t.TempDir())
	synctest.Test(t, func(t *testing.T) {
		s := producertest.Start(t, producertest.Config{
			Pipes: true, Identity: true, Strict: true, Keys: []producertest.Key{{Credentials: owner()}},
		})
		c := &producer.Client{
			Endpoint: s.Endpoint(), HTTPClient: s.HTTPClient(), Credentials: millrace.StaticCredentials(owner()),
			Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
				conn, err := s.Dial(ctx, network, address)
				return tampered{conn, change}, err
			},
		}
		config.Tracks = []media.Track{{Number: 1, UID: 1, Type: media.Video, CodecID: "V_TEST"}}
		up, err := c.Open(t.Context(), "gate", config)
		if err != nil {
			t.Fatal(err)
		}
		defer up.Abort()
		at := time.Duration(clock.UnixNano())
		if config.Time.Relative {
			at = 0
		}
		if err := up.Write(t.Context(), media.Frame{Track: 1, PTS: at, Key: true, Data: []byte("frame")}); err != nil {
			t.Error(err)
		}
		for len(s.Calls()) == 0 {
			time.Sleep(time.Second)
		}
		first = s.Calls()[0]
		refused = slices.ContainsFunc(s.Events(), func(e producertest.Event) bool {
			return e.Kind == producertest.CallRefused && e.Call == 1 && e.Status == 400
		})
	})
	return first, refused
}

func TestTheHeadsOfAProducerKeepEveryRule(t *testing.T) {
	for name, config := range map[string]producer.StreamConfig{
		"absolute times":   {},
		"relative times":   {Time: producer.TimeRules{Relative: true, Start: time.UnixMilli(1_800_000_000_005)}},
		"without a start":  {Time: producer.TimeRules{Relative: true}},
		"nothing promised": {Ack: producer.AckNothing},
	} {
		call, refused := calling(t, config, func(head string) string { return head })
		if len(call.Faults) > 0 || refused {
			t.Errorf("%s: refused is %v, faults %v", name, refused, call.Faults)
		}
	}
}

// withHeader replaces the value of a header, or adds it.
func withHeader(name, value string) func(string) string {
	return func(head string) string {
		if old := line(head, name); strings.Contains(head, old) {
			return strings.Replace(head, old, name+": "+value+"\r\n", 1)
		}
		return strings.TrimSuffix(head, "\r\n") + name + ": " + value + "\r\n\r\n"
	}
}

// line is the line of a header, or something that no head has.
func line(head, name string) string {
	if found := regexp.MustCompile(`(?mi)^` + name + `:.*\r\n`).FindString(head); found != "" {
		return found
	}
	return "nothing"
}

func replaced(old, with string) func(string) string {
	return func(head string) string { return strings.Replace(head, old, with, 1) }
}

// again makes a header be there twice.
func again(name string) func(string) string {
	return func(head string) string {
		return strings.Replace(head, line(head, name), strings.Repeat(line(head, name), 2), 1)
	}
}

// without takes a header out, and off the list of those that are signed.
func without(name string) func(string) string {
	return func(head string) string {
		head = strings.Replace(head, line(head, name), "", 1)
		return strings.Replace(head, ";"+strings.ToLower(name), "", 1)
	}
}

// resigned puts a good signature into a head that was changed.
func resigned(head string, at time.Time) string {
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(head)))
	if err != nil {
		panic(err)
	}
	r.Header.Del("Authorization")
	signer := wire.Signer{Credentials: wire.Credentials(owner()), Region: "us-east-1"}
	if err := signer.Sign(r, wire.UnsignedPayload, at); err != nil {
		panic(err)
	}
	head = withHeader("X-Amz-Date", r.Header.Get("X-Amz-Date"))(head)
	return withHeader("Authorization", r.Header.Get("Authorization"))(head)
}

// signing has a changed head be signed again.
func signing(change func(string) string) func(string) string {
	return func(head string) string { return resigned(change(head), time.Now()) }
}

// Each rule is broken at least once, and each change breaks just the rule that it
// is meant to break, beside the signature where that covers it.
func TestAStrictServerNoticesEveryRuleThatIsBroken(t *testing.T) {
	const arn = "arn:aws:kinesisvideo:us-east-1:000000000000:stream/gate/1700000000000"
	broken := map[string]bool{}
	for _, tc := range []struct {
		rule   string
		change func(head string) string
	}{
		{"lines of HTTP", replaced("\r\nUser-Agent", "\nUser-Agent")},
		{"lines of HTTP", replaced("X-Amz-Date: ", "X-Amz-Date:\r\n ")},
		{"request line", replaced("/putMedia", "/putMedia?now=1")},
		{"request line", replaced("HTTP/1.1", "HTTP/1.0")},
		{"no header twice", again("User-Agent")},
		{"no header twice", again(wire.HeaderTimecodeType)},
		{"host", withHeader("Host", "elsewhere.test")},
		{"host", withHeader("Host", "data.test:8080")},
		{"chunked body", withHeader("Content-Length", "5")},
		{"chunked body", withHeader("Transfer-Encoding", "Chunked")},
		{"no coding of the body", withHeader("Content-Encoding", "gzip")},
		{"no coding of the answer", withHeader("Accept-Encoding", "gzip")},
		{"no other protocol", withHeader("Upgrade", "h2c")},
		{"no other protocol", withHeader("Connection", "close")},
		{"expect", withHeader("Expect", "the best")},
		{"user agent", without("User-Agent")},
		{"user agent", withHeader("User-Agent", "Go-http-client/1.1")},
		{"name or ARN", without(wire.HeaderStreamName)},
		{"name or ARN", signing(withHeader(wire.HeaderStreamARN, arn))},
		{"stream name", withHeader(wire.HeaderStreamName, "the gate")},
		{"stream name", withHeader(wire.HeaderStreamName, strings.Repeat("g", 257))},
		{"stream ARN", signing(func(head string) string {
			return withHeader(wire.HeaderStreamARN, "gate")(without(wire.HeaderStreamName)(head))
		})},
		{"timecode type", without(wire.HeaderTimecodeType)},
		{"timecode type", withHeader(wire.HeaderTimecodeType, "absolute")},
		{"start timestamp", without(wire.HeaderProducerStart)},
		{"start timestamp", withHeader(wire.HeaderProducerStart, "1800000000.5")},
		{"start timestamp", withHeader(wire.HeaderProducerStart, "-1.000")},
		{"start timestamp", withHeader(wire.HeaderProducerStart, "2026-11-23T00:00:00Z")},
		{"acknowledgments", withHeader(wire.HeaderAckRequired, "yes")},
		{"producer", signing(withHeader(wire.HeaderProducer, "FF0102030405060708090a0b0c0d0e0f"))},
		{"producer", signing(withHeader(wire.HeaderProducer, "12"))},
		{"authorization", without("Authorization")},
		{"authorization", replaced("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA1")},
		{"authorization", replaced(", Signed", ",Signed")},
		{"authorization", replaced("Signature=", "Signature=0")},
		{"scope", replaced("/kinesisvideo/", "/s3/")},
		{"scope", replaced("/aws4_request", "/aws4")},
		{"scope", replaced("/20000101/", "/20000102/")},
		{"date", withHeader("X-Amz-Date", "2000-01-01T00:00:00Z")},
		{"clock", func(head string) string { return resigned(head, time.Now().Add(6*time.Minute)) }},
		{"clock", func(head string) string { return resigned(head, time.Now().Add(-6*time.Minute)) }},
		{"list of signed headers", replaced("host;", "Host;")},
		{"list of signed headers", replaced("SignedHeaders=host;", "SignedHeaders=zzz;host;")},
		{"list of signed headers", func(head string) string {
			return replaced("SignedHeaders=", "SignedHeaders=x-amz-date;")(replaced("x-amz-date;", "")(head))
		}},
		{"what must be signed", replaced("host;", "")},
		{"what must be signed", replaced(";x-amz-security-token", "")},
		{"what must be signed", withHeader("X-Amzn-More", "1")},
		{"payload", withHeader("X-Amz-Content-Sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD")},
		{"token", without("X-Amz-Security-Token")},
		{"token", withHeader("X-Amz-Security-Token", "another")},
		{"signature", replaced("Signature=", "Signature=f")},
		{"signature", replaced("AKIDDEVICE", "AKIDOTHER")},
	} {
		broken[tc.rule] = true
		same := false
		change := func(head string) string {
			changed := tc.change(head)
			if tc.rule == "signature" { // as long as it was
				changed = regexp.MustCompile(`(Signature=[0-9a-f]{64})[0-9a-f]*`).ReplaceAllString(changed, "$1")
			}
			same = same || changed == head
			return changed
		}
		call, refused := calling(t, producer.StreamConfig{}, change)
		var rules []string
		for _, f := range call.Faults {
			if f.Rule != "signature" || tc.rule == "signature" {
				rules = append(rules, f.Rule)
			}
		}
		if same || !refused || !slices.Equal(rules, []string{tc.rule}) {
			t.Errorf("%s: refused is %v, faults %v", tc.rule, refused, call.Faults)
		}
	}
	for _, rule := range producertest.HeadRules() {
		if !broken[rule] {
			t.Errorf("no head breaks the rule %q", rule)
		}
	}
}

// TestSignaturesOfOtherClients shows that the server works signatures out as
// others do: all that were recorded are right. What those clients do in their own
// way it notices: a query, a request for compression, milliseconds without their
// zeros, no name, and a token that is not signed.
func TestSignaturesOfOtherClients(t *testing.T) {
	dir := os.Getenv("MILLRACE_VECTORS")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "vectors")
	}
	names, _ := filepath.Glob(filepath.Join(dir, "putmedia", "*.head.txt"))
	if len(names) == 0 {
		t.Skip("vectors not present")
	}
	ways := map[string]bool{}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		head := string(b)
		stamp := strings.TrimSpace(line(head, "X-Amz-Date")[len("X-Amz-Date:"):])
		at, err := time.Parse("20060102T150405Z", stamp)
		if err != nil {
			t.Fatal(err)
		}
		s := producertest.Start(t, producertest.Config{
			ClockOffset: time.Until(at),
			Keys:        []producertest.Key{{Credentials: dummy("AKIADUMMYKEY00000000", "")}, {Credentials: dummy("ASIADUMMYKEY00000000", token(head))}},
		})
		conn, err := s.Dial(t.Context(), "tcp", s.Address(producertest.Data))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Write(b); err != nil {
			t.Fatal(err)
		}
		_, _ = conn.Read(make([]byte, 1)) // the call is recorded when there is an answer
		conn.Close()
		for _, f := range s.Calls()[0].Faults {
			if f.Rule != "host" { // of another machine
				ways[f.Rule] = true
			}
		}
	}
	want := []string{"no coding of the answer", "request line", "start timestamp", "user agent", "what must be signed"}
	if got := slices.Sorted(maps.Keys(ways)); !slices.Equal(got, want) {
		t.Errorf("others break the rules %q, want %q", got, want)
	}
}

func dummy(id, token string) millrace.Credentials {
	return millrace.Credentials{AccessKeyID: id, SecretAccessKey: "dummysecretdummysecretdummysecret00000000", SessionToken: token}
}

func token(head string) string {
	_, value, _ := strings.Cut(line(head, "X-Amz-Security-Token"), ":")
	return strings.TrimSpace(value)
}
