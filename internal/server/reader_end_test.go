package server_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/config"
)

// A response that ends in good order ends with its last chunk between two
// documents: get.all accepts nothing else. These tests are about when that is.

func TestAnIdleReaderIsLetGoBetweenDocuments(t *testing.T) {
	for _, hours := range []int{24, 0} {
		t.Run(fmt.Sprint("retention ", hours), func(t *testing.T) {
			t.Parallel()
			r := start(t, nil, func(c *config.Server) { c.ReaderIdleTimeout = 50 * time.Millisecond })
			r.create("cam", hours)
			r.create("other", hours)
			p := r.put("cam", nil)
			p.mustSend(slices.Concat(header(1), cluster(1, block(1, 0, "first")), endOfFragment()))
			p.want("BUFFERING 1", "RECEIVED 1")
			if docs := r.get("cam", earliest()).all(); len(docs) != 1 {
				t.Errorf("%d documents", len(docs))
			}
			// A fragment that is open keeps its reader for as long as it takes.
			second := cluster(2, block(1, 0, "second"))
			p.mustSend(second)
			g := r.get("cam", now())
			g.until(second)
			for range 3 {
				r.get("other", earliest()).all() // takes the idle time
			}
			p.mustSend(slices.Concat(block(1, 40, "third"), endOfFragment()))
			if docs := g.all(); len(docs) != 1 || docs[0].blocks != 1 {
				t.Errorf("then came %d documents", len(docs))
			}
		})
	}
}

func TestAFragmentThatFailsEndsItsDocument(t *testing.T) {
	for _, hours := range []int{24, 0} {
		t.Run(fmt.Sprint("retention ", hours), func(t *testing.T) {
			t.Parallel()
			r := start(t, nil, nil)
			r.create("cam", hours)
			g := r.get("cam", earliest())
			broken := r.put("cam", nil)
			frames := cluster(1, block(1, 0, "one"), block(1, 40, "two"))
			broken.mustSend(slices.Concat(header(1), userTags("leads", "yes"), frames, block(1, 80, "three")[:5]))
			number := broken.want("BUFFERING 1").FragmentNumber
			g.until(frames)
			if err := broken.reset(); err != nil {
				t.Fatal(err)
			}
			d := g.must()
			if d.tags["AWS_KINESISVIDEO_CONTINUATION_TOKEN"] != number || d.blocks != 0 || !slices.Equal(d.order, []string{"Tags"}) {
				t.Errorf("the document of what failed ends with %v, %v", d.order, d.tags)
			}
			next := r.put("cam", nil)
			next.mustSend(slices.Concat(header(1), cluster(1, block(1, 0, "again")), endOfFragment()))
			whole := next.want("BUFFERING 1", "RECEIVED 1").FragmentNumber
			for name, g := range map[string]*get{
				"the same reader": g, "a new one": r.get("cam", earliest()), "one with its token": r.get("cam", resume(number)),
			} {
				if d := g.must(); d.number() != whole || d.blocks != 1 {
					t.Errorf("%s gets %s, want %s", name, d.number(), whole)
				}
			}
		})
	}
}

func TestAFragmentThatFailsShortOfItsSizeCutsTheConnection(t *testing.T) {
	for _, hours := range []int{24, 0} {
		t.Run(fmt.Sprint("retention ", hours), func(t *testing.T) {
			t.Parallel()
			r := start(t, nil, nil)
			r.create("cam", hours)
			good := r.put("cam", nil)
			good.mustSend(slices.Concat(header(1), cluster(1, block(1, 0, "good")), endOfFragment()))
			token := good.want("BUFFERING 1", "RECEIVED 1").FragmentNumber
			g := r.get("cam", earliest())
			g.must()
			whole := knownCluster(2, block(1, 0, "one"), block(1, 40, "two"))
			part := whole[:len(whole)-len(block(1, 40, "two"))]
			broken := r.put("cam", nil)
			broken.mustSend(slices.Concat(header(1), part))
			broken.want("BUFFERING 2")
			g.until(part)
			if err := broken.reset(); err != nil {
				t.Fatal(err)
			}
			if _, err := io.Copy(io.Discard, g.body); !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("the response ends with %v", err)
			}
			good.mustSend(slices.Concat(cluster(3, block(1, 0, "next")), endOfFragment()))
			for good.next().EventType != "RECEIVED" {
				continue
			}
			if d := r.get("cam", resume(token)).must(); !bytes.Contains(d.cluster, []byte("next")) {
				t.Errorf("after it comes %s", d.number())
			}
		})
	}
}

func TestADeletedStreamEndsItsReaders(t *testing.T) {
	for _, hours := range []int{24, 0} {
		t.Run(fmt.Sprint("retention ", hours), func(t *testing.T) {
			t.Parallel()
			r := start(t, nil, func(c *config.Server) { c.ReaderIdleTimeout = 0 })
			for _, name := range []string{"quiet", "open", "sized"} {
				r.create(name, hours)
				p := r.put(name, nil)
				p.mustSend(slices.Concat(header(1), cluster(1, block(1, 0, "first")), endOfFragment()))
				p.want("BUFFERING 1", "RECEIVED 1")
			}
			quiet := r.get("quiet", earliest())
			quiet.must()
			edge := r.get("quiet", now())

			open, sized := r.put("open", nil), r.put("sized", nil)
			frames := cluster(2, block(1, 0, "second"))
			open.mustSend(slices.Concat(header(1), frames))
			inOpen := r.get("open", now())
			inOpen.until(frames)
			part := knownCluster(2, block(1, 0, "second"), block(1, 40, "third"))
			part = part[:len(part)-len(block(1, 40, "third"))]
			sized.mustSend(slices.Concat(header(1), part))
			inSized := r.get("sized", now())
			inSized.until(part)

			for _, name := range []string{"quiet", "open", "sized"} {
				if status, out := r.call("/deleteStream", map[string]any{"StreamARN": r.arn(name)}); status != http.StatusOK {
					t.Fatalf("delete: %d %v", status, out)
				}
			}
			for name, g := range map[string]*get{"behind a fragment": quiet, "at the edge": edge} {
				if docs := g.all(); len(docs) != 0 {
					t.Errorf("%s: %d documents", name, len(docs))
				}
			}
			if docs := inOpen.all(); len(docs) != 1 || docs[0].blocks != 0 {
				t.Errorf("in a fragment that was open: %d documents", len(docs))
			}
			if _, err := io.Copy(io.Discard, inSized.body); !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("in a fragment of known size: %v", err)
			}
			for _, p := range []*put{open, sized} {
				p.want("BUFFERING 2", "ERROR 2 4507 STREAM_DELETED")
				if rest := p.rest(); len(rest) != 0 || p.failed != nil {
					t.Errorf("then the producer is told %v, %v", rest, p.failed)
				}
			}
			r.wantNothingOf(t, "quiet", hours)
		})
	}
}

// wantNothingOf checks that a stream that was deleted is not there, and that
// one of the same name begins empty.
func (r *rig) wantNothingOf(t *testing.T, name string, hours int) {
	t.Helper()
	if _, err := r.tryGet(name, earliest()); err == nil || !bytes.Contains([]byte(err.Error()), []byte("404")) {
		t.Errorf("a reader of a stream that is gone: %v", err)
	}
	for { // the name is free when the deletion is over
		status, _ := r.call("/createStream", map[string]any{"StreamName": name, "DataRetentionInHours": hours})
		if status == http.StatusOK {
			break
		}
	}
	p := r.put(name, nil)
	p.mustSend(slices.Concat(header(1), cluster(7, block(1, 0, "new")), endOfFragment()))
	want := p.want("BUFFERING 7", "RECEIVED 7").FragmentNumber
	if d := r.get(name, earliest()).must(); d.number() != want {
		t.Errorf("the new stream begins with %s, want %s", d.number(), want)
	}
}

func TestWithoutRetentionAFragmentLivesForFiveMinutes(t *testing.T) {
	m := newTimetable(t, 0, nil)
	m.wantFrom(t, earliest(), 0)
	late := stop{10_000 + 5*60_000, 1} // the first two are five minutes old
	m.arrive(late)
	m.wantFrom(t, earliest(), 2)
	m.wantFrom(t, afterNumber(m.numbers[0]), 2)
	m.wantFrom(t, serverTime(m.at(0)), 2)
	m.restart()
	m.numbers = nil
	g := m.get(m.stream, earliest())
	m.arrive(stop{400_000, 2})
	if d := g.must(); d.number() != m.numbers[0] {
		t.Errorf("after a restart there is %s", d.number())
	}
}
