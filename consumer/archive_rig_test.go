package consumer_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/consumer"
	"github.com/millrace/millrace/mkv"
)

// A vault is a server with an archive. It implements http.RoundTripper, so that no
// socket and no real time is needed.
type vault struct {
	t  *testing.T
	mu sync.Mutex

	kept     []stored
	missing  map[int]bool                    // of these, those that are not there, although they are listed
	expired  map[int]bool                    // and those that are neither there nor listed
	page     int                             // fragments on a page, 1,000 if 0
	shuffled *rand.Rand                      // lists in no order; nil keeps to the clock
	undated  bool                            // answers without a date
	refuses  func(from, to time.Time) bool   // a list, as out of retention
	answers  func(call int, ask []int) reply // of GetMediaForFragmentList, the call counted from 1; nil gives all
	live     func(after millrace.FragmentNumber) io.Reader
	hang     string // the path at which calls wait for their context

	lists  []string // what was listed: the clock, and the times in seconds
	asked  [][]int  // fragments, for each call
	begun  []string // the selectors of GetMedia
	open   int      // responses with media that are not closed
	opened int      // the most of them at once
}

// stored is one fragment: its number counts from 1, its times are in seconds.
type stored struct {
	n                int
	server, producer float64
	committed        float64 // when it is listed; 0 is from the beginning
	frames           int
	bytes            int64 // that the list tells; 0 is 100
}

// A reply is what comes of a call: so many bytes of what was asked for, then err.
type reply struct {
	status int
	err    error // of the network, instead of an answer
	body   io.Reader
}

// vaultEpoch is time 0 of stored fragments, when clocks of synctest begin.
var vaultEpoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

func vaultTime(seconds float64) time.Time {
	return vaultEpoch.Add(time.Duration(seconds * float64(time.Second)))
}

func (f stored) number() millrace.FragmentNumber {
	return millrace.NewFragmentNumber(uint64(f.n), vaultTime(f.server), 7)
}

// document is the fragment as AWS gives it for GetMediaForFragmentList, without a
// word by which it could be told from one that GetMedia did not finish.
func (f stored) document() []byte { return f.documentWith(nil) }

// documentWith is the fragment with tags behind its media, which GetMedia adds.
func (f stored) documentWith(trailing []byte) []byte {
	server, producer := seconds(vaultTime(f.server)), seconds(vaultTime(f.producer))
	pairs := []string{
		"AWS_KINESISVIDEO_FRAGMENT_NUMBER", f.number().String(),
		"AWS_KINESISVIDEO_SERVER_TIMESTAMP", server, "AWS_KINESISVIDEO_PRODUCER_TIMESTAMP", producer,
	}
	b := append(header("test"), tags(pairs...)...)
	b = mkv.AppendUnknownSize(mkv.AppendID(b, mkv.IDCluster), 1)
	b = mkv.AppendUint(b, mkv.IDTimecode, uint64(vaultTime(f.producer).UnixMilli()))
	return slices.Concat(b, frames(f.n, f.frames), trailing)
}

// live is the fragment as GetMedia gives it.
func (f stored) live() []byte {
	return f.documentWith(tags("AWS_KINESISVIDEO_MILLIS_BEHIND_NOW", "123", "AWS_KINESISVIDEO_CONTINUATION_TOKEN", f.number().String()))
}

// told is an error document about the fragment.
func (f stored) told(id int, name string) []byte {
	return append(header("test"), tags(
		"AWS_KINESISVIDEO_FRAGMENT_NUMBER", f.number().String(), "AWS_KINESISVIDEO_ERROR_ID", strconv.Itoa(id), "AWS_KINESISVIDEO_ERROR_CODE", name,
	)...)
}

// shelve makes fragments of 2 s, as many as are asked for, with the same times on
// both clocks.
func shelve(count, frames int) (kept []stored) {
	for i := range count {
		kept = append(kept, stored{n: i + 1, server: float64(2 * i), producer: float64(2 * i), frames: frames})
	}
	return kept
}

func (s *vault) RoundTrip(r *http.Request) (*http.Response, error) {
	var in vaultCall
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil || in.StreamName != "gate" {
		s.t.Errorf("request for %q: %v", in.StreamName, err)
	}
	if s.hang == r.URL.Path {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch r.URL.Path {
	case "/getDataEndpoint":
		return s.respond(r, 200, strings.NewReader(`{"DataEndpoint":"http://`+strings.ToLower(in.APIName)+`"}`)), nil
	case "/listFragments":
		return s.list(r, in), nil
	case "/getMediaForFragmentList":
		return s.media(r, in)
	case "/getMedia":
		return s.follow(r, in), nil
	}
	return s.respond(r, 404, strings.NewReader("{}")), nil
}

type vaultCall struct {
	StreamName, APIName, NextToken string
	FragmentSelector               struct {
		FragmentSelectorType string
		TimestampRange       struct{ StartTimestamp, EndTimestamp json.Number }
	}
	Fragments     []millrace.FragmentNumber
	StartSelector struct {
		StartSelectorType   string
		AfterFragmentNumber millrace.FragmentNumber
		StartTimestamp      json.Number
	}
}

func (s *vault) respond(r *http.Request, status int, body io.Reader) *http.Response {
	resp := respond(r, status, body)
	if s.undated {
		resp.Header.Del("Date")
	}
	return resp
}

// list answers ListFragments. Its token says what is listed and where it goes on.
func (s *vault) list(r *http.Request, in vaultCall) *http.Response {
	token, from := in.NextToken, 0
	if token == "" {
		sel := in.FragmentSelector
		token = fmt.Sprintf("%s %s %s", sel.FragmentSelectorType, sel.TimestampRange.StartTimestamp, sel.TimestampRange.EndTimestamp)
		s.lists = append(s.lists, token)
	} else {
		at := strings.LastIndexByte(token, ' ')
		from, _ = strconv.Atoi(token[at+1:])
		token = token[:at]
	}
	found, refused := s.find(token)
	if refused {
		resp := s.respond(r, 400, strings.NewReader(`{"Message":"End timestamp is outside of the stream retention period."}`))
		resp.Header.Set("X-Amzn-Errortype", "InvalidArgumentException")
		return resp
	}
	page := s.page
	if page == 0 {
		page = 1000
	}
	out := map[string]any{"Fragments": found[from:min(from+page, len(found))]}
	if from+page < len(found) {
		out["NextToken"] = fmt.Sprint(token, " ", from+page)
	}
	b, _ := json.Marshal(out)
	return s.respond(r, 200, bytes.NewReader(b))
}

// find is the list of which the token speaks.
func (s *vault) find(token string) (found []map[string]any, refused bool) {
	var clock string
	var from, to float64
	if _, err := fmt.Sscanf(token, "%s %f %f", &clock, &from, &to); err != nil {
		s.t.Errorf("list of %q: %v", token, err)
	}
	base := float64(vaultEpoch.Unix())
	from, to = from-base, to-base
	if s.refuses != nil && s.refuses(vaultTime(from), vaultTime(min(to, 1e9))) {
		return nil, true
	}
	kept := slices.Clone(s.kept)
	at := func(f stored) float64 {
		if clock == "PRODUCER_TIMESTAMP" {
			return f.producer
		}
		return f.server
	}
	slices.SortStableFunc(kept, func(a, b stored) int { return int(1000*at(a)) - int(1000*at(b)) })
	if s.shuffled != nil { // the same for every page
		rand.New(rand.NewPCG(uint64(len(token)), 1)).Shuffle(len(kept), func(i, j int) { kept[i], kept[j] = kept[j], kept[i] })
	}
	for _, f := range kept {
		if f.committed > 0 && time.Now().Before(vaultTime(f.committed)) {
			continue
		}
		if at(f) >= from-1e-6 && at(f) <= to+1e-6 && !s.expired[f.n] {
			size := f.bytes
			if size == 0 {
				size = 100
			}
			found = append(found, map[string]any{
				"FragmentNumber": f.number().String(), "FragmentSizeInBytes": size, "FragmentLengthInMilliseconds": 2000,
				"ServerTimestamp": json.Number(seconds(vaultTime(f.server))), "ProducerTimestamp": json.Number(seconds(vaultTime(f.producer))),
			})
		}
	}
	return found, false
}

// media answers GetMediaForFragmentList.
func (s *vault) media(r *http.Request, in vaultCall) (*http.Response, error) {
	var ask []int
	for _, n := range in.Fragments {
		ask = append(ask, int(n.Sequence()))
	}
	s.asked = append(s.asked, ask)
	if len(ask) == 0 || len(ask) > 1000 {
		s.t.Errorf("asked for %d fragments", len(ask))
	}
	a := reply{body: bytes.NewReader(s.documents(ask))}
	if s.answers != nil {
		a = s.answers(len(s.asked), ask)
	}
	if a.err != nil {
		return nil, a.err
	}
	if a.body == nil {
		a.body = strings.NewReader("{}")
	}
	resp := s.respond(r, max(a.status, 200), a.body)
	s.open++
	s.opened = max(s.opened, s.open)
	resp.Body = &countedBody{ReadCloser: resp.Body, gone: func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.open--
	}}
	return resp, nil
}

// documents are fragments one after the other, up to the first that is not kept.
func (s *vault) documents(ask []int) (b []byte) {
	for _, n := range ask {
		f := s.kept[slices.IndexFunc(s.kept, func(f stored) bool { return f.n == n })]
		if s.missing[n] || s.expired[n] {
			return append(b, f.told(3000, "FRAGMENT_NOT_FOUND")...)
		}
		b = append(b, f.document()...)
	}
	return b
}

// follow answers GetMedia.
func (s *vault) follow(r *http.Request, in vaultCall) *http.Response {
	sel := in.StartSelector
	after := sel.AfterFragmentNumber
	what := strings.TrimSpace(sel.StartSelectorType + " " + sel.StartTimestamp.String())
	if !after.IsZero() {
		what += fmt.Sprint(" ", after.Sequence())
	}
	s.begun = append(s.begun, what)
	if s.live == nil {
		return s.respond(r, 200, never{})
	}
	return s.respond(r, 200, s.live(after))
}

// countedBody tells when it is closed.
type countedBody struct {
	io.ReadCloser
	once sync.Once
	gone func()
}

func (b *countedBody) Close() error {
	b.once.Do(b.gone)
	return b.ReadCloser.Close()
}

func (s *vault) client(t *testing.T) *consumer.Client {
	t.Helper()
	t.Setenv("HOME", t.TempDir())
	s.t = t
	return &consumer.Client{
		Endpoint:    "http://control",
		Credentials: millrace.StaticCredentials(millrace.Credentials{AccessKeyID: "AKIDTEST", SecretAccessKey: "secret"}),
		HTTPClient:  &http.Client{Transport: s},
	}
}

// line is how readLines shows a fragment that is whole.
func (f stored) line() string {
	var b strings.Builder
	for i := range f.frames {
		fmt.Fprintf(&b, "%d/%d ", f.n, i)
	}
	return b.String() + "complete"
}

func lines(kept ...stored) (l []string) {
	for _, f := range kept {
		l = append(l, f.line())
	}
	return l
}

// readLines is one line for each fragment: its frames and how it ended.
func readLines(ctx context.Context, r *consumer.Reader) (lines []string, last error) {
	for f, err := range r.Fragments(ctx) {
		if err != nil {
			return lines, err
		}
		lines = append(lines, lineOf(f))
	}
	return lines, nil
}

func lineOf(f *consumer.Fragment) string {
	var data []string
	for frame, err := range f.Frames() {
		if err != nil {
			data = append(data, "error")
			break
		}
		data = append(data, strings.TrimPrefix(string(frame.Data), "frame "))
	}
	if f.Flags&consumer.Backfilled != 0 {
		data = append(data, "backfilled")
	}
	if f.Complete() {
		return strings.Join(append(data, "complete"), " ")
	}
	return strings.Join(append(data, "cut"), " ")
}

// cutAt breaks a body off behind n bytes, if it is longer.
func cutAt(b []byte, n int) io.Reader {
	if n >= len(b) {
		return bytes.NewReader(b)
	}
	return snapped(b[:n])
}

// snapped breaks a body off at its end.
func snapped(b []byte) io.Reader {
	return io.MultiReader(bytes.NewReader(b), iotest.ErrReader(errNetwork))
}
