package server_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/config"
	"github.com/millrace/millrace/internal/server"
)

// These tests are about the service's own limits: a whole server with the
// profile aws, and the exact error in which each of them ends.

// imitating gives a server the profile aws, and then changes it.
func imitating(change func(*config.Server)) func(*config.Server) {
	return func(c *config.Server) {
		aws := config.Default(config.ProfileAWS)
		aws.Data, aws.Listen, aws.Region = c.Data, c.Listen, c.Region
		aws.AccessKeyID, aws.SecretAccessKey = c.AccessKeyID, c.SecretAccessKey
		if *c = aws; change != nil {
			change(c)
		}
	}
}

func TestAStreamTooManyIsRefused(t *testing.T) {
	r := start(t, nil, imitating(func(c *config.Server) { c.MaxStreams = 3 }))
	for i := range 3 {
		r.create(fmt.Sprint("cam-", i), 24)
	}
	for range 2 {
		want := refusal{http.StatusBadRequest, "AccountStreamLimitExceededException", "The number of streams created for the account is too high."}
		if a := r.asked("/createStream", map[string]any{"StreamName": "one-more"}); a != want {
			t.Errorf("\n got %+v\nwant %+v", a, want)
		}
	}
	// Clients that ask for what they have go on when they are told so.
	if a := r.asked("/createStream", map[string]any{"StreamName": "cam-1"}); a.kind != "ResourceInUseException" {
		t.Errorf("one that is there: %+v", a)
	}
	if status, out := r.call("/deleteStream", map[string]any{"StreamARN": r.arn("cam-2")}); status != http.StatusOK {
		t.Fatalf("%d %v", status, out)
	}
	deadline := time.Now().Add(30 * time.Second)
	for a := (refusal{}); a.status != http.StatusOK; a = r.asked("/createStream", map[string]any{"StreamName": "one-more"}) {
		if time.Now().After(deadline) {
			t.Fatalf("after one was deleted: %+v", a)
		}
	}
}

func TestOfManyStreamsAtOnceOnlySoManyAreMade(t *testing.T) {
	r := start(t, nil, imitating(func(c *config.Server) { c.MaxStreams = 10 }))
	answers := make(chan refusal, 40)
	for i := range 40 {
		go func() { answers <- r.asked("/createStream", map[string]any{"StreamName": fmt.Sprint("cam-", i)}) }()
	}
	made := 0
	for range 40 {
		if a := <-answers; a.status == http.StatusOK {
			made++
		} else if a.kind != "AccountStreamLimitExceededException" {
			t.Errorf("%+v", a)
		}
	}
	if made != 10 {
		t.Errorf("%d streams were made", made)
	}
}

func TestTwoProducersOverlapAndAThirdIsRefused(t *testing.T) {
	clock := newFrozen()
	r := start(t, clock.now, imitating(nil))
	r.create("cam", 24)
	first, second := r.put("cam", nil), r.put("cam", nil)
	for i, p := range []*put{first, second} {
		p.mustSend(slices.Concat(header(1), cluster(uint64(i), oneBlock()), endOfFragment()))
		p.want(fmt.Sprint("BUFFERING ", i), fmt.Sprint("RECEIVED ", i), fmt.Sprint("PERSISTED ", i))
	}
	for range 2 {
		a, err := r.ask(r.head(form{headers: []string{"Transfer-Encoding: chunked"}}, func(*draft) {}))
		if err != nil {
			t.Fatal(err)
		}
		want := refusal{http.StatusBadRequest, "ConnectionLimitExceededException", "The stream has too many producers."}
		if got := (refusal{a.status, a.kind, a.text}); got != want || a.took > within {
			t.Errorf("after %v\n got %+v\nwant %+v", a.took, got, want)
		}
	}
	clock.move(time.Second)
	for round := range 3 { // whoever ends makes room for one, and only one
		first.end()
		if rest := first.rest(); len(rest) > 0 || first.failed != nil {
			t.Fatalf("the first ends with %v, %v", rest, first.failed)
		}
		if first, second = second, r.put("cam", nil); second.status != http.StatusOK {
			t.Fatalf("round %d: %d %v", round, second.status, second.failed)
		}
		if third := r.put("cam", nil); third.status != http.StatusBadRequest {
			t.Fatalf("round %d: the third gets %d", round, third.status)
		}
		clock.move(time.Second)
	}
	r.create("door", 24)
	if p := r.put("door", nil); p.status != http.StatusOK {
		t.Errorf("another stream: %d %v", p.status, p.failed)
	}
}

func TestAFourthReaderIsRefused(t *testing.T) {
	clock := newFrozen()
	r := start(t, clock.now, imitating(nil))
	r.create("cam", 24)
	var readers []*get
	for range 3 {
		readers = append(readers, r.get("cam", earliest()))
	}
	in := map[string]any{"StreamName": "cam", "StartSelector": earliest()}
	want := refusal{http.StatusBadRequest, "ConnectionLimitExceededException", "The stream has too many readers."}
	if a := r.asked("/getMedia", in); a != want {
		t.Errorf("\n got %+v\nwant %+v", a, want)
	}
	p := r.put("cam", nil)
	p.mustSend(slices.Concat(header(1), cluster(1, oneBlock()), endOfFragment()))
	for i, g := range readers {
		if d := g.must(); d.blocks != 1 {
			t.Errorf("reader %d gets %d frames", i, d.blocks)
		}
	}
}

func TestASessionOfTheGreatestAgeEndsWithItsCode(t *testing.T) {
	r := start(t, nil, imitating(func(c *config.Server) { c.MaxConnectionAge = 50 * time.Millisecond }))
	r.create("cam", 24)
	const exact = `{"EventType":"ERROR","ErrorId":4003,"ErrorCode":"MAX_CONNECTION_DURATION_REACHED"}` + "\n"
	if last := r.put("cam", nil).next(); last.raw != exact {
		t.Errorf("%q", last.raw)
	}
}

// TestFragmentsBeyondTheServicesRulesEndTheSession sends a good fragment and
// then one that breaks a rule.
func TestFragmentsBeyondTheServicesRulesEndTheSession(t *testing.T) {
	tags := func(n int) (b []byte) {
		for i := range n {
			b = append(b, userTags(fmt.Sprint("tag", i), "v")...)
		}
		return b
	}
	good := slices.Concat(header(1), cluster(5, block(1, 0, "good")), endOfFragment())
	for name, tc := range map[string]struct {
		body []byte
		want string
	}{
		"the same timecode again": {cluster(5, block(1, 0, "x")), "ERROR 5 4004 FRAGMENT_TIMECODE_LESSER_THAN_PREVIOUS"},
		"an earlier timecode":     {cluster(4, block(1, 0, "x")), "ERROR 4 4004 FRAGMENT_TIMECODE_LESSER_THAN_PREVIOUS"},
		"21 seconds": {
			cluster(6, block(1, 0, "x"), block(1, 21_000, "y")), "ERROR 6 4002 MAX_FRAGMENT_DURATION_REACHED",
		},
		"eleven tags":           {slices.Concat(tags(11), cluster(6, block(1, 0, "x"))), "ERROR 6 4009 FRAGMENT_METADATA_LIMIT_REACHED"},
		"a track that is not":   {cluster(6, block(2, 0, "x")), "ERROR 6 4010 TRACK_NUMBER_MISMATCH"},
		"no frame of the track": {cluster(6), "ERROR 6 4011 FRAMES_MISSING_FOR_TRACK"},
		"what is no Matroska":   {[]byte("\x00no Matroska at all"), "ERROR 4006 INVALID_MKV_DATA"},
		"more than 50 MB":       {large(6, 50_000_001), "ERROR 6 4001 MAX_FRAGMENT_SIZE_REACHED"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t, nil, imitating(nil))
			r.create("cam", 24)
			p := r.put("cam", nil)
			p.mustSend(good)
			p.want("BUFFERING 5", "RECEIVED 5", "PERSISTED 5")
			_ = p.send(tc.body, 0) // of which the server need not take all
			p.end()
			var last ack
			for _, a := range p.rest() {
				last = a
			}
			if last.String() != tc.want {
				t.Errorf("ends with %q, want %q", last, tc.want)
			}
		})
	}
}

// large is the beginning of a Cluster that says how large it is.
func large(timecode uint64, size int64) []byte {
	b := []byte{0x1f, 0x43, 0xb6, 0x75, 0x01, 0, 0, byte(size >> 32), byte(size >> 24), byte(size >> 16), byte(size >> 8), byte(size)}
	return append(b, 0xe7, 0x81, byte(timecode))
}

func TestFourTracksAreTooMany(t *testing.T) {
	r := start(t, nil, imitating(nil))
	r.create("cam", 24)
	p := r.put("cam", nil)
	p.mustSend(slices.Concat(header(1, 2, 3, 4), cluster(1, oneBlock())))
	p.want("ERROR 4012 MORE_THAN_ALLOWED_TRACKS_FOUND")
}

func TestWithoutTheProfileATimecodeMayComeTwice(t *testing.T) {
	r := start(t, nil, nil)
	r.create("cam", 24)
	p := r.put("cam", nil)
	p.mustSend(slices.Concat(header(1), cluster(5, oneBlock()), cluster(5, oneBlock()), endOfFragment()))
	p.want("BUFFERING 5", "RECEIVED 5")
	p.end()
	if rest := p.rest(); p.failed != nil || len(rest) != 4 {
		t.Errorf("%v, %v", rest, p.failed)
	}
}

// pacedBody is a body of so many fragments, each with one frame of a size.
func pacedBody(fragments, frame int) []byte {
	body := header(1)
	for i := range fragments {
		body = append(body, cluster(uint64(1000*i), block(1, 0, strings.Repeat("f", frame)))...)
	}
	return append(body, endOfFragment()...)
}

// persisted sends a body and checks that all of it is kept; it returns how long
// that took.
func (r *rig) persisted(name string, body []byte, fragments int) time.Duration {
	r.t.Helper()
	began := time.Now()
	p := r.put(name, nil)
	go func() { _ = p.send(body, 64<<10); p.end() }() // what is not taken is missed below
	kept := 0
	for _, a := range p.rest() {
		if a.EventType == "ERROR" {
			r.t.Fatal(a)
		}
		if a.EventType == "PERSISTED" {
			kept++
		}
	}
	if kept != fragments || p.failed != nil {
		r.t.Fatalf("%d fragments kept of %d: %v", kept, fragments, p.failed)
	}
	return time.Since(began)
}

// TestMoreThanASessionMayCarryWaits: five fragments a second, five of them at
// once; and a tenth of the service's bytes. Nothing ends in an error.
func TestMoreThanASessionMayCarryWaits(t *testing.T) {
	r := start(t, nil, imitating(func(c *config.Server) { c.SessionRate, c.ReaderRate = 1_250_000, 2_500_000 }))
	for name, tc := range map[string]struct {
		fragments, frame int
		in, out          time.Duration // at least
	}{
		"offline, twelve small fragments": {12, 100, 7 * time.Second / 5, 7 * time.Second / 5},
		"three of a megabyte":             {3, 1_000_000, 7 * time.Second / 5, time.Second / 5},
	} {
		t.Run(name, func(t *testing.T) {
			stream := fmt.Sprint("cam-", tc.fragments)
			r.create(stream, 24)
			if took := r.persisted(stream, pacedBody(tc.fragments, tc.frame), tc.fragments); took < tc.in-50*time.Millisecond {
				t.Errorf("in: took %v, want %v", took, tc.in)
			}
			began := time.Now()
			g := r.get(stream, earliest())
			for i := range tc.fragments {
				if d := g.must(); d.blocks != 1 {
					t.Fatalf("fragment %d has %d frames", i, d.blocks)
				}
			}
			// The last document may be still in the socket's memory when it is
			// paid for: what it cost is not waited for.
			if took := time.Since(began); took < tc.out-50*time.Millisecond {
				t.Errorf("out: took %v, want %v", took, tc.out)
			}
		})
	}
}

func TestARateOfAnOperationThatIsNotThereStopsTheStart(t *testing.T) {
	cfg := config.Default(config.ProfileDefault)
	cfg.Data, cfg.Listen = t.TempDir(), "127.0.0.1:0"
	cfg.Rates = config.Rates{{Operation: "DescribeStraem", Account: 1}}
	s, err := server.Start(t.Context(), cfg, server.Options{})
	if err == nil {
		s.Close()
	}
	if err == nil || !strings.Contains(err.Error(), `did you mean "DescribeStream"`) {
		t.Errorf("%v", err)
	}
}
