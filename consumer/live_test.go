package consumer_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/consumer"
)

// A script is a server that answers the calls of GetMedia one after the other.
// It implements http.RoundTripper, so that no socket and no real time is needed.
type script struct {
	t       *testing.T
	mu      sync.Mutex
	answers []answer
	asked   []string // the selectors that came, as "TYPE value"
	pinned  bool     // nobody has to ask for an endpoint
	at      []time.Time
}

// An answer is a status with a body, or an error of the network.
type answer struct {
	status int // 0 is 200
	body   io.Reader
	err    error
}

func (s *script) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 Credential=AKIDTEST/") {
		s.t.Errorf("authorization %q", r.Header.Get("Authorization"))
	}
	var in struct {
		StreamName    string
		APIName       string
		StartSelector struct {
			StartSelectorType, AfterFragmentNumber, ContinuationToken string
			StartTimestamp                                            json.Number
		}
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil || in.StreamName != "gate" {
		s.t.Errorf("request for %q: %v", in.StreamName, err)
	}
	switch r.URL.String() {
	case "http://control/getDataEndpoint":
		if s.pinned {
			s.t.Error("asked for an endpoint")
		}
		return respond(r, 200, strings.NewReader(`{"DataEndpoint":"http://data"}`)), nil
	case "http://data/getMedia":
	default:
		s.t.Errorf("request to %s", r.URL)
	}
	sel := in.StartSelector
	s.asked = append(s.asked, strings.TrimSpace(sel.StartSelectorType+" "+sel.AfterFragmentNumber+sel.ContinuationToken+sel.StartTimestamp.String()))
	s.at = append(s.at, time.Now())
	if len(s.answers) == 0 {
		s.mu.Unlock() // others may ask meanwhile
		<-r.Context().Done()
		s.mu.Lock()
		return nil, r.Context().Err()
	}
	a := s.answers[0]
	s.answers = s.answers[1:]
	if a.err != nil {
		return nil, a.err
	}
	return respond(r, max(a.status, 200), a.body), nil
}

func respond(r *http.Request, status int, body io.Reader) *http.Response {
	h := http.Header{"Date": {time.Now().UTC().Format(http.TimeFormat)}}
	return &http.Response{StatusCode: status, Header: h, Body: &cancelledBody{r.Context(), body}, Request: r}
}

// cancelledBody fails when the request's context has ended, as a real one does.
type cancelledBody struct {
	ctx context.Context
	io.Reader
}

func (b *cancelledBody) Read(p []byte) (int, error) {
	type result struct {
		n   int
		err error
	}
	done := make(chan result, 1)
	own := make([]byte, len(p))
	go func() {
		n, err := b.Reader.Read(own)
		done <- result{n, err}
	}()
	select {
	case r := <-done:
		return copy(p, own[:r.n]), r.err
	case <-b.ctx.Done():
		return 0, b.ctx.Err()
	}
}

func (b *cancelledBody) Close() error {
	if c, ok := b.Reader.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

func client(t *testing.T, s *script) *consumer.Client {
	t.Helper()
	t.Setenv("HOME", t.TempDir())
	s.t = t
	return &consumer.Client{
		Endpoint:    "http://control",
		Credentials: millrace.StaticCredentials(millrace.Credentials{AccessKeyID: "AKIDTEST", SecretAccessKey: "secret"}),
		HTTPClient:  &http.Client{Transport: s},
	}
}

// seen is one line for each fragment: its frames and how it ended.
func seen(t *testing.T, c *consumer.Client, ctx context.Context, start millrace.StartSelector, o consumer.LiveOptions) (lines []string, last error) {
	t.Helper()
	o.Start = start
	for f, err := range c.Live("gate", o).Fragments(ctx) {
		if err != nil {
			last = err
			continue
		}
		var data []string
		for frame, err := range f.Frames() {
			if err != nil {
				data = append(data, "error")
				break
			}
			data = append(data, strings.TrimPrefix(string(frame.Data), "frame "))
		}
		end := "cut"
		if f.Complete() {
			end = "complete"
		}
		lines = append(lines, strings.Join(data, " ")+" "+end)
	}
	return lines, last
}

func broken(b []byte, n int) io.Reader {
	return io.MultiReader(bytes.NewReader(b[:n]), iotest.ErrReader(errNetwork))
}

func TestFollowing(t *testing.T) {
	doc := func(n int) []byte { return document(n, false, 3) }
	open := func(n int) []byte { return document(n, true, 3) }
	head, frame := documentSizes(1, false)
	after := func(n int) string { return "FRAGMENT_NUMBER " + number(n).String() }
	whole := func(n int) string { return fmt.Sprintf("%d/0 %d/1 %d/2 complete", n, n, n) }

	for name, tc := range map[string]struct {
		answers []answer
		start   millrace.StartSelector
		once    bool
		want    []string
		asked   []string
		err     error
	}{
		"one response that ends in good order": {
			answers: []answer{{body: bytes.NewReader(slices.Concat(doc(1), open(2)))}},
			start:   millrace.StartSelector{Type: millrace.StartEarliest},
			once:    true,
			want:    []string{whole(1), whole(2)},
			asked:   []string{"EARLIEST"},
		},
		"the next response goes on behind the last fragment": {
			answers: []answer{{body: bytes.NewReader(doc(1))}, {body: bytes.NewReader(doc(2))}},
			start:   millrace.StartSelector{Type: millrace.StartEarliest},
			want:    []string{whole(1), whole(2)},
			asked:   []string{"EARLIEST", after(1), after(2)},
			err:     context.DeadlineExceeded,
		},
		"a fragment that breaks goes on with the next frame": {
			answers: []answer{
				{body: broken(slices.Concat(doc(1), doc(2)), len(doc(1))+head+frame+3)},
				{body: bytes.NewReader(slices.Concat(doc(2), doc(3)))},
			},
			once:  true,
			want:  []string{whole(1), whole(2), whole(3)},
			asked: []string{"NOW", after(1)},
		},
		"the first fragment breaks": {
			answers: []answer{
				{body: broken(open(1), head+frame)},
				{body: broken(open(1), head+2*frame)},
				{body: bytes.NewReader(open(1))},
			},
			once:  true,
			want:  []string{whole(1)},
			asked: []string{"NOW", "FRAGMENT_NUMBER " + number(1).Prev().String(), "FRAGMENT_NUMBER " + number(1).Prev().String()},
		},
		"a response that ends in good order inside a fragment": {
			answers: []answer{{body: bytes.NewReader(open(1)[:openHead(1)+2*frame])}, {body: bytes.NewReader(open(1))}},
			once:    true,
			want:    []string{whole(1)},
			asked:   []string{"NOW", "FRAGMENT_NUMBER " + number(1).Prev().String()},
		},
		"a fragment whose producer failed": {
			answers: []answer{
				{body: broken(slices.Concat(doc(1), open(2)), len(doc(1))+openHead(2)+frame)},
				{body: bytes.NewReader(slices.Concat(doc(3), doc(4)))},
			},
			once:  true,
			want:  []string{whole(1), "2/0 cut", whole(3), whole(4)},
			asked: []string{"NOW", after(1)},
		},
		"fragments that were seen are not seen again": {
			answers: []answer{
				{body: bytes.NewReader(slices.Concat(doc(1), doc(2)))},
				{body: bytes.NewReader(slices.Concat(doc(1), doc(2), doc(3)))},
			},
			want:  []string{whole(1), whole(2), whole(3)},
			asked: []string{"NOW", after(2), after(3)},
			err:   context.DeadlineExceeded,
		},
		"now is not now again after a break": {
			answers: []answer{{body: broken(nil, 0)}, {body: bytes.NewReader(doc(1))}},
			want:    []string{whole(1)},
			asked:   []string{"NOW", "SERVER_TIMESTAMP 946684800.000", after(1)},
			err:     context.DeadlineExceeded,
		},
		"a later refusal that passes is tried again": {
			answers: []answer{
				{body: bytes.NewReader(doc(1))},
				{err: errNetwork},
				{status: 503, body: strings.NewReader("{}")},
				{body: bytes.NewReader(doc(2))},
			},
			want:  []string{whole(1), whole(2)},
			asked: []string{"NOW", after(1), after(1), after(1), after(2)},
			err:   context.DeadlineExceeded,
		},
		"a refusal for good ends the walk": {
			answers: []answer{{body: bytes.NewReader(doc(1))}, {status: 404, body: strings.NewReader("{}")}},
			want:    []string{whole(1)},
			asked:   []string{"NOW", after(1)},
			err:     &millrace.Error{Code: millrace.CodeNotFound},
		},
		"a server that is away at first is waited for": {
			answers: []answer{{err: errNetwork}, {body: bytes.NewReader(doc(1))}},
			once:    true,
			want:    []string{whole(1)},
			asked:   []string{"NOW", "NOW"},
		},
		"a refusal at first ends it": {
			answers: []answer{{status: 403, body: strings.NewReader("{}")}},
			asked:   []string{"NOW"},
			err:     errAny,
		},
		"an error document is handed out and the walk goes on": {
			answers: []answer{
				{body: bytes.NewReader(slices.Concat(doc(1), errorDocument(2, 5000, "INTERNAL_ERROR")))},
				{body: bytes.NewReader(doc(2))},
			},
			want:  []string{whole(1), whole(2)},
			asked: []string{"NOW", after(1), after(2)},
			err:   context.DeadlineExceeded,
		},
		"a fragment that is an error document three times is passed over": {
			answers: []answer{
				{body: bytes.NewReader(slices.Concat(doc(1), errorDocument(2, 5000, "INTERNAL_ERROR")))},
				{body: bytes.NewReader(errorDocument(2, 5000, "INTERNAL_ERROR"))},
				{body: bytes.NewReader(errorDocument(2, 5000, "INTERNAL_ERROR"))},
				{body: bytes.NewReader(doc(3))},
			},
			want:  []string{whole(1), whole(3)},
			asked: []string{"NOW", after(1), after(1), after(2), after(3)},
			err:   context.DeadlineExceeded,
		},
		"an error document where a fragment should go on": {
			answers: []answer{
				{body: broken(doc(1), head+frame)},
				{body: bytes.NewReader(errorDocument(1, 5000, "INTERNAL_ERROR"))},
			},
			once:  true,
			want:  []string{"1/0 cut"},
			asked: []string{"NOW", "FRAGMENT_NUMBER " + number(1).Prev().String()},
			err:   &consumer.FragmentError{},
		},
		"a server that does not know the number before is asked for the time": {
			answers: []answer{
				{body: broken(doc(1), head+frame)},
				{body: bytes.NewReader(errorDocument(1, 4000, "FRAGMENT_NOT_FOUND"))},
				{body: bytes.NewReader(doc(1))},
			},
			once:  true,
			want:  []string{whole(1)},
			asked: []string{"NOW", "FRAGMENT_NUMBER " + number(1).Prev().String(), "SERVER_TIMESTAMP 1700000002.000"},
		},
		"bytes that cannot be read three times are an error": {
			answers: []answer{
				{body: bytes.NewReader(slices.Concat(doc(1), make([]byte, 50)))},
				{body: bytes.NewReader(make([]byte, 50))},
				{body: bytes.NewReader(make([]byte, 50))},
			},
			want:  []string{whole(1)},
			asked: []string{"NOW", after(1), after(1)},
			err:   errAny,
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := &script{answers: tc.answers}
			c := client(t, s)
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				var failed error
				got, err := seen(t, c, ctx, tc.start, consumer.LiveOptions{Until: consumer.Until{EndOfData: tc.once}, Events: consumer.Events{Failed: func(e *consumer.FragmentError) { failed = e }}})
				if !slices.Equal(got, tc.want) {
					t.Errorf("saw\n%q, want\n%q", got, tc.want)
				}
				if !slices.Equal(s.asked, tc.asked) {
					t.Errorf("asked\n%q, want\n%q", s.asked, tc.asked)
				}
				if failed != nil && err == nil {
					err = failed
				}
				if !sameKind(err, tc.err) {
					t.Errorf("error %v, want %v", err, tc.err)
				}
			})
		})
	}
}

var errAny = errors.New("any")

// sameKind compares errors by identity, by code, or by type.
func sameKind(got, want error) bool {
	var refused, wanted *millrace.Error
	var told *consumer.FragmentError
	switch {
	case want == nil || got == nil:
		return got == nil && want == nil
	case errors.Is(want, errAny):
		return true
	case errors.As(want, &wanted):
		return errors.As(got, &refused) && refused.Code == wanted.Code
	case errors.As(want, &told):
		return errors.As(got, &told)
	}
	return errors.Is(got, want)
}

func TestReconnectsAreSpaced(t *testing.T) {
	s := &script{answers: []answer{{body: bytes.NewReader(document(1, true, 1))}}}
	for range 20 {
		s.answers = append(s.answers, answer{err: errNetwork})
	}
	c := client(t, s)
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
		defer cancel()
		var told []error
		o := consumer.LiveOptions{Events: consumer.Events{Disconnected: func(err error, wait time.Duration) { told = append(told, err) }}}
		for _, err := range c.Live("gate", o).Fragments(ctx) {
			if err != nil && !errors.Is(err, context.DeadlineExceeded) {
				t.Error(err)
			}
		}
		if n := len(s.at); n < 15 {
			t.Fatalf("%d attempts", n)
		}
		if !errors.Is(told[0], io.EOF) || !errors.Is(told[1], errNetwork) {
			t.Errorf("told %v", told[:2])
		}
		for i, at := range s.at[1:] {
			if gap := at.Sub(s.at[i]); gap < minGap || gap > maxGap {
				t.Errorf("%v between attempts %d and %d", gap, i, i+1)
			}
		}
	})
}

func TestAConnectionThatGaveSomethingMakesTheWaitShortAgain(t *testing.T) {
	s := &script{}
	for n := range 12 {
		s.answers = append(s.answers, answer{body: bytes.NewReader(document(n+1, true, 1))})
	}
	c := client(t, s)
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		o := consumer.LiveOptions{Events: consumer.Events{Disconnected: func(_ error, wait time.Duration) {
			if wait > 200*time.Millisecond {
				t.Errorf("wait of %v", wait)
			}
		}}}
		if got, _ := seen(t, c, ctx, millrace.StartSelector{}, o); len(got) != 12 {
			t.Errorf("saw %d fragments", len(got))
		}
	})
}

const (
	minGap = 50 * time.Millisecond
	maxGap = 11 * time.Second
)

func TestAQuietStreamEndsTheWalk(t *testing.T) {
	for name, body := range map[string]func() io.Reader{
		"behind a fragment": func() io.Reader {
			return io.MultiReader(bytes.NewReader(document(1, true, 2)), never{})
		},
		"before the first":            func() io.Reader { return never{} },
		"while a fragment is awaited": func() io.Reader { return broken(document(1, true, 3), openHead(1)) },
	} {
		t.Run(name, func(t *testing.T) {
			s := &script{answers: []answer{{body: body()}, {body: never{}}}}
			c := client(t, s)
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				_, err := seen(t, c, t.Context(), millrace.StartSelector{}, consumer.LiveOptions{Until: consumer.Until{Idle: 3 * time.Second}})
				if err != nil {
					t.Error(err)
				}
				if d := time.Since(began); d < 3*time.Second || d > 4*time.Second {
					t.Errorf("ended after %v", d)
				}
				time.Sleep(2 * time.Minute) // the reads of never return
			})
		})
	}
}

func TestAServerThatEndsItsResponsesIsQuietToo(t *testing.T) {
	var answers []answer
	for range 10 {
		answers = append(answers, answer{body: &delayed{time.Second, strings.NewReader("")}})
	}
	s := &script{answers: answers}
	c := client(t, s)
	synctest.Test(t, func(t *testing.T) {
		if got, err := seen(t, c, t.Context(), millrace.StartSelector{}, consumer.LiveOptions{Until: consumer.Until{Idle: 3500 * time.Millisecond}}); err != nil || len(got) > 0 {
			t.Errorf("saw %q, %v", got, err)
		}
		if len(s.asked) != 4 {
			t.Errorf("%d connections", len(s.asked))
		}
		time.Sleep(time.Minute) // the read that was cut off
	})
}

func TestUntilEndsTheWalkBeforeTheFragment(t *testing.T) {
	body := func() io.Reader {
		return io.MultiReader(bytes.NewReader(slices.Concat(document(1, true, 1), document(2, true, 1), document(3, true, 1))), never{})
	}
	s := &script{answers: []answer{{body: body()}}}
	c := client(t, s)
	synctest.Test(t, func(t *testing.T) {
		o := consumer.LiveOptions{Until: consumer.Until{Time: serverTime(3), Idle: time.Second}}
		if got, err := seen(t, c, t.Context(), millrace.StartSelector{}, o); err != nil || !slices.Equal(got, []string{"1/0 complete", "2/0 complete"}) {
			t.Errorf("saw %q, %v", got, err)
		}
	})
}

func TestQuietWaitsForTheTimeThatIsAskedFor(t *testing.T) {
	s := &script{answers: []answer{{body: never{}}}}
	c := client(t, s)
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		o := consumer.LiveOptions{Until: consumer.Until{Time: began.Add(10 * time.Second), Idle: 3 * time.Second}}
		if _, err := seen(t, c, t.Context(), millrace.StartSelector{}, o); err != nil {
			t.Error(err)
		}
		if d := time.Since(began); d < 10*time.Second || d > 14*time.Second {
			t.Errorf("ended after %v", d)
		}
		time.Sleep(2 * time.Minute) // the read that was cut off
	})
}

func TestASlowFragmentIsNotQuiet(t *testing.T) {
	doc := document(1, true, 3)
	head, frame := documentSizes(1, true)
	s := &script{answers: []answer{{body: io.MultiReader(
		bytes.NewReader(doc[:head+frame]), &delayed{10 * time.Second, bytes.NewReader(doc[head+frame:])},
	)}}}
	c := client(t, s)
	synctest.Test(t, func(t *testing.T) {
		got, err := seen(t, c, t.Context(), millrace.StartSelector{}, consumer.LiveOptions{Until: consumer.Until{Idle: 3 * time.Second, EndOfData: true}})
		if err != nil || !slices.Equal(got, []string{"1/0 1/1 1/2 complete"}) {
			t.Errorf("saw %q, %v", got, err)
		}
	})
}

// never is a reader that waits for ever; the context of the request ends it.
type never struct{}

func (never) Read([]byte) (int, error) {
	time.Sleep(time.Minute)
	return 0, nil
}

// delayed waits before its first read.
type delayed struct {
	by time.Duration
	io.Reader
}

func (d *delayed) Read(p []byte) (int, error) {
	time.Sleep(d.by)
	d.by = 0
	return d.Reader.Read(p)
}

func TestGetMediaReturnsTheBytesOfOneResponse(t *testing.T) {
	s := &script{answers: []answer{{body: strings.NewReader("anything")}, {status: 404, body: strings.NewReader(`{"message":"no such stream"}`)}}}
	c := client(t, s)
	body, err := c.GetMedia(t.Context(), "gate", millrace.StartSelector{Type: millrace.StartContinuationToken, Number: number(3)})
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	if b, err := io.ReadAll(body); string(b) != "anything" || err != nil {
		t.Errorf("read %q, %v", b, err)
	}
	if want := []string{"CONTINUATION_TOKEN " + number(3).String()}; !slices.Equal(s.asked, want) {
		t.Errorf("asked %q", s.asked)
	}
	if _, err := c.GetMedia(t.Context(), "gate", millrace.StartSelector{}); millrace.CodeOf(err) != millrace.CodeNotFound {
		t.Errorf("error %v", err)
	}
}

func TestMediaComeFromADataEndpointThatIsNamedAndNobodyIsAskedForOne(t *testing.T) {
	s := &script{answers: []answer{{body: strings.NewReader("anything")}}}
	c := client(t, s)
	c.DataEndpoint = "http://data/"
	s.pinned = true
	body, err := c.GetMedia(t.Context(), "gate", millrace.StartSelector{Type: millrace.StartNow})
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	if b, err := io.ReadAll(body); string(b) != "anything" || err != nil {
		t.Errorf("read %q, %v", b, err)
	}
}

func TestWithoutAnEndpointThereIsAnError(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	t.Setenv("AWS_ENDPOINT_URL", "")
	c := &consumer.Client{}
	if _, err := c.GetMedia(t.Context(), "gate", millrace.StartSelector{}); err == nil || !strings.Contains(err.Error(), "AWS_ENDPOINT_URL") {
		t.Errorf("error %v", err)
	}
}

// closing notes when it was closed.
type closing struct {
	io.Reader
	mu  sync.Mutex
	log []time.Time
}

func (c *closing) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.log = append(c.log, time.Now())
	return nil
}

// Closed returns the times at which it was closed.
func (c *closing) Closed() []time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.log)
}
