package server_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/consumer"
	"github.com/millrace/millrace/internal/config"
	"github.com/millrace/millrace/internal/server"
	"github.com/millrace/millrace/internal/wire"
	"github.com/millrace/millrace/mkv"
)

// fragmentList opens a GetMediaForFragmentList call.
func (r *rig) fragmentList(name string, numbers ...string) *http.Response {
	r.t.Helper()
	alone := *r
	alone.client = &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DisableCompression: true}}
	return alone.post(context.Background(), "/getMediaForFragmentList", map[string]any{"StreamName": name, "Fragments": numbers})
}

// media is a whole answer to such a call.
func (r *rig) media(name string, numbers ...string) []byte {
	r.t.Helper()
	resp := r.fragmentList(name, numbers...)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		r.t.Fatalf("%s, %v: %.300s", resp.Status, err, b)
	}
	if kind := resp.Header.Get("Content-Type"); kind != "video/webm" || resp.Header.Get(wire.HeaderRequestID) == "" || resp.Header.Get("Access-Control-Allow-Origin") != "*" {
		r.t.Errorf("head %v", resp.Header)
	}
	return b
}

// listDocument is the document of a stored fragment in such an answer.
func listDocument(f *millrace.Fragment) []byte {
	server, producer := wire.AppendSeconds(nil, f.Number.ServerTime()), wire.AppendSeconds(nil, f.ProducerTime)
	tags := mkv.AppendTags(nil, []mkv.Tag{{Simple: []mkv.SimpleTag{
		{Name: "AWS_KINESISVIDEO_FRAGMENT_NUMBER", String: f.Number.String()},
		{Name: "AWS_KINESISVIDEO_SERVER_TIMESTAMP", String: string(server)},
		{Name: "AWS_KINESISVIDEO_PRODUCER_TIMESTAMP", String: string(producer)},
		{Name: "AWS_KINESISVIDEO_SERVER_SIDE_TIMESTAMP", String: string(server)},
		{Name: "AWS_KINESISVIDEO_PRODUCER_SIDE_TIMESTAMP", String: string(producer)},
	}}}, 4)
	return slices.Concat(f.Header.Bytes, f.Leading, tags, bytes.Join(f.Cluster, nil), f.Trailing)
}

// What real producers sent comes back byte for byte, in the order that is asked
// for, and our reader finds every frame in it.
func TestAFragmentListIsWhatIsStored(t *testing.T) {
	forEachCapture(t, func(c *capture) bool { return c.hours() > 0 }, listIsWhatIsStored)
}

func listIsWhatIsStored(t *testing.T, c *capture) {
	r, head := startFor(t, c)
	p := r.putRaw(head)
	p.mustSend(c.body)
	p.end()
	p.rest()
	numbers := r.list(c.stream(), everyFragment("SERVER_TIMESTAMP")).numbers
	if len(numbers) == 0 {
		t.Skip("it is a session that fails")
	}
	asked := slices.Concat(numbers, numbers)
	slices.Reverse(asked)
	got := r.media(c.stream(), asked...)
	stored := map[string]*millrace.Fragment{}
	for _, f := range r.stored(c.stream()) {
		stored[f.Number.String()] = f
	}
	var want []byte
	frames := 0
	for _, n := range asked {
		want = append(want, listDocument(stored[n])...)
		frames += len(stored[n].Samples)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%d bytes, want %d", len(got), len(want))
	}
	wantFrames(t, got, asked, frames)
}

// wantFrames checks what our reader finds in an answer.
func wantFrames(t *testing.T, answer []byte, numbers []string, frames int) {
	t.Helper()
	var found []string
	for f, err := range consumer.ReadFrom(bytes.NewReader(answer), consumer.ReadOptions{Strict: true}).Fragments(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		for _, err := range f.Frames() {
			if err != nil {
				t.Fatal(err)
			}
			frames--
		}
		found = append(found, f.Number.String())
		if !f.Complete() {
			t.Errorf("%s is not complete", f.Number)
		}
	}
	if !slices.Equal(found, numbers) || frames != 0 {
		t.Errorf("read %v, want %v; %d frames are missing", found, numbers, frames)
	}
}

// told reads an answer to its end and returns the fragments before, and what it
// ends with.
func told(t *testing.T, answer []byte) (numbers []string, last *consumer.FragmentError) {
	t.Helper()
	o := consumer.ReadOptions{Strict: true}
	o.Events.Failed = func(e *consumer.FragmentError) { last = e }
	for f, err := range consumer.ReadFrom(bytes.NewReader(answer), o).Fragments(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		numbers = append(numbers, f.Number.String())
	}
	return numbers, last
}

func TestAFragmentThatIsNotThereIsToldInBand(t *testing.T) {
	m := newTimetable(t, 1, nil)
	for name, tc := range map[string]struct {
		asked []string
		want  []string
	}{
		"none that there is":          {[]string{"1"}, nil},
		"none of a later stream":      {[]string{m.numbers[0], m.number(0, 1), m.numbers[1]}, m.of(0)},
		"one of AWS":                  {[]string{m.numbers[2], "91343852333181432392682062607743920146159169392"}, m.of(2)},
		"with zeros before it it is":  {[]string{"000" + m.numbers[2], m.number(4, 1)}, m.of(2)},
		"of a hundred the last is":    {append(slices.Repeat(m.of(3), 99), "7"), slices.Repeat(m.of(3), 99)},
		"the number that is nothing":  {[]string{"0"}, nil},
		"the number before the first": {[]string{m.number(0, -1)}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			numbers, last := told(t, m.media(m.stream, tc.asked...))
			if !slices.Equal(numbers, tc.want) || last == nil || last.ID != 3000 || last.Name != "FRAGMENT_NOT_FOUND" || last.Number.String() != tc.asked[len(tc.want)] {
				t.Errorf("%v, then %+v", numbers, last)
			}
		})
	}
	m.deleteMedia(m.stream, 30, 31) // the third
	m.ahead.Store(3_605_000)        // the first has expired
	for _, i := range []int{0, 2} {
		if numbers, last := told(t, m.media(m.stream, m.numbers[4], m.numbers[i])); len(numbers) != 1 || last == nil || last.ID != 3000 {
			t.Errorf("fragment %d: %v, %+v", i, numbers, last)
		}
	}
}

func TestAStreamThatKeepsNothingHasNoListOfMedia(t *testing.T) {
	m := newTimetable(t, 0, nil)
	if numbers, last := told(t, m.media(m.stream, m.numbers[0])); len(numbers) > 0 || last == nil || last.ID != 3000 {
		t.Errorf("%v, %+v", numbers, last)
	}
}

// I7: damage is told, and never served.
func TestADamagedFragmentIsToldInBand(t *testing.T) {
	r := start(t, nil, nil)
	r.create("cam", 24)
	numbers := r.putOnes("cam", 1, 2, 3)
	r.close()
	packs, err := filepath.Glob(filepath.Join(r.cfg.Data, "packs", "*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	more, _ := filepath.Glob(filepath.Join(r.cfg.Data, "packs", "*"))
	spoilt := false
	for _, name := range append(packs, more...) {
		b, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		if at := bytes.Index(b, []byte("frame 2")); at >= 0 {
			b[at] ^= 1
			spoilt = os.WriteFile(name, b, 0o600) == nil
		}
	}
	if !spoilt {
		t.Fatal("the frame is not found on the disk")
	}
	r.open()
	answer := r.media("cam", numbers...)
	got, last := told(t, answer)
	if !slices.Equal(got, numbers[:1]) || last == nil || last.ID != 5000 || last.Number.String() != numbers[1] || bytes.Contains(answer, []byte("rame 2")) {
		t.Errorf("%v, then %+v", got, last)
	}
	if got, last := told(t, r.media("cam", numbers[0], numbers[2])); !slices.Equal(got, []string{numbers[0], numbers[2]}) || last != nil {
		t.Errorf("the others: %v, %+v", got, last)
	}
}

func TestAFragmentListThatIsNoneIsRefused(t *testing.T) {
	r := start(t, nil, nil)
	r.create("cam", 24)
	const invalid = "Fragment numbers are invalid : "
	for name, tc := range map[string]struct {
		fragments any
		kind      string
		text      string // how the message begins, behind what all begin with
	}{
		"no list":                    {nil, "InvalidArgumentException", "Value null at 'fragments'"},
		"an empty list":              {[]string{}, "InvalidArgumentException", "Value '[]' at 'fragments'"},
		"1001 numbers":               {slices.Repeat([]string{"1"}, 1001), "InvalidArgumentException", "Value '[1, 1, "},
		"a number with a letter":     {[]string{"1", "12a", "2", ""}, "InvalidArgumentException", invalid + "12a, "},
		"a number below zero":        {[]string{"-1"}, "InvalidArgumentException", invalid + "-1"},
		"a number of 129 digits":     {[]string{strings.Repeat("1", 129)}, "InvalidArgumentException", invalid + "111"},
		"a number that none can be":  {[]string{strings.Repeat("9", 128)}, "InvalidArgumentException", invalid + "999"},
		"many numbers that are none": {slices.Repeat([]string{"x"}, 1000), "InvalidArgumentException", invalid + "x, x, "},
		"a text":                     {"1", "SerializationException", ""},
		"numbers that are no texts":  {[]int{1}, "SerializationException", ""},
	} {
		in := map[string]any{"StreamName": "cam"}
		if tc.fragments != nil {
			in["Fragments"] = tc.fragments
		}
		a := r.asked("/getMediaForFragmentList", in)
		if text := strings.TrimPrefix(a.text, "1 validation error detected: "); a.status != http.StatusBadRequest || a.kind != tc.kind || tc.text != "" && !strings.HasPrefix(text, tc.text) || len(a.text) > 500 {
			t.Errorf("%s: %+v", name, a)
		}
	}
	if a := r.asked("/getMediaForFragmentList", map[string]any{"StreamName": "none", "Fragments": []string{"1"}}); a.kind != "ResourceNotFoundException" {
		t.Errorf("a stream that is not there: %+v", a)
	}
	if got, last := told(t, r.media("cam", slices.Repeat([]string{"1"}, 1000)...)); len(got) > 0 || last == nil {
		t.Error("1000 numbers are refused")
	}
}

// heavy puts a fragment of some bytes into a stream that it makes, and returns its
// number.
func (r *rig) heavy(name string, size int) string {
	r.t.Helper()
	r.create(name, 24)
	p := r.put(name, nil)
	p.mustSend(slices.Concat(header(1), cluster(1000, block(1, 0, strings.Repeat("x", size))), endOfFragment()))
	number := p.want("BUFFERING 1000").FragmentNumber
	p.want("RECEIVED 1000", "PERSISTED 1000")
	p.end()
	return number
}

// A call under way does not outlive what it was permitted by, and is told so.
func TestAFragmentListEndsWithItsKey(t *testing.T) {
	g := guardWith(t, server.Options{RenewEvery: 20 * time.Millisecond}) // and its readers are as fast as they want
	number := g.heavy("door", 4<<20)
	key := g.key("key", "GetMediaForFragmentList", "door").Credentials
	resp := g.calling(key).fragmentList("door", slices.Repeat([]string{number}, 1000)...)
	defer resp.Body.Close()
	if _, err := io.CopyN(io.Discard, resp.Body, 1<<20); err != nil {
		t.Fatal(err)
	}
	if status, out := g.call("/millrace/v1/deleteKey", map[string]any{"AccessKeyId": key.AccessKeyID}); status != http.StatusOK {
		t.Fatal(status, out)
	}
	wantStopped(t, resp.Body)
}

// wantStopped checks that an answer ends in good order and says why.
func wantStopped(t *testing.T, body io.Reader) {
	t.Helper()
	end := make([]byte, 0, 1<<20)
	buf := make([]byte, 1<<16)
	total := 0
	for {
		n, err := body.Read(buf)
		total += n
		end = append(end, buf[:n]...)
		end = end[max(len(end)-1000, 0):]
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("after %d bytes: %v", total, err)
		}
	}
	if !bytes.Contains(end, []byte("The server ended the response.")) || total > 900*4<<20 {
		t.Errorf("%d bytes end with %q", total, end)
	}
}

func TestAShutdownEndsFragmentLists(t *testing.T) {
	r := start(t, nil, nil)
	number := r.heavy("cam", 4<<20)
	resp := r.fragmentList("cam", slices.Repeat([]string{number}, 1000)...)
	defer resp.Body.Close()
	if _, err := io.CopyN(io.Discard, resp.Body, 1<<20); err != nil {
		t.Fatal(err)
	}
	closed := make(chan error, 1)
	go func() { closed <- r.s.Close() }()
	wantStopped(t, resp.Body)
	if err := <-closed; err != nil {
		t.Error(err)
	}
}

// What is deleted while it is read is not there any more, and the client is told.
func TestADeletionEndsFragmentLists(t *testing.T) {
	r := start(t, nil, nil)
	number := r.heavy("cam", 4<<20)
	resp := r.fragmentList("cam", slices.Repeat([]string{number}, 1000)...)
	defer resp.Body.Close()
	if _, err := io.CopyN(io.Discard, resp.Body, 1<<20); err != nil {
		t.Fatal(err)
	}
	if status, out := r.call("/deleteStream", map[string]any{"StreamARN": r.arn("cam")}); status != http.StatusOK {
		t.Fatal(status, out)
	}
	var end []byte
	buf := make([]byte, 1<<16)
	for total := 0; ; {
		n, err := resp.Body.Read(buf)
		total += n
		end = append(end, buf[:n]...)
		end = end[max(len(end)-1000, 0):]
		if err != nil {
			// A fragment that is under way when it goes is broken off.
			if !errors.Is(err, io.ErrUnexpectedEOF) && !(errors.Is(err, io.EOF) && bytes.Contains(end, []byte("The fragment was not found."))) || total > 900*4<<20 {
				t.Errorf("after %d bytes: %v, %q", total, err, end)
			}
			return
		}
	}
}

func TestAStreamHasSoManyReadersOfLists(t *testing.T) {
	r := start(t, nil, imitating(func(c *config.Server) { c.MaxListReaders = 2 }))
	number := r.heavy("cam", 4<<20)
	other := r.heavy("other", 10)
	many := slices.Repeat([]string{number}, 20)
	var open []io.Closer
	for range 2 {
		resp := r.fragmentList("cam", many...)
		if resp.StatusCode != http.StatusOK {
			t.Fatal(resp.Status)
		}
		open = append(open, resp.Body)
	}
	want := refusal{http.StatusBadRequest, "ClientLimitExceededException", "The stream has too many readers of lists of fragments."}
	if a := r.asked("/getMediaForFragmentList", map[string]any{"StreamName": "cam", "Fragments": many}); a != want {
		t.Errorf("%+v", a)
	}
	r.media("other", other)
	r.get("cam", earliest()).must() // readers of the stream are others
	for _, c := range open {
		c.Close()
	}
	for until := time.Now().Add(30 * time.Second); r.asked("/getMediaForFragmentList", map[string]any{"StreamName": "cam", "Fragments": []string{"1"}}).status != http.StatusOK; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(until) {
			t.Fatal("those who have gone are counted for ever")
		}
	}
}
