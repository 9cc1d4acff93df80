package server_test

import (
	"bytes"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/config"
	"github.com/millrace/millrace/internal/wire"
)

func earliest() map[string]any { return map[string]any{"StartSelectorType": "EARLIEST"} }

func TestWhatIsPutInComesOut(t *testing.T) {
	r := start(t, nil, func(c *config.Server) { c.ReaderIdleTimeout = 200 * time.Millisecond })
	r.create("cam", 24)
	p := r.put("cam", nil)
	first := cluster(5000, block(1, 0, "key"), block(1, 40, "next"))
	second := cluster(7000, block(1, 0, "second"))
	p.mustSend(slices.Concat(header(1), userTags("lead", "1"), first))
	a := p.want("BUFFERING 5000")
	p.mustSend(slices.Concat(userTags("trail", "2"), second))
	p.want("RECEIVED 5000", "BUFFERING 7000", "PERSISTED 5000")
	p.mustSend(endOfFragment())
	p.want("RECEIVED 7000", "PERSISTED 7000")
	p.end()
	if rest := p.rest(); len(rest) != 0 || p.failed != nil {
		t.Errorf("after the end: %v, %v", rest, p.failed)
	}
	for _, again := range []bool{false, true} {
		if again {
			r.restart()
		}
		docs := r.get("cam", earliest()).all()
		if len(docs) != 2 {
			t.Fatalf("%d documents", len(docs))
		}
		d := docs[0]
		if !bytes.Equal(d.cluster, first) || !bytes.Equal(docs[1].cluster, second) {
			t.Errorf("clusters are not what was sent: %x", d.cluster)
		}
		if d.number() != a.FragmentNumber || d.tags["lead"] != "1" || d.tags["trail"] != "2" || docs[1].tags["lead"] != "" {
			t.Errorf("tags: %v", d.tags)
		}
		if d.tags["AWS_KINESISVIDEO_PRODUCER_TIMESTAMP"] != "5.000" || d.tags["AWS_KINESISVIDEO_CONTINUATION_TOKEN"] != d.number() {
			t.Errorf("tags: %v", d.tags)
		}
	}
}

func TestAReaderSeesAFrameWhileItsFragmentIsOpen(t *testing.T) {
	r := start(t, nil, nil)
	r.create("cam", 24)
	g := r.get("cam", map[string]any{"StartSelectorType": "NOW"})
	p := r.put("cam", nil)
	p.mustSend(slices.Concat(header(1), cluster(1000, block(1, 0, "first"))))
	for _, payload := range []string{"first", "second", "third"} {
		if payload != "first" {
			p.mustSend(block(1, 40, payload))
		}
		for {
			e, err := g.reader.Next()
			if err != nil {
				t.Fatal(err)
			}
			if bytes.HasSuffix(e.Raw, []byte(payload)) {
				break
			}
		}
	}
}

func TestRetentionZeroLivesInMemory(t *testing.T) {
	r := start(t, nil, nil)
	r.create("live", 0)
	p := r.put("live", nil)
	p.mustSend(slices.Concat(header(1), cluster(1, block(1, 0, "a")), cluster(2, block(1, 0, "b")), endOfFragment()))
	p.want("BUFFERING 1", "RECEIVED 1", "BUFFERING 2", "RECEIVED 2")
	p.end()
	if rest := p.rest(); len(rest) != 0 {
		t.Errorf("acks of a stream without retention: %v", rest)
	}
	g := r.get("live", earliest())
	if a, b := g.must(), g.must(); a.blocks != 1 || b.blocks != 1 {
		t.Errorf("%d, %d blocks", a.blocks, b.blocks)
	}
}

func TestACallThatCannotStartIsRefused(t *testing.T) {
	r := start(t, nil, nil)
	r.create("cam", 24)
	for name, tc := range map[string]struct {
		stream string
		header http.Header
		status int
		kind   string
	}{
		"no such stream":           {"other", nil, 404, "ResourceNotFoundException"},
		"no timecode type":         {"cam", http.Header{wire.HeaderTimecodeType: {""}}, 400, "InvalidArgumentException"},
		"an unknown timecode type": {"cam", http.Header{wire.HeaderTimecodeType: {"SOMETIMES"}}, 400, "InvalidArgumentException"},
		"a start that is no time":  {"cam", http.Header{wire.HeaderProducerStart: {"noon"}}, 400, "InvalidArgumentException"},
		"a name that is none":      {"a b", nil, 400, "InvalidArgumentException"},
	} {
		t.Run(name, func(t *testing.T) {
			p := r.put(tc.stream, tc.header)
			if p.status != tc.status || !bytes.HasPrefix([]byte(p.failed.Error()), []byte(tc.kind)) {
				t.Errorf("%d %v, want %d %s", p.status, p.failed, tc.status, tc.kind)
			}
		})
	}
}
