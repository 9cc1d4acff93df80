package consumer_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/iotest"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/consumer"
	"github.com/millrace/millrace/mkv"
)

func vectors(t *testing.T, name string) []byte {
	t.Helper()
	dir := os.Getenv("MILLRACE_VECTORS")
	if dir == "" {
		dir = filepath.Join("..", "..", "shared", "vectors")
	}
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Skip("vectors not present")
	}
	return b
}

func TestResponsesOfTheServiceAreReadWhole(t *testing.T) {
	for name, want := range map[string]struct{ fragments, frames, complete, tags int }{
		"getmedia/output_get_media.mkv":                      {5, 300, 5, -1},
		"getmedia/clusters.mkv":                              {8, 444, 8, -1},
		"getmedia/test_mixed_tags.mkv":                       {10, -1, 10, 55},
		"getmedia/kinesis_video_renderer_example_output.mkv": {8, 444, 8, 0},
		"getmedia/empty-mkv-with-tags.mkv":                   {0, 0, 0, 0},
	} {
		input := vectors(t, name)
		fragments, frames, complete, tags := 0, 0, 0, 0
		var last millrace.FragmentNumber
		for f, err := range walk(bytes.NewReader(input)) {
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			fragments++
			for frame, err := range f.Frames() {
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				if len(frame.Data) == 0 {
					t.Errorf("%s: empty frame", name)
				}
				frames++
			}
			if f.Complete() {
				complete++
			}
			tags += len(f.Tags())
			if !f.Number.IsZero() {
				if f.Number.Compare(last) <= 0 {
					t.Errorf("%s: %s after %s", name, f.Number, last)
				}
				if f.Token() != f.Number.String() || f.ServerTime != f.Number.ServerTime() || f.Behind() <= 0 {
					t.Errorf("%s: token %s, server time %v, behind %v of %s", name, f.Token(), f.ServerTime, f.Behind(), f.Number)
				}
				last = f.Number
			}
		}
		if want.frames < 0 {
			want.frames = frames
		}
		if want.tags < 0 {
			want.tags = tags
		}
		if got := [4]int{fragments, frames, complete, tags}; got != [4]int{want.fragments, want.frames, want.complete, want.tags} {
			t.Errorf("%s: fragments, frames, complete, tags %v, want %v", name, got, want)
		}
	}
}

func TestWrittenDocumentsAreTheInput(t *testing.T) {
	input := slices.Concat(document(1, true, 3), document(2, false, 4), document(3, true, 1))
	var out bytes.Buffer
	for f, err := range walk(iotest.OneByteReader(bytes.NewReader(input))) {
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteTo(&out); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(out.Bytes(), input) {
		t.Errorf("wrote %d bytes of %d", out.Len(), len(input))
	}
}

func TestFramesArriveBeforeTheFragmentEnds(t *testing.T) {
	pr, pw := io.Pipe()
	defer pr.Close()
	doc := document(1, true, 2)
	step := make(chan []byte) // what to let through
	go func() {
		for b := range step {
			_, _ = pw.Write(b)
		}
		pw.Close()
	}()
	head, frame := documentSizes(1, true)
	step <- doc[:head+frame]
	for f, err := range walk(pr) {
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for got, err := range f.Frames() {
			if err != nil {
				t.Fatal(err)
			}
			if want := fmt.Sprintf("frame 1/%d", n); string(got.Data) != want {
				t.Errorf("frame %q, want %q", got.Data, want)
			}
			if n++; n == 1 {
				step <- doc[head+frame:]
				close(step)
			}
		}
		if n != 2 || !f.Complete() {
			t.Errorf("%d frames, complete %v", n, f.Complete())
		}
	}
}

func TestFragmentsHaveTheirFields(t *testing.T) {
	for f, err := range walk(bytes.NewReader(document(7, false, 2))) {
		if err != nil {
			t.Fatal(err)
		}
		if f.Number != number(7) || !f.ServerTime.Equal(serverTime(7)) || !f.ProducerTime.Equal(producerTime(7)) || f.Timecode != timecode(7) {
			t.Errorf("number %s, server time %v, producer time %v, timecode %d", f.Number, f.ServerTime, f.ProducerTime, f.Timecode)
		}
		if got := f.Tags(); !slices.Equal(got, []consumer.Tag{{Name: "before", Value: "7"}}) {
			t.Errorf("tags before the media %v", got)
		}
		var times []time.Time
		for frame, err := range f.Frames() {
			if err != nil {
				t.Fatal(err)
			}
			times = append(times, frame.Time)
			if want := time.Duration(frame.Timecode) * time.Millisecond; frame.PTS != want {
				t.Errorf("pts %v, want %v", frame.PTS, want)
			}
			if frame.Key != (len(times) == 1) {
				t.Errorf("frame %d: key %v", len(times), frame.Key)
			}
		}
		if want := []time.Time{producerTime(7), producerTime(7).Add(frameTicks * time.Millisecond)}; !slices.EqualFunc(times, want, time.Time.Equal) {
			t.Errorf("times %v, want %v", times, want)
		}
		if got := f.Tags(); !slices.Equal(got, []consumer.Tag{{Name: "before", Value: "7"}, {Name: "after", Value: "7"}}) {
			t.Errorf("tags at the end %v", got)
		}
		if f.Token() != number(7).String() || f.Behind() != 123*time.Millisecond {
			t.Errorf("token %q, behind %v", f.Token(), f.Behind())
		}
	}
}

func TestAnUnchangedHeaderIsShared(t *testing.T) {
	other := documentOf(3, true, 1, "Other writer")
	input := slices.Concat(document(1, true, 1), document(2, true, 1), other)
	var headers []*consumer.Header
	for f, err := range walk(bytes.NewReader(input)) {
		if err != nil {
			t.Fatal(err)
		}
		headers = append(headers, f.Header)
	}
	if len(headers) != 3 || headers[0] != headers[1] || headers[1] == headers[2] {
		t.Errorf("headers %v", headers)
	}
	if w := headers[2].Info.WritingApp; w != "Other writer" {
		t.Errorf("writing app %q", w)
	}
	if len(headers[0].Tracks) != 1 || len(headers[0].RawTracks()) == 0 {
		t.Errorf("tracks %v", headers[0].Tracks)
	}
}

func TestUnreadFragmentsAreSkipped(t *testing.T) {
	input := slices.Concat(document(1, true, 3), document(2, true, 3))
	var complete []bool
	var all []*consumer.Fragment
	for f, err := range walk(bytes.NewReader(input)) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, f)
	}
	for _, f := range all {
		complete = append(complete, f.Complete())
	}
	if !slices.Equal(complete, []bool{true, true}) {
		t.Errorf("complete %v", complete)
	}
}

func TestALeftLoopOverFramesCanBeTakenUp(t *testing.T) {
	for f, err := range walk(bytes.NewReader(document(1, true, 3))) {
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for range 2 {
			for frame, err := range f.Frames() {
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, string(frame.Data))
				if len(got) == 2 {
					break
				}
			}
		}
		if want := []string{"frame 1/0", "frame 1/1", "frame 1/2"}; !slices.Equal(got, want) {
			t.Errorf("frames %q", got)
		}
	}
}

func TestACutResponseSaysSo(t *testing.T) {
	whole := document(1, false, 3)
	head, frame := documentSizes(1, false)
	for name, tc := range map[string]struct {
		input    io.Reader
		frames   int
		complete bool
		err      error
	}{
		"whole":                {bytes.NewReader(whole), 3, true, nil},
		"inside a frame":       {bytes.NewReader(whole[:head+frame+5]), 1, false, consumer.ErrCut},
		"between two frames":   {bytes.NewReader(whole[:head+2*frame]), 2, false, consumer.ErrCut}, // the Cluster's size is known
		"by the network":       {io.MultiReader(bytes.NewReader(whole[:head+frame]), iotest.ErrReader(errNetwork)), 1, false, errNetwork},
		"behind the Cluster":   {bytes.NewReader(whole[:head+3*frame]), 3, false, nil},
		"in the head":          {bytes.NewReader(whole[:head/2]), 0, false, io.ErrUnexpectedEOF},
		"open, between two":    {bytes.NewReader(document(1, true, 3)[:openHead(1)+2*frame]), 2, false, nil},
		"open, inside a frame": {bytes.NewReader(document(1, true, 3)[:openHead(1)+2*frame-1]), 1, false, consumer.ErrCut},
	} {
		frames, complete := 0, false
		var last error
		for f, err := range walk(tc.input) {
			if err != nil {
				last = err
				break
			}
			for _, err := range f.Frames() {
				if err != nil {
					break
				}
				frames++
			}
			complete = f.Complete()
		}
		if frames != tc.frames || complete != tc.complete || !errors.Is(last, tc.err) || (last == nil) != (tc.err == nil) {
			t.Errorf("%s: %d frames, complete %v, error %v", name, frames, complete, last)
		}
	}
}

var errNetwork = errors.New("connection reset")

func openHead(n int) int {
	head, _ := documentSizes(n, true)
	return head
}

func TestAnErrorDocumentIsATypedError(t *testing.T) {
	input := slices.Concat(document(1, true, 1), errorDocument(1, 4000, "FRAGMENT_NOT_FOUND"))
	all, err := told(bytes.NewReader(input))
	if err != nil || len(all) != 1 {
		t.Fatal(all, err)
	}
	got := all[0]
	if got.ID != 4000 || got.Name != "FRAGMENT_NOT_FOUND" || got.Number != number(1) || got.Code() != millrace.CodeNotFound {
		t.Errorf("%+v", got)
	}
}

func TestGarbageIsAnError(t *testing.T) {
	for name, input := range map[string][]byte{
		"zeros":            make([]byte, 100),
		"a page of HTML":   []byte("<html><body>Bad gateway</body></html>"),
		"an endless head":  slices.Concat(document(1, true, 1)[:40], bytes.Repeat(void(1<<20), 20)),
		"a bad number tag": badNumber(),
	} {
		var last error
		for _, err := range walk(bytes.NewReader(input)) {
			last = err
		}
		if last == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func FuzzFragments(f *testing.F) {
	f.Add(slices.Concat(document(1, true, 2), document(2, false, 2), errorDocument(2, 5000, "INTERNAL_ERROR")))
	f.Add(document(1, false, 1))
	f.Fuzz(func(t *testing.T, input []byte) {
		var out bytes.Buffer
		for fragment, err := range walk(bytes.NewReader(input)) {
			if err != nil {
				continue
			}
			for range fragment.Frames() {
				break
			}
			_, _ = fragment.WriteTo(&out)
		}
		if out.Len() > 2*len(input) {
			t.Errorf("%d bytes out of %d", out.Len(), len(input))
		}
	})
}

// In a response of GetMediaForFragmentList nothing is said behind the media, and a
// fragment is whole when its document is.
func TestAListOfFragmentsIsReadWhole(t *testing.T) {
	input := slices.Concat(listedDocument(2), listedDocument(1), listedDocument(1))
	var got []int
	for f, err := range walk(iotest.OneByteReader(bytes.NewReader(input))) {
		if err != nil {
			t.Fatal(err)
		}
		frames := 0
		for range f.Frames() {
			frames++
		}
		if !f.Complete() || frames != 3 || f.Token() != "" || f.ServerTime != f.Number.ServerTime() || len(f.Tags()) != 2 {
			t.Errorf("fragment %s: complete %t, %d frames, token %q, tags %v", f.Number, f.Complete(), frames, f.Token(), f.Tags())
		}
		got = append(got, int(f.Number.Sequence()))
	}
	if !slices.Equal(got, []int{2, 1, 1}) {
		t.Errorf("fragments %v", got)
	}
	incomplete := 0
	for f, err := range walk(io.MultiReader(bytes.NewReader(listedDocument(1)), iotest.ErrReader(errNetwork))) {
		if err != nil && !errors.Is(err, errNetwork) {
			t.Fatal(err)
		}
		if f != nil && !f.Complete() {
			incomplete++
		}
	}
	if incomplete != 1 {
		t.Error("a fragment is complete whose response broke")
	}
}

// listedDocument is fragment n as GetMediaForFragmentList writes it.
func listedDocument(n int) []byte {
	b := header("test")
	b = append(b, tags("before", "it")...)
	b = append(b, tags(
		"AWS_KINESISVIDEO_FRAGMENT_NUMBER", number(n).String(),
		"AWS_KINESISVIDEO_SERVER_TIMESTAMP", seconds(serverTime(n)), "AWS_KINESISVIDEO_PRODUCER_TIMESTAMP", seconds(producerTime(n)),
		"AWS_KINESISVIDEO_SERVER_SIDE_TIMESTAMP", seconds(serverTime(n)), "AWS_KINESISVIDEO_PRODUCER_SIDE_TIMESTAMP", seconds(producerTime(n)),
	)...)
	at := mkv.AppendUint(nil, mkv.IDTimecode, timecode(n))
	b = mkv.AppendUnknownSize(mkv.AppendID(b, mkv.IDCluster), 1)
	return slices.Concat(b, at, frames(n, 3), tags("after", "it"))
}

func TestWhatAListTellsIsATypedError(t *testing.T) {
	input := slices.Concat(listedDocument(1), header("test"), tags(
		"AWS_KINESISVIDEO_FRAGMENT_NUMBER", number(7).String(),
		"AWS_KINESISVIDEO_ERROR_ID", "3000", "AWS_KINESISVIDEO_ERROR_CODE", "FRAGMENT_NOT_FOUND",
		"AWS_KINESISVIDEO_EXCEPTION_ERROR_CODE", "3000", "AWS_KINESISVIDEO_EXCEPTION_MESSAGE", "The fragment was not found.",
	))
	all, err := told(bytes.NewReader(input))
	if err != nil || len(all) != 1 {
		t.Fatal(all, err)
	}
	got := all[0]
	if got.ID != 3000 || got.Name != "FRAGMENT_NOT_FOUND" || got.Number != number(7) || got.Code() != millrace.CodeNotFound {
		t.Errorf("%+v", got)
	}
}
