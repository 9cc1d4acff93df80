package fragment_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/fragment"
	"github.com/millrace/millrace/mkv"
)

// A recorder is a Sink that keeps what it sees.
type recorder struct {
	done      []recorded
	open      *recorded
	received  bool
	aborted   int
	condemned int
}

type recorded struct {
	fragment.Begin
	fragment.Finish
	cluster []byte
}

func (r *recorder) Begin(b fragment.Begin) error {
	r.open, r.received = &recorded{Begin: b, cluster: bytes.Clone(b.Prefix)}, false
	return nil
}

func (r *recorder) Append(p []byte) error {
	r.open.cluster = append(r.open.cluster, p...)
	return nil
}

func (r *recorder) Received() error { r.received = true; return nil }

func (r *recorder) Finish(f fragment.Finish) error {
	if r.received == (f.Flags == millrace.FlagIncomplete) {
		return errors.New("received and incomplete, or neither")
	}
	r.open.Finish = f
	r.done, r.open = append(r.done, *r.open), nil
	return nil
}

func (r *recorder) Abort() error { r.open = nil; r.aborted++; return nil }

func (r *recorder) Condemned(fragment.Begin) error { r.condemned++; return nil }

func tagKind(name string) fragment.TagKind {
	switch {
	case name == "AWS_KINESISVIDEO_END_OF_FRAGMENT":
		return fragment.EndOfFragmentTag
	case name == "AWS_KINESISVIDEO_FRAGMENT_NUMBER":
		return fragment.OutputTag
	case strings.HasPrefix(name, "AWS"):
		return fragment.EventTag
	}
	return fragment.UserTag
}

// assemble reads a whole body.
func assemble(body io.Reader, c fragment.Config, clean, keep bool) (*recorder, error) {
	r := &recorder{}
	c.Sink, c.TagKind = r, tagKind
	a := fragment.NewAssembler(c)
	reader := mkv.NewReader(body, a.ReaderOptions())
	for {
		e, err := reader.Next()
		if errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return r, a.Close(clean, keep)
		}
		if err != nil {
			_ = a.Close(false, keep)
			return r, a.ReadFault(err)
		}
		if err := a.Add(e); err != nil {
			return r, err
		}
	}
}

type expectation struct {
	HeaderBytes int  `json:"header_bytes"`
	CleanEnd    bool `json:"clean_end"`
	Fragments   []struct {
		Offset       int         `json:"offset"`
		Timecode     uint64      `json:"timecode"`
		Blocks       map[int]int `json:"blocks"`
		PayloadBytes int         `json:"payload_bytes"`
		TagsBefore   [][]string  `json:"tags_before"`
		TagsAfter    [][]string  `json:"tags_after"`
		TagsEOFR     [][]string  `json:"tags_after_eofr"`
	} `json:"fragments"`
}

// bodies lists the captured bodies, where they are, and our own.
func bodies(t *testing.T) []string {
	t.Helper()
	own, err := filepath.Glob("../../testdata/putmedia/*.body.mkv")
	if err != nil {
		t.Fatal(err)
	}
	dir := os.Getenv("MILLRACE_VECTORS")
	if dir == "" {
		dir = "../../../shared/vectors"
	}
	captured, err := filepath.Glob(filepath.Join(dir, "putmedia/*.body.mkv"))
	if err != nil {
		t.Fatal(err)
	}
	if len(captured) == 0 {
		t.Log("vectors not present: only our own bodies are read")
	}
	if len(own) == 0 {
		t.Fatal("no bodies in testdata/putmedia")
	}
	return append(own, captured...)
}

func TestAssemblerFindsWhatIndependentReadersFound(t *testing.T) {
	for _, path := range bodies(t) {
		name := strings.TrimSuffix(filepath.Base(path), ".body.mkv")
		t.Run(name, func(t *testing.T) {
			body, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			raw, err := os.ReadFile(strings.TrimSuffix(path, ".body.mkv") + ".expect.json")
			if err != nil {
				t.Fatal(err)
			}
			var want expectation
			if err := json.Unmarshal(raw, &want); err != nil {
				t.Fatal(err)
			}
			for cut, r := range map[string]io.Reader{
				"whole":        bytes.NewReader(body),
				"byte by byte": iotest.OneByteReader(bytes.NewReader(body)),
				"by halves":    iotest.HalfReader(bytes.NewReader(body)),
			} {
				if cut == "byte by byte" && len(body) > 200_000 {
					continue // the small ones have the same shapes
				}
				if !want.CleanEnd {
					r = io.MultiReader(r, iotest.ErrReader(io.ErrUnexpectedEOF))
				}
				got, err := assemble(r, fragment.Config{}, true, true)
				if want.CleanEnd && err != nil || !want.CleanEnd && !errors.Is(err, io.ErrUnexpectedEOF) {
					t.Fatalf("%s: %v", cut, err)
				}
				compare(t, cut, body, got, want)
			}
		})
	}
}

func compare(t *testing.T, cut string, body []byte, got *recorder, want expectation) {
	t.Helper()
	expected := want.Fragments
	if last := got.done[len(got.done)-1]; (last.Flags == millrace.FlagIncomplete) == want.CleanEnd {
		t.Errorf("%s: incomplete is said of the last fragment: %v", cut, !want.CleanEnd)
	}
	if len(got.done) != len(expected) {
		t.Fatalf("%s: %d fragments, want %d", cut, len(got.done), len(expected))
	}
	for i, w := range expected {
		g := got.done[i]
		if g.Timecode != w.Timecode {
			t.Errorf("%s: fragment %d: timecode %d, want %d", cut, i, g.Timecode, w.Timecode)
		}
		if !bytes.HasPrefix(body[w.Offset:], g.cluster) {
			t.Errorf("%s: fragment %d: its cluster is not what was sent", cut, i)
		}
		blocks, payload := map[int]int{}, 0
		for _, s := range g.Samples {
			blocks[int(s.Track)]++
			payload += int(s.Size)
		}
		if payload != w.PayloadBytes {
			t.Errorf("%s: fragment %d: %d bytes of payload, want %d", cut, i, payload, w.PayloadBytes)
		}
		for track, n := range w.Blocks {
			if blocks[track] != n {
				t.Errorf("%s: fragment %d: %d blocks of track %d, want %d", cut, i, blocks[track], track, n)
			}
		}
		leading, trailing := w.TagsBefore, w.TagsAfter
		if i > 0 {
			leading = append(want.Fragments[i-1].TagsEOFR, leading...)
		}
		if g := tagsOf(t, g.Leading); !sameTags(g, leading) {
			t.Errorf("%s: fragment %d: leading tags %v, want %v", cut, i, g, leading)
		}
		if g := tagsOf(t, g.Trailing); !sameTags(g, trailing) {
			t.Errorf("%s: fragment %d: trailing tags %v, want %v", cut, i, g, trailing)
		}
	}
}

// tagsOf reads name and value of every tag in a run of elements.
func tagsOf(t *testing.T, raw []byte) (out [][]string) {
	t.Helper()
	doc := append([]byte("\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xff"), raw...)
	r := mkv.NewReader(bytes.NewReader(doc), mkv.ReaderOptions{})
	for {
		e, err := r.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		if e.ID != mkv.IDTags {
			continue
		}
		tags, err := mkv.ParseTags(e.Data())
		if err != nil {
			t.Fatal(err)
		}
		for _, tag := range tags {
			for _, s := range tag.Simple {
				out = append(out, []string{s.Name, s.String})
			}
		}
	}
}

func sameTags(got, want [][]string) bool {
	if len(got) != len(want) {
		return false
	}
	for i := range got {
		if got[i][0] != want[i][0] || got[i][1] != want[i][1] {
			return false
		}
	}
	return true
}

func TestSamplesPointAtTheirPayloads(t *testing.T) {
	body := document(cluster(0, simpleBlock(1, 0, 0x80, "abc"), group(1, 40, "defgh"), simpleBlock(1, 80, 0, "i")))
	got, err := assemble(bytes.NewReader(body), fragment.Config{}, true, false)
	if err != nil {
		t.Fatal(err)
	}
	f := got.done[0]
	var payloads []string
	for _, s := range f.Samples {
		payloads = append(payloads, string(f.cluster[s.Offset:s.Offset+s.Size]))
	}
	if g := strings.Join(payloads, " "); g != "abc defgh i" {
		t.Errorf("payloads = %q", g)
	}
	if f.Duration != 120*time.Millisecond {
		t.Errorf("duration = %v, want 120ms", f.Duration)
	}
	if f.Samples[0].Flags != millrace.SampleKey || f.Samples[1].Flags&millrace.SampleGroup == 0 {
		t.Errorf("flags = %v", f.Samples)
	}
}

func TestFaultsHaveTheirCodes(t *testing.T) {
	block := simpleBlock(1, 0, 0x80, "x")
	long := strings.Repeat("v", 300)
	for name, tc := range map[string]struct {
		body   []byte
		limits fragment.Limits
		want   millrace.Code
		done   int // fragments finished before the fault
	}{
		"random bytes at the start":                        {body: []byte("GET / HTTP/1.1\r\n\r\n"), want: millrace.CodeStreamRead},
		"an EBML header that is none":                      {body: []byte{0x1a, 0x45, 0xdf, 0xa3, 0x83, 0x42, 0x86, 0x90}, want: millrace.CodeInvalidMKV},
		"random bytes behind an EBML header":               {body: append(ebml(), "GET / HTTP/1.1"...), want: millrace.CodeInvalidMKV},
		"a header without a fragment":                      {body: document(), want: millrace.CodeInvalidMKV},
		"a cluster before tracks":                          {body: concat(ebml(), segment(), cluster(0, block)), want: millrace.CodeInvalidMKV},
		"a block behind the end of a fragment":             {body: concat(document(cluster(0, block)), endTag(), block), want: millrace.CodeInvalidMKV, done: 1},
		"a block before the first cluster":                 {body: concat(document(), block, cluster(0, block)), want: millrace.CodeInvalidMKV},
		"a second EBML header":                             {body: concat(document(cluster(0, block)), ebml()), want: millrace.CodeInvalidMKV, done: 0},
		"a block before the timecode":                      {body: concat(document(), mkv.AppendUnknownSize(mkv.AppendID(nil, mkv.IDCluster), 8), block), want: millrace.CodeInvalidMKV},
		"a cluster without a timecode":                     {body: concat(document(), mkv.AppendUnknownSize(mkv.AppendID(nil, mkv.IDCluster), 8), cluster(0, block)), want: millrace.CodeInvalidMKV},
		"a cut element at the end of a clean body":         {body: append(document(cluster(0, block)), 0xa3, 0x90, 0x81), want: millrace.CodeInvalidMKV},
		"four tracks":                                      {body: concat(ebml(), segment(), tracks(1, 2, 3, 4), cluster(0, block)), want: millrace.CodeTooManyTracks},
		"a second Tracks element":                          {body: concat(ebml(), segment(), tracks(1, 2), tracks(3, 4), cluster(0, block)), want: millrace.CodeInvalidMKV},
		"two tracks of one number":                         {body: concat(ebml(), segment(), tracks(1, 1), cluster(0, block)), want: millrace.CodeInvalidMKV},
		"a block of a track that is not there":             {body: document(cluster(0, simpleBlock(7, 0, 0x80, "x"))), want: millrace.CodeTrackNumberMismatch},
		"a track without a frame":                          {body: concat(ebml(), segment(), tracks(1, 2), cluster(0, block), cluster(1, block)), want: millrace.CodeFramesMissing},
		"a timecode before the last one, told at its end":  {body: document(cluster(5, block), cluster(4, block), cluster(9, block)), want: millrace.CodeTimecodeOrder, done: 1},
		"a fragment that spans too long":                   {body: document(cluster(0, block, simpleBlock(1, 20001, 0, "y"))), want: millrace.CodeFragmentDuration},
		"a fragment over its size":                         {body: document(cluster(0, block, simpleBlock(1, 1, 0, long))), limits: fragment.Limits{MaxSize: 200}, want: millrace.CodeFragmentSize},
		"many blocks over the fragment's size":             {body: document(cluster(0, block, simpleBlock(1, 1, 0, long[:80]), simpleBlock(1, 2, 0, long[:80]), simpleBlock(1, 3, 0, long[:80]))), limits: fragment.Limits{MaxSize: 200}, want: millrace.CodeFragmentSize},
		"a declared size of one gigabyte":                  {body: concat(document(), []byte{0x1f, 0x43, 0xb6, 0x75, 0x08, 0x40, 0, 0, 0, 0xe7, 0x81, 0}), want: millrace.CodeFragmentSize},
		"a block that declares one gigabyte":               {body: concat(document(cluster(0, block)), []byte{0xa3, 0x08, 0x40, 0, 0, 0}), want: millrace.CodeFragmentSize},
		"a timecode beyond all time":                       {body: document(cluster(1<<62, block), cluster(1, block)), want: millrace.CodeProducerTimestamp},
		"eleven tags":                                      {body: concat(document(cluster(0, block)), tags(11, "v")), want: millrace.CodeMetadataLimit},
		"a tag value that is too long":                     {body: concat(document(cluster(0, block)), tags(1, long)), want: millrace.CodeMetadataLimit},
		"eleven tags before the first cluster":             {body: concat(ebml(), segment(), tracks(1), tags(11, "v"), cluster(0, block)), want: millrace.CodeMetadataLimit},
		"a timecode scale of zero":                         {body: concat(ebml(), segment(), mkv.AppendInfo(nil, mkv.Info{}), tracks(1), cluster(0, block)), want: ok},
		"ten tags before and ten behind are within bounds": {body: concat(ebml(), segment(), tracks(1), tags(10, "v"), cluster(0, block), tags(10, "v")), want: ok, done: 1},
		"equal timecodes are within bounds":                {body: document(cluster(5, block), cluster(5, block)), want: ok, done: 2},
		"missing frames can be allowed":                    {body: concat(ebml(), segment(), tracks(1, 2), cluster(0, block)), limits: fragment.Limits{AllowMissing: true}, want: ok, done: 1},
		"a second header can be allowed":                   {body: concat(document(cluster(5, block)), document(cluster(6, block))), limits: fragment.Limits{AllowHeaders: true}, want: ok, done: 2},
		"nothing at all is no fault":                       {body: nil, want: ok},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := assemble(bytes.NewReader(tc.body), fragment.Config{Limits: tc.limits}, true, false)
			if tc.want == ok {
				if err != nil {
					t.Fatalf("err = %v", err)
				}
			} else if millrace.CodeOf(err) != tc.want {
				t.Fatalf("code = %d (%v), want %d", millrace.CodeOf(err), err, tc.want)
			}
			if tc.done > 0 && len(got.done) != tc.done {
				t.Errorf("%d fragments were finished, want %d", len(got.done), tc.done)
			}
			if got.open != nil {
				t.Error("a fragment was left open")
			}
		})
	}
}

func TestABodyMayBeginMidway(t *testing.T) {
	block := simpleBlock(1, 0, 0x80, "x")
	for name, body := range map[string][]byte{
		"a cluster": cluster(0, block),
		"a block":   block,
		"tags":      tags(1, "x"),
		"tracks":    tracks(1),
		"a segment": segment(),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := assemble(bytes.NewReader(concat(body, document(cluster(0, block)))), fragment.Config{}, true, false)
			if !errors.Is(err, fragment.ErrMidway) || millrace.CodeOf(err) != millrace.CodeStreamRead {
				t.Errorf("err = %v", err)
			}
			_, err = assemble(bytes.NewReader(concat(ebml(), body)), fragment.Config{}, true, false)
			if errors.Is(err, fragment.ErrMidway) {
				t.Errorf("behind an EBML header: %v", err)
			}
		})
	}
}

// ok stands for no fault in the table above.
const ok = millrace.Code(255)

func TestRelativeTimecodesCountFromTheStart(t *testing.T) {
	start := time.UnixMilli(1795365052520).UTC()
	body := document(cluster(40, simpleBlock(1, 0, 0x80, "x")))
	got, err := assemble(bytes.NewReader(body), fragment.Config{Relative: true, Start: start}, true, false)
	if err != nil {
		t.Fatal(err)
	}
	if want := start.Add(40 * time.Millisecond); !got.done[0].ProducerTime.Equal(want) {
		t.Errorf("producer time = %v, want %v", got.done[0].ProducerTime, want)
	}
}

func TestABrokenConnectionKeepsWhatIsWhole(t *testing.T) {
	block := simpleBlock(1, 0, 0x80, "x")
	whole := document(cluster(0, block), cluster(5, block, simpleBlock(1, 1, 0, "yz")))
	broken := io.MultiReader(bytes.NewReader(whole[:len(whole)-1]), iotest.ErrReader(io.ErrUnexpectedEOF))
	got, err := assemble(broken, fragment.Config{}, false, false)
	if millrace.CodeOf(err) != millrace.CodeInternal || len(got.done) != 1 || got.aborted != 1 {
		t.Errorf("dropping: err = %v, %d done, %d aborted", err, len(got.done), got.aborted)
	}
	broken = io.MultiReader(bytes.NewReader(whole[:len(whole)-1]), iotest.ErrReader(io.ErrUnexpectedEOF))
	got, _ = assemble(broken, fragment.Config{}, false, true)
	if len(got.done) != 2 || got.done[1].Flags != millrace.FlagIncomplete || len(got.done[1].Samples) != 1 {
		t.Errorf("keeping: %d done: %+v", len(got.done), got.done)
	}
}
