package fragment_test

import (
	"bytes"
	"errors"
	"io"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/fragment"
	"github.com/millrace/millrace/mkv"
)

// An auditor is a Sink that holds an Assembler to the order of its calls, and
// the fragments to the body that they were made of.
type auditor struct {
	body    []byte
	limits  fragment.Limits
	state   string // "", "open", "received" or "aborted"
	begin   fragment.Begin
	cluster []byte
	at      int // end of the last Cluster in the body
	done    int
	kept    bool // the Assembler was told that the fragment is
	faults  []string
}

func (a *auditor) fault(what string) { a.faults = append(a.faults, what) }

func (a *auditor) from(states string, to string) {
	if !strings.Contains(states, "|"+a.state+"|") {
		a.fault("from " + a.state + " to " + to)
	}
	a.state = to
}

func (a *auditor) Begin(b fragment.Begin) error {
	a.from("||", "open")
	a.begin, a.cluster = b, bytes.Clone(b.Prefix)
	if b.Header == nil || len(b.Header.Bytes) == 0 || int64(len(b.Header.Bytes)) > a.limits.MaxHeader {
		a.fault("header")
	}
	if a.kept = b.Identified && b.Identity.Sequence%2 == 0; a.kept {
		return fragment.ErrKept
	}
	if b.ProducerTime.Before(time.UnixMilli(0)) || b.ProducerTime.Year() > 9999 {
		a.fault("producer time")
	}
	return nil
}

func (a *auditor) Append(p []byte) error {
	a.from("|open|", "open")
	a.cluster = append(a.cluster, p...)
	return nil
}

func (a *auditor) Received() error {
	a.from("|open|", "received")
	return nil
}

func (a *auditor) Finish(f fragment.Finish) error {
	if f.Flags&millrace.FlagIncomplete != 0 {
		if a.begin.Identified {
			a.fault("an identified fragment is kept in part")
		}
		a.from("|open|", "")
	} else {
		a.from("|received|", "")
	}
	a.done++
	if a.kept && len(f.Samples) > 0 {
		a.fault("samples of what is kept")
	}
	at := bytes.Index(a.body[a.at:], a.cluster)
	if at < 0 {
		a.fault("the cluster is not in the body")
	} else {
		a.at += at + len(a.cluster)
	}
	if int64(len(a.begin.Leading)+len(a.cluster)+len(f.Trailing)) > a.limits.MaxSize+a.limits.MaxHeader {
		a.fault("too large")
	}
	if f.Duration < 0 || f.Duration > 2*a.limits.MaxDuration {
		a.fault("duration " + f.Duration.String())
	}
	for _, s := range f.Samples {
		if uint64(s.Offset)+uint64(s.Size) > uint64(len(a.cluster)) || s.Time < math.MinInt16 || s.Time > math.MaxInt16 {
			a.fault("sample")
		}
	}
	return nil
}

func (a *auditor) Abort() error {
	a.from("|open|received|", "aborted")
	return nil
}

func (a *auditor) Condemned(fragment.Begin) error {
	a.from("||aborted|", "aborted")
	return nil
}

// fuzzLimits are small, so that small bodies meet them.
func fuzzLimits() fragment.Limits {
	return fragment.Limits{MaxSize: 4000, MaxHeader: 2000, MaxBlocks: 20}.WithDefaults()
}

// FuzzAssembler reads any bytes: it must not panic, must call its Sink in order,
// must keep to its limits, and must pass on the bytes of Clusters as they were.
func FuzzAssembler(f *testing.F) {
	block := simpleBlock(1, 0, 0x80, "x")
	f.Add([]byte{}, byte(0))
	f.Add(document(cluster(0, block), cluster(5, block, group(1, 3, "yz")), tags(2, "v"), endTag(), tags(1, "w"), cluster(6, block)), byte(0))
	f.Add(concat(ebml(), segment(), tags(1, "a"), tracks(1, 2), tags(1, "b"), cluster(0, block, simpleBlock(2, 1, 0, "y"))), byte(1))
	f.Add(concat(document(cluster(0, block)), document(cluster(0, block))), byte(2))
	f.Add(document(cluster(5, block), cluster(4, block), cluster(6, simpleBlock(7, 0, 0, "y"))), byte(3))
	f.Add(concat(document(cluster(0, block, simpleBlock(1, 30000, 0, ""))), []byte("\x1f\x43\xb6\x75\x08\x40\x00\x00\x00\xe7\x81\x00")), byte(4))
	f.Add(document(identified(0, 5, block), identified(1, 6, block), cluster(2, block), identified(3, 7, block)[:90]), byte(64))
	f.Add(document(identified(0, 5, block), broken2(identified(1, 6, block))), byte(64+32))
	for _, name := range []string{"events", "metadata-eofr", "known-sizes-mkvmerge"} {
		if body, err := os.ReadFile("../../testdata/putmedia/" + name + ".body.mkv"); err == nil {
			f.Add(body[:min(len(body), 4000)], byte(0))
		}
	}
	f.Fuzz(func(t *testing.T, body []byte, how byte) {
		l := fuzzLimits()
		l.AllowHeaders, l.AllowMissing = how&2 != 0, how&4 != 0
		sink := &auditor{body: body, limits: l}
		a := fragment.NewAssembler(fragment.Config{
			Limits: l, Sink: sink, TagKind: tagKind, Relative: how&1 != 0, Start: time.UnixMilli(1_700_000_000_000),
			Identified: how&64 != 0,
		})
		err := read(a, body)
		if err == nil {
			err = a.Close(how&8 == 0, how&16 != 0)
		} else if how&32 != 0 {
			_ = a.Close(false, how&16 != 0) // a session does this when its connection breaks
		}
		if e := new(millrace.Error); err != nil && !errors.As(err, &e) {
			t.Errorf("error without a code: %v", err)
		}
		if sink.state == "open" || sink.state == "received" {
			if err != nil && how&32 != 0 || err == nil {
				sink.fault("left " + sink.state)
			}
		}
		for _, s := range sink.faults {
			t.Error(s)
		}
	})
}

// read feeds an Assembler to the end of the body or to its first fault.
func read(a *fragment.Assembler, body []byte) error {
	r := mkv.NewReader(bytes.NewReader(body), a.ReaderOptions())
	for {
		e, err := r.Next()
		if errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return nil
		}
		if err != nil {
			return a.ReadFault(err)
		}
		if err := a.Add(e); err != nil {
			return err
		}
	}
}
