package egress_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/egress"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/tail"
	"github.com/millrace/millrace/mkv"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var update = flag.Bool("update", false, "rewrite the golden files")

// given are numbers that are given out as they stand.
type given struct {
	numbers []millrace.FragmentNumber
	next    int
}

func (g *given) Next(millrace.StreamKey) (millrace.FragmentNumber, error) {
	g.next++
	return g.numbers[g.next-1], nil
}

func (g *given) Floor(millrace.StreamKey) millrace.FragmentNumber { return millrace.FragmentNumber{} }

// kept is a store with one fragment after the other.
type kept struct{ fragments []*millrace.Fragment }

func (k *kept) After(_ context.Context, _ store.Scope, n millrace.FragmentNumber, _ int) (out []store.Entry, _ error) {
	for i, f := range k.fragments {
		if f.Number.Compare(n) > 0 {
			out = append(out, store.Entry{Number: f.Number, Position: store.Position{Offset: int64(i)}})
		}
	}
	return out, nil
}

func (k *kept) AtServerTime(context.Context, store.Scope, time.Time) (store.Entry, error) {
	return store.Entry{}, millrace.ErrNotFound
}

func (k *kept) AtProducerTime(context.Context, store.Scope, time.Time) (store.Entry, error) {
	return store.Entry{}, millrace.ErrNotFound
}

func (*kept) List(context.Context, store.Scope, store.Listing) ([]store.Entry, error) {
	return nil, errors.ErrUnsupported
}

func (k *kept) Read(_ context.Context, _ store.Scope, e store.Entry, _ []byte) (*millrace.Fragment, error) {
	f := k.fragments[e.Position.Offset]
	if f.Flags == damaged {
		return nil, fmt.Errorf("checksum: %w", millrace.ErrCorrupt)
	}
	return f, nil
}

// damaged marks a fragment that cannot be read.
const damaged = millrace.FragmentFlags(1 << 31)

// chunks is a client.
type chunks struct {
	bytes.Buffer
	count int
	fail  error
}

func (*chunks) Abort()                 {}
func (*chunks) Waiting() time.Duration { return 0 }

func (c *chunks) WriteChunk(pieces ...[]byte) error {
	c.count++
	for _, p := range pieces {
		c.Write(p)
	}
	return c.fail
}

// A document is one fragment as the service delivered it.
type document struct {
	raw               []byte
	header            []byte
	cluster, trailing []byte
	blocks            [][]byte // the cluster's pieces: its head with the timecode, then each child
	tags              map[string]string
}

func (d document) number(t *testing.T) millrace.FragmentNumber {
	t.Helper()
	n, err := millrace.ParseFragmentNumber(d.tags["AWS_KINESISVIDEO_FRAGMENT_NUMBER"])
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func (d document) producerTime(t *testing.T) time.Time {
	t.Helper()
	ms, err := strconv.ParseInt(strings.Replace(d.tags["AWS_KINESISVIDEO_PRODUCER_TIMESTAMP"], ".", "", 1), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return time.UnixMilli(ms)
}

// emitted is the wall clock at which the service ended the document.
func (d document) emitted(t *testing.T) time.Time {
	t.Helper()
	behind, err := strconv.ParseInt(d.tags["AWS_KINESISVIDEO_MILLIS_BEHIND_NOW"], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return d.number(t).ServerTime().Add(time.Duration(behind) * time.Millisecond)
}

// split takes a response apart into documents.
func split(t *testing.T, response []byte) (docs []document) {
	t.Helper()
	r := mkv.NewReader(bytes.NewReader(response), mkv.ReaderOptions{})
	d := document{tags: map[string]string{}}
	for {
		e, err := r.Next()
		if errors.Is(err, io.EOF) {
			return docs
		}
		if err != nil {
			t.Fatal(err)
		}
		if e.Kind == mkv.End {
			continue
		}
		if e.ID == mkv.IDEBML && d.cluster != nil {
			docs = append(docs, d)
			d = document{tags: map[string]string{}}
		}
		d.raw = append(d.raw, e.Raw...)
		service := e.ID == mkv.IDTags && d.note(t, e)
		switch {
		case service:
		case e.ID == mkv.IDCluster || e.Level == 2:
			d.cluster = append(d.cluster, e.Raw...)
			d.blocks = append(d.blocks, bytes.Clone(e.Raw))
		case d.cluster == nil:
			d.header = append(d.header, e.Raw...)
		default:
			d.trailing = append(d.trailing, e.Raw...)
		}
		if d.tags["AWS_KINESISVIDEO_CONTINUATION_TOKEN"] != "" {
			docs = append(docs, d)
			d = document{tags: map[string]string{}}
		}
	}
}

// note keeps a Tags element's tags and reports whether it is the service's.
func (d document) note(t *testing.T, e mkv.Element) (service bool) {
	t.Helper()
	tags, err := mkv.ParseTags(e.Data())
	if err != nil {
		t.Fatal(err)
	}
	for _, tag := range tags {
		for _, s := range tag.Simple {
			d.tags[s.Name] = s.String
			service = service || strings.HasPrefix(s.Name, "AWS_KINESISVIDEO_")
		}
	}
	return service
}

// captures are responses of the service itself that have service tags.
func captures(t *testing.T) map[string][]byte {
	t.Helper()
	dir := os.Getenv("MILLRACE_VECTORS")
	if dir == "" {
		dir = "../../../shared/vectors"
	}
	out := map[string][]byte{}
	for _, name := range []string{"output_get_media.mkv", "test_mixed_tags.mkv", "kinesis_video_renderer_example_output.mkv"} {
		b, err := os.ReadFile(filepath.Join(dir, "getmedia", name))
		if err != nil {
			t.Skip("vectors not present")
		}
		out[name] = b
	}
	return out
}

// What the service delivered is taken apart and put in; what we deliver of it
// must be the same bytes, from memory and from the store.
func TestTheOutputIsTheServices(t *testing.T) {
	for name, response := range captures(t) {
		docs := split(t, response)
		if len(docs) < 5 {
			t.Fatalf("%s: only %d documents", name, len(docs))
		}
		for i, d := range docs {
			if got := live(t, d); !bytes.Equal(got, d.raw) {
				t.Errorf("%s: document %d from memory differs at byte %d of %d", name, i, differ(got, d.raw), len(d.raw))
			}
			if got := history(t, d); !bytes.Equal(got, d.raw) {
				t.Errorf("%s: document %d from the store differs at byte %d of %d", name, i, differ(got, d.raw), len(d.raw))
			}
		}
	}
}

func differ(a, b []byte) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	return min(len(a), len(b))
}

// deliver runs GetMedia until it has written want bytes or ends.
func deliver(t *testing.T, e *egress.Egress, s *tail.Stream, to *chunks) {
	t.Helper()
	err := getMedia(t.Context(), e, to, egress.Request{
		Stream: s, Scope: func() store.Scope { return store.Scope{} },
		Start: millrace.StartSelector{Type: millrace.StartEarliest},
	})
	if err != nil {
		t.Errorf("get media: %v", err)
	}
}

func getMedia(ctx context.Context, e *egress.Egress, to egress.ChunkWriter, r egress.Request) error {
	d, err := e.Open(ctx, r)
	if err != nil {
		return err
	}
	return d.Run(ctx, to)
}

func newEgress(index store.Index, now time.Time) *egress.Egress {
	return egress.New(egress.Config{
		Index: index, Now: func() time.Time { return now }, IdleTimeout: time.Second, Logger: slog.New(slog.DiscardHandler),
	})
}

func newStream(numbers *given) *tail.Stream {
	return tail.New(tail.Config{Numbers: numbers, Now: time.Now}).Acquire(millrace.StreamKey{ID: 1}, time.Hour)
}

func live(t *testing.T, d document) (out []byte) {
	synctest.Test(t, func(t *testing.T) {
		s := newStream(&given{numbers: []millrace.FragmentNumber{d.number(t)}})
		defer s.Release()
		f, err := s.Open(tail.Info{Header: millrace.NewHeader(d.header), ProducerTime: d.producerTime(t)}, nil)
		if err != nil {
			t.Fatal(err)
		}
		var to chunks
		done := make(chan struct{})
		go func() {
			defer close(done)
			deliver(t, newEgress(&kept{}, d.emitted(t)), s, &to)
		}()
		synctest.Wait() // until the document's head is out
		for i, b := range d.blocks {
			before := to.count
			if err := f.Append(t.Context(), b); err != nil {
				t.Fatal(err)
			}
			if synctest.Wait(); to.count != before+1 {
				t.Fatalf("block %d was written in %d chunks", i, to.count-before)
			}
		}
		f.Complete(tail.Finish{Trailing: d.trailing, Duration: time.Second})
		synctest.Wait()
		if bytes.Contains(to.Bytes(), []byte("MILLIS_BEHIND_NOW")) {
			t.Error("the document ended before the fragment was settled")
		}
		f.Settle(nil)
		f.Release()
		<-done
		out = to.Bytes()
	})
	return out
}

func history(t *testing.T, d document) (out []byte) {
	synctest.Test(t, func(t *testing.T) {
		s := newStream(&given{numbers: []millrace.FragmentNumber{d.number(t)}})
		defer s.Release()
		release(t, s)
		index := &kept{fragments: []*millrace.Fragment{{
			Number: d.number(t), ProducerTime: d.producerTime(t), Header: millrace.NewHeader(d.header),
			Cluster: [][]byte{d.cluster[:3], d.cluster[3:]}, Trailing: d.trailing,
		}}}
		var to chunks
		deliver(t, newEgress(index, d.emitted(t)), s, &to)
		if to.count != 1 {
			t.Errorf("a kept fragment was written in %d chunks", to.count)
		}
		out = to.Bytes()
	})
	return out
}

// release makes the tail let go of its first number, so that the store answers
// for it.
func release(t *testing.T, s *tail.Stream) {
	t.Helper()
	f, err := s.Open(tail.Info{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	f.Complete(tail.Finish{})
	f.Settle(nil)
	f.Release()
}

func number(sequence uint64) millrace.FragmentNumber {
	return millrace.NewFragmentNumber(sequence, time.UnixMilli(1700000000123), 5)
}

func TestADocumentIsWhatTheGoldenFileSays(t *testing.T) {
	d := document{
		header:  []byte("<header>"),
		cluster: []byte("<cluster>"), trailing: []byte("<trailing>"),
		blocks: [][]byte{[]byte("<clu"), []byte("ster>")},
		tags: map[string]string{
			"AWS_KINESISVIDEO_FRAGMENT_NUMBER":    number(7).String(),
			"AWS_KINESISVIDEO_PRODUCER_TIMESTAMP": "12.005",
			"AWS_KINESISVIDEO_MILLIS_BEHIND_NOW":  "1500",
		},
	}
	got := hex.Dump(live(t, d))
	if h := hex.Dump(history(t, d)); h != got {
		t.Errorf("store and memory differ:\n%s\n%s", h, got)
	}
	const golden = "testdata/document.hex"
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestADamagedFragmentIsPassedOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStream(&given{numbers: []millrace.FragmentNumber{number(3)}})
		defer s.Release()
		release(t, s)
		fragment := func(n uint64, cluster string, flags millrace.FragmentFlags) *millrace.Fragment {
			return &millrace.Fragment{
				Number: number(n), Header: millrace.NewHeader([]byte("h")), Cluster: [][]byte{[]byte(cluster)}, Flags: flags,
			}
		}
		index := &kept{fragments: []*millrace.Fragment{fragment(1, "one", 0), fragment(2, "two", damaged), fragment(3, "three", 0)}}
		var to chunks
		deliver(t, newEgress(index, time.Now()), s, &to)
		out := to.String()
		if !strings.Contains(out, "one") || strings.Contains(out, "two") || !strings.Contains(out, "three") {
			t.Errorf("got %q", out)
		}
	})
}

func TestAFailedFragmentEndsItsDocument(t *testing.T) {
	for _, known := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			s := newStream(&given{numbers: []millrace.FragmentNumber{number(1)}})
			defer s.Release()
			f, err := s.Open(tail.Info{Header: millrace.NewHeader([]byte("h")), KnownSize: known}, nil)
			if err != nil {
				t.Fatal(err)
			}
			if err := f.Append(t.Context(), []byte("cluster")); err != nil {
				t.Fatal(err)
			}
			var to chunks
			result := make(chan error)
			go func() {
				result <- getMedia(t.Context(), newEgress(&kept{}, time.Now()), &to, egress.Request{
					Stream: s, Scope: func() store.Scope { return store.Scope{} },
				})
			}()
			synctest.Wait()
			f.Abort(errors.New("the connection broke"))
			f.Release()
			err = <-result
			if known != errors.Is(err, egress.ErrCut) {
				t.Errorf("declared size %v: err = %v", known, err)
			}
			if ended := bytes.Contains(to.Bytes(), []byte("CONTINUATION_TOKEN")); ended == known {
				t.Errorf("declared size %v: document ended: %v", known, ended)
			}
		})
	}
}

func TestAWholeFragmentWhoseCommitFailedIsNotCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStream(&given{numbers: []millrace.FragmentNumber{number(1)}})
		defer s.Release()
		f, err := s.Open(tail.Info{Header: millrace.NewHeader([]byte("h")), KnownSize: true}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Append(t.Context(), []byte("cluster")); err != nil {
			t.Fatal(err)
		}
		var to chunks
		done := make(chan struct{})
		go func() {
			defer close(done)
			deliver(t, newEgress(&kept{}, time.Now()), s, &to)
		}()
		synctest.Wait()
		f.Complete(tail.Finish{Trailing: []byte("trailing"), Duration: time.Second})
		f.Settle(errors.New("disk full"))
		f.Release()
		<-done
		if !bytes.Contains(to.Bytes(), []byte("clustertrailing")) || !bytes.Contains(to.Bytes(), []byte("CONTINUATION_TOKEN")) {
			t.Errorf("written %q", to.Bytes())
		}
	})
}

func TestAReaderInHistoryEndsInGoodOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStream(&given{numbers: []millrace.FragmentNumber{number(1)}})
		defer s.Release()
		release(t, s)
		ctx, cancel := context.WithCancelCause(t.Context())
		index := &stopping{cancel: func() { cancel(egress.ErrStop) }}
		index.fragments = []*millrace.Fragment{{Number: number(1), Header: millrace.NewHeader([]byte("h"))}}
		var to chunks
		err := getMedia(ctx, newEgress(index, time.Now()), &to, egress.Request{
			Stream: s, Scope: func() store.Scope { return store.Scope{} }, Start: millrace.StartSelector{Type: millrace.StartEarliest},
		})
		if err != nil || to.Len() != 0 {
			t.Errorf("err = %v, written %q", err, to.Bytes())
		}
	})
}

// stopping is a store whose reader is told to end while it reads.
type stopping struct {
	kept
	cancel func()
}

func (s *stopping) Read(ctx context.Context, _ store.Scope, _ store.Entry, _ []byte) (*millrace.Fragment, error) {
	s.cancel()
	return nil, ctx.Err()
}

func TestAnErrorOfTheStoreIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStream(&given{numbers: []millrace.FragmentNumber{number(1)}})
		defer s.Release()
		release(t, s)
		var to chunks
		err := getMedia(t.Context(), newEgress(&broken{}, time.Now()), &to, egress.Request{
			Stream: s, Scope: func() store.Scope { return store.Scope{} }, Start: millrace.StartSelector{Type: millrace.StartEarliest},
		})
		if err == nil || !bytes.Contains(to.Bytes(), []byte("AWS_KINESISVIDEO_ERROR_ID")) {
			t.Errorf("err = %v, written %q", err, to.Bytes())
		}
	})
}

// broken is a store that cannot be read.
type broken struct{ kept }

func (*broken) After(context.Context, store.Scope, millrace.FragmentNumber, int) ([]store.Entry, error) {
	return nil, errors.New("input/output error")
}

// A server that stops ends a response in good order that waits for the store.
func TestAWaitForTheStoreEndsInGoodOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		defer time.AfterFunc(time.Minute, func() { cancel(egress.ErrStop) }).Stop()
		if to, err := readFrom(ctx, t, &slow{kept{}, time.Hour}); err != nil || to.Len() > 0 {
			t.Errorf("err = %v, written %q", err, to.Bytes())
		}
	})
}

// A store that looks for longer than a reader may be idle keeps him waiting: who
// was told that this is all would miss what there is.
func TestALookIntoTheStoreIsNoSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		to, err := readFrom(t.Context(), t, &slow{kept{[]*millrace.Fragment{{
			Number: number(1), Header: millrace.NewHeader([]byte("h")), Cluster: [][]byte{[]byte("frames")},
		}}}, time.Hour})
		if err != nil || !bytes.Contains(to.Bytes(), []byte("frames")) {
			t.Errorf("err = %v, written %q", err, to.Bytes())
		}
		if took := time.Since(began); took < time.Hour+time.Second || took > 3*time.Hour {
			t.Errorf("the response took %v", took)
		}
	})
}

// readFrom reads a stream whose tail has let go of one fragment, from a store.
func readFrom(ctx context.Context, t *testing.T, index store.Index) (to *chunks, err error) {
	t.Helper()
	s := newStream(&given{numbers: []millrace.FragmentNumber{number(1)}})
	defer s.Release()
	release(t, s)
	to = &chunks{}
	return to, getMedia(ctx, newEgress(index, time.Now()), to, egress.Request{
		Stream: s, Scope: func() store.Scope { return store.Scope{} }, Start: millrace.StartSelector{Type: millrace.StartEarliest},
	})
}

// slow is a store that takes its time to look.
type slow struct {
	kept
	takes time.Duration
}

func (s *slow) After(ctx context.Context, scope store.Scope, n millrace.FragmentNumber, most int) ([]store.Entry, error) {
	select {
	case <-time.After(s.takes):
		return s.kept.After(ctx, scope, n, most)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func TestAResponseMissesNothingOnceItsStartIsFound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		numbers := &given{numbers: []millrace.FragmentNumber{number(1)}}
		s := tail.New(tail.Config{Numbers: numbers, Now: time.Now}).Acquire(millrace.StreamKey{ID: 1}, 0)
		defer s.Release()
		d, err := newEgress(&kept{}, time.Now()).Open(t.Context(), egress.Request{
			Stream: s, Scope: func() store.Scope { return store.Scope{} }, Start: millrace.StartSelector{Type: millrace.StartNow},
		})
		if err != nil {
			t.Fatal(err)
		}
		f, err := s.Open(tail.Info{Header: millrace.NewHeader(nil)}, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Release()
		if err := f.Append(t.Context(), []byte("frames")); err != nil || !f.Complete(tail.Finish{Ephemeral: true}) {
			t.Fatal(err)
		}
		var to chunks
		if err := d.Run(t.Context(), &to); err != nil || !bytes.Contains(to.Bytes(), []byte("frames")) {
			t.Errorf("err = %v, written %q", err, to.Bytes())
		}
	})
}

// TestADocumentEndsWhenItsFragmentIsSettled: until then it may fail, and the next
// fragment is not begun.
func TestADocumentEndsWhenItsFragmentIsSettled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var numbers given
		for i := range uint64(2) {
			numbers.numbers = append(numbers.numbers, millrace.NewFragmentNumber(i+1, time.Now(), 0))
		}
		s := newStream(&numbers)
		defer s.Release()
		var all [2]*tail.Fragment
		for i := range all {
			f, err := s.Open(tail.Info{Header: millrace.NewHeader([]byte("header"))}, nil)
			if err != nil {
				t.Fatal(err)
			}
			if err := f.Append(t.Context(), fmt.Appendf(nil, "media %d", i)); err != nil {
				t.Fatal(err)
			}
			f.Complete(tail.Finish{Duration: time.Second})
			all[i] = f
		}
		all[1].Settle(nil) // the higher one first
		var to chunks
		done := make(chan struct{})
		go func() {
			defer close(done)
			deliver(t, newEgress(&kept{}, time.Now()), s, &to)
		}()
		synctest.Wait()
		if got := to.String(); strings.Contains(got, "MILLIS_BEHIND_NOW") || strings.Contains(got, "media 1") || !strings.Contains(got, "media 0") {
			t.Errorf("before the first is settled a reader has %q", got)
		}
		all[0].Settle(nil)
		for _, f := range all {
			f.Release()
		}
		<-done
		if got := to.String(); strings.Count(got, "MILLIS_BEHIND_NOW") != 1 {
			t.Errorf("and then %q", got)
		}
	})
}
