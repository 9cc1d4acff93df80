package server_test

import (
	"bytes"
	"cmp"
	"fmt"
	"net"
	"regexp"
	"slices"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/millrace/millrace"
)

// A receipt is one fragment that a capture has left in a stream.
type receipt struct {
	capture *capture
	index   int
	number  string // empty while it is not known: some clients are not told
}

func (r receipt) slice() slice { return r.capture.slices[r.index] }

// finish reads the acknowledgements of a call to their end and checks them. It
// returns a receipt for each fragment that began.
func (c *capture) finish(t *testing.T, p *put, hours int) []receipt {
	t.Helper()
	out := make([]receipt, len(c.slices))
	for i := range out {
		out[i] = receipt{capture: c, index: i}
	}
	acks := p.rest()
	p.close()
	if p.failed != nil {
		t.Fatalf("answer: %v", p.failed)
	}
	if c.quiet() {
		if len(acks) != 0 {
			t.Fatalf("acks that were not wished: %v", acks)
		}
		return out
	}
	arrival, durable := c.events(hours)
	var arrived, persisted []string
	for _, a := range acks {
		if a.EventType == "PERSISTED" {
			persisted = append(persisted, a.String())
		} else {
			arrived = append(arrived, a.String())
		}
		c.checkAck(t, a, out)
	}
	if !slices.Equal(arrived, arrival) || !slices.Equal(persisted, durable) {
		t.Fatalf("acks = %v\n%v\nwant %v\n%v", arrived, persisted, arrival, durable)
	}
	checkOrder(t, acks)
	return out
}

// events are the acks that a call should get: those of its arrival and those of
// its commits.
func (c *capture) events(hours int) (arrival, durable []string) {
	for i, f := range c.expect.Fragments {
		arrival = append(arrival, fmt.Sprint("BUFFERING ", f.Timecode))
		if i == len(c.slices)-1 && !c.expect.CleanEnd {
			return append(arrival, fmt.Sprint("ERROR ", f.Timecode, " 4000 STREAM_READ_ERROR")), durable
		}
		arrival = append(arrival, fmt.Sprint("RECEIVED ", f.Timecode))
		if hours > 0 {
			durable = append(durable, fmt.Sprint("PERSISTED ", f.Timecode))
		}
	}
	return arrival, durable
}

// checkAck checks the form of an ack and notes the number of its fragment.
func (c *capture) checkAck(t *testing.T, a ack, receipts []receipt) {
	t.Helper()
	form := regexp.MustCompile(`^\{"EventType":"[A-Z]+","FragmentTimecode":[0-9]+,"FragmentNumber":"[0-9]{47}"(,"ErrorId":[0-9]+,"ErrorCode":"[A-Z_]+")?\}\n$`)
	if !form.MatchString(a.raw) {
		t.Errorf("ack = %q", a.raw)
	}
	for i, f := range c.expect.Fragments {
		if a.FragmentTimecode == nil || f.Timecode != *a.FragmentTimecode {
			continue
		}
		switch r := &receipts[i]; {
		case r.number == "":
			r.number = a.FragmentNumber
		case r.number != a.FragmentNumber:
			t.Errorf("fragment %d has numbers %s and %s", i, r.number, a.FragmentNumber)
		}
		if i > 0 && receipts[i].number <= receipts[i-1].number {
			t.Errorf("number %s follows %s", receipts[i].number, receipts[i-1].number)
		}
	}
}

// checkOrder checks that nothing is PERSISTED before it is RECEIVED, and that
// an ERROR is the last word.
func checkOrder(t *testing.T, acks []ack) {
	t.Helper()
	received := map[string]bool{}
	for i, a := range acks {
		switch a.EventType {
		case "RECEIVED":
			received[a.FragmentNumber] = true
		case "PERSISTED":
			if !received[a.FragmentNumber] {
				t.Errorf("%s before RECEIVED", a)
			}
		case "ERROR":
			if i != len(acks)-1 {
				t.Errorf("%v after %s", acks[i+1:], a)
			}
		}
	}
}

// whole are the receipts of the fragments that are not broken off.
func (c *capture) whole(receipts []receipt) []receipt {
	if !c.expect.CleanEnd {
		return receipts[:len(receipts)-1]
	}
	return receipts
}

// follow reads a call's fragments while they are live. A call that was broken
// off is broken off here.
func (c *capture) follow(t *testing.T, live *get, p *put) []receipt {
	t.Helper()
	if !c.expect.CleanEnd {
		return c.followTo(t, live, p.breakOff)
	}
	out := make([]receipt, len(c.slices))
	for i := range out {
		out[i] = receipt{capture: c, index: i}
		checkDocument(t, live.must(), &out[i])
	}
	return out
}

// followTo reads a call's fragments while they are live. When the last frame
// has come, breakOff breaks the connection: a reader that is not there yet
// would not see a fragment that has failed, and a reset takes away what is
// under way.
func (c *capture) followTo(t *testing.T, live *get, breakOff func() error) []receipt {
	t.Helper()
	out := make([]receipt, len(c.slices))
	for i := range out {
		out[i] = receipt{capture: c, index: i}
		if i < len(out)-1 {
			checkDocument(t, live.must(), &out[i])
		}
	}
	last := &out[len(out)-1]
	last.number = live.until(last.slice().cluster)
	if err := breakOff(); err != nil {
		t.Fatal(err)
	}
	if d := live.must(); d.tags["AWS_KINESISVIDEO_CONTINUATION_TOKEN"] != last.number {
		t.Errorf("the broken document ends with %v", d.tags)
	}
	return out
}

// checkDocument checks a fragment as GetMedia delivers it, byte by byte, and
// notes its number.
func checkDocument(t *testing.T, d document, r *receipt) {
	t.Helper()
	if r.number == "" {
		r.number = d.number()
	}
	n, err := millrace.ParseFragmentNumber(r.number)
	if err != nil {
		t.Fatal(err)
	}
	c, timecode := r.capture, r.capture.expect.Fragments[r.index].Timecode
	ms := n.ServerTime().UnixMilli()
	server := fmt.Sprintf("%d.%03d", ms/1000, ms%1000)
	behind := d.tags["AWS_KINESISVIDEO_MILLIS_BEHIND_NOW"]
	if !regexp.MustCompile(`^[0-9]+$`).MatchString(behind) {
		t.Errorf("behind now: %q", behind)
	}
	want := r.slice().document(r.number, server, c.producerTime(t, timecode), behind)
	if !bytes.Equal(d.raw, want) {
		t.Fatalf("fragment %d of %s: %d bytes, want %d; number %s, want %s; they differ from byte %d on",
			r.index, c.name, len(d.raw), len(want), d.number(), r.number, difference(d.raw, want))
	}
	before, after := c.tags(r.index)
	if !slices.Equal(d.leading, before) || !slices.Equal(d.trailed, after) {
		t.Errorf("fragment %d: tags %v and %v, want %v and %v", r.index, d.leading, d.trailed, before, after)
	}
}

func difference(a, b []byte) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	return min(len(a), len(b))
}

// checkKept opens the server again and checks what a stream has kept, through
// GetMedia and past it.
func checkKept(t *testing.T, r *rig, stream string, want []receipt) {
	t.Helper()
	slices.SortFunc(want, func(a, b receipt) int { return cmp.Compare(a.number, b.number) })
	r.restart()
	g := r.get(stream, earliest())
	for i := range want {
		checkDocument(t, g.must(), &want[i])
	}
	g.close()
	fragments := r.stored(stream)
	if len(fragments) != len(want) {
		t.Fatalf("%d fragments are stored, want %d", len(fragments), len(want))
	}
	for i, f := range fragments {
		checkStored(t, f, want[i])
	}
}

// checkStored checks what the store knows of a fragment against what somebody
// else found in the body.
func checkStored(t *testing.T, f *millrace.Fragment, r receipt) {
	t.Helper()
	e := r.capture.expect.Fragments[r.index]
	blocks, payload, keys := map[string]int{}, 0, 0
	first, last := int32(1<<20), int32(-1<<20)
	cluster := bytes.Join(f.Cluster, nil)
	for _, s := range f.Samples {
		blocks[fmt.Sprint(s.Track)]++
		payload += len(cluster[s.Offset:][:s.Size])
		first, last = min(first, s.Time), max(last, s.Time)
		if s.Flags&millrace.SampleKey != 0 {
			keys++
		}
	}
	incomplete := !r.capture.expect.CleanEnd && r.index == len(r.capture.slices)-1
	got := fmt.Sprintln(f.Number, f.Timecode, f.TimecodeScale, f.Sequence, blocks, payload, keys, first, last, f.Flags&millrace.FlagIncomplete != 0)
	want := fmt.Sprintln(r.number, e.Timecode, r.capture.expect.TimecodeScale, r.index, e.Blocks, e.PayloadBytes, e.Keyframes, e.MinRel, e.MaxRel, incomplete)
	if got != want {
		t.Errorf("stored: %swant:   %s", got, want)
	}
}

// A call is one of several at once.
type call struct {
	capture *capture
	head    string
}

// together makes calls on one stream at once and checks what comes of them.
func together(t *testing.T, r *rig, stream string, hours int, calls []call) {
	t.Helper()
	live := r.get(stream, earliest())
	puts := make([]*put, len(calls))
	for i, c := range calls {
		puts[i] = r.putRaw(c.head)
	}
	var g errgroup.Group
	for i, c := range calls {
		w := c.capture.randomWay(uint64(i))
		g.Go(func() error {
			err := puts[i].write(w.framed, w.pieces)
			if err == nil && !c.capture.expect.CleanEnd {
				err = puts[i].breakOff()
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	var begun []*receipt
	missing := map[string]int{} // whole fragments that the reader has not seen, by number
	var kept []receipt
	for i, c := range calls {
		receipts := c.capture.finish(t, puts[i], hours)
		for j := range receipts {
			begun = append(begun, &receipts[j])
		}
		for _, r := range c.capture.whole(receipts) {
			missing[r.number]++
		}
	}
	last := ""
	for len(missing) > 0 {
		d := live.must()
		if d.number() <= last {
			t.Fatalf("number %s after %s", d.number(), last)
		}
		last = d.number()
		r := claim(t, begun, d)
		told := r.number
		checkDocument(t, d, r)
		if missing[told] == 0 {
			continue // one that was broken off
		}
		if missing[told]--; missing[told] == 0 {
			delete(missing, told)
		}
		if hours > 0 {
			kept = append(kept, *r)
		}
	}
	live.close()
	checkKept(t, r, stream, kept)
}

// claim finds the receipt of a document: by its number, or among those of
// clients that are not told by its Cluster.
func claim(t *testing.T, receipts []*receipt, d document) *receipt {
	t.Helper()
	for _, r := range receipts {
		if r.number == d.number() || r.number == "" && bytes.Equal(r.slice().cluster, d.cluster) {
			return r
		}
	}
	t.Fatalf("fragment %s was not sent by anybody", d.number())
	return nil
}

// firstRead sends a head and returns what the first read of the answer gives.
func (r *rig) firstRead(head string) string {
	r.t.Helper()
	conn, err := net.Dial("tcp", r.address())
	if err != nil {
		r.t.Fatal(err)
	}
	defer conn.Close()
	buf := make([]byte, 4096)
	n := 0
	if _, err = conn.Write([]byte(head)); err == nil {
		n, err = conn.Read(buf)
	}
	if err != nil {
		r.t.Fatal(err)
	}
	return string(buf[:n])
}
