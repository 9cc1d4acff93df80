package server_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/config"
	"github.com/millrace/millrace/internal/wire"
	"github.com/millrace/millrace/mkv"
)

// oneBlock is a block of track 1.
func oneBlock() []byte { return block(1, 0, "payload") }

// gigabyte is an element of a kind that declares 1 GB.
func gigabyte(id mkv.ElementID) []byte {
	return append(mkv.AppendID(nil, id), 0x08, 0x40, 0, 0, 0)
}

// A faultCase is a body that a session ends upon.
type faultCase struct {
	name   string
	change func(*config.Server)
	before []byte   // up to the fault's moment
	acks   []string // of before; the store's are left out
	fault  []byte   // at which the session ends
	plain  []byte   // the same, outside of transfer chunks
	ending ending   // of the body
	late   []string // acks between before and the ERROR, the store's left out
	want   string   // the ERROR
	kept   int      // fragments that can be read afterwards
}

type ending uint8

const (
	goesOn    ending = iota // the client sends no more and waits
	zeroChunk               // it ends the body
	halfClose               // it closes its side of the connection
)

// faultCases are the faults of a body that a client can commit.
func faultCases() []faultCase {
	var (
		one      = slices.Concat(header(1), cluster(1000, oneBlock()), endOfFragment())
		oneAcks  = []string{"BUFFERING 1000", "RECEIVED 1000"}
		two      = slices.Concat(header(1), cluster(1000, oneBlock()), cluster(2000, oneBlock()))
		twoAcks  = []string{"BUFFERING 1000", "RECEIVED 1000", "BUFFERING 2000"}
		later    = cluster(9000, oneBlock())
		many     = func(n int) []byte { return userTags(slices.Repeat([]string{"name", "value"}, n)...) }
		small    = func(c *config.Server) { c.MaxFragmentDuration = time.Second }
		noBlocks = mkv.AppendUnknownSize(mkv.AppendID(nil, mkv.IDCluster), 1)
		large    = func(size int) []byte { return block(1, 0, strings.Repeat("x", size)) }
	)
	const (
		read     = " 4000 STREAM_READ_ERROR"
		size     = " 4001 MAX_FRAGMENT_SIZE_REACHED"
		duration = " 4002 MAX_FRAGMENT_DURATION_REACHED"
		order    = " 4004 FRAGMENT_TIMECODE_LESSER_THAN_PREVIOUS"
		invalid  = " 4006 INVALID_MKV_DATA"
		producer = " 4007 INVALID_PRODUCER_TIMESTAMP"
		metadata = " 4009 FRAGMENT_METADATA_LIMIT_REACHED"
		number   = " 4010 TRACK_NUMBER_MISMATCH"
		missing  = " 4011 FRAMES_MISSING_FOR_TRACK"
		tracks   = " 4012 MORE_THAN_ALLOWED_TRACKS_FOUND"
	)
	return []faultCase{
		{name: "4000 transfer chunks that are none", before: two, acks: twoAcks, plain: []byte("no chunk\r\n"), want: "ERROR 2000" + read, kept: 1},
		{name: "4000 a chunk that is longer than it says", before: two, acks: twoAcks, plain: []byte("1\r\n\xa3\x85\r\n"), want: "ERROR 2000" + read, kept: 1},
		{name: "4000 a body that breaks off in a fragment", before: two, acks: twoAcks, ending: halfClose, want: "ERROR 2000" + read, kept: 1},
		{name: "4000 a body that breaks off in a block", before: two, acks: twoAcks, fault: []byte{0xa3, 0x90, 0x81}, ending: halfClose, want: "ERROR 2000" + read, kept: 1},
		{name: "4000 a body that breaks off between fragments", before: one, acks: oneAcks, ending: halfClose, want: "ERROR" + read, kept: 1},

		{name: "4001 a Cluster that declares too much, at its timecode", before: one, acks: oneAcks, fault: mkv.AppendUint(gigabyte(mkv.IDCluster), mkv.IDTimecode, 2000), want: "ERROR 2000" + size, kept: 1},
		{name: "4001 a block that declares too much", before: two, acks: twoAcks, fault: gigabyte(mkv.IDSimpleBlock), want: "ERROR 2000" + size, kept: 1},
		{name: "4001 blocks that come to too much", before: slices.Concat(two, large(30_000_000)), acks: twoAcks, fault: large(20_000_000), want: "ERROR 2000" + size, kept: 1},

		{name: "4002 a fragment that spans too long, at its end", change: small, before: slices.Concat(two, block(1, 1001, "x"), block(1, 1002, "y")), acks: twoAcks, fault: later, want: "ERROR 2000" + duration, kept: 1},

		{name: "4004 a timecode below the last, at the fragment's end", before: slices.Concat(two, cluster(1999, oneBlock(), oneBlock())), acks: append(twoAcks, "RECEIVED 2000"), fault: later, want: "ERROR 1999" + order, kept: 2},
		{name: "4004 at the end of the body", before: slices.Concat(two, cluster(1999, oneBlock())), acks: append(twoAcks, "RECEIVED 2000"), ending: zeroChunk, want: "ERROR 1999" + order, kept: 2},

		{name: "4000 no Matroska at all", fault: []byte("\x00 not Matroska"), want: "ERROR" + read},
		{name: "4006 a header and no fragment", before: header(1), ending: zeroChunk, want: "ERROR" + invalid},
		{name: "4006 a Cluster before Tracks", before: header()[:len(header())-5], fault: cluster(1000), want: "ERROR" + invalid},
		{name: "4006 a second header", before: two, acks: twoAcks, fault: header(1), late: []string{"RECEIVED 2000"}, want: "ERROR" + invalid, kept: 2},
		{name: "4006 a Cluster without a timecode", before: one, acks: oneAcks, fault: slices.Concat(noBlocks, later), want: "ERROR" + invalid, kept: 1},
		{name: "4006 a block before the timecode", before: one, acks: oneAcks, fault: slices.Concat(noBlocks, oneBlock()), want: "ERROR" + invalid, kept: 1},
		{name: "4006 a second timecode", before: two, acks: twoAcks, fault: mkv.AppendUint(nil, mkv.IDTimecode, 7), want: "ERROR 2000" + invalid, kept: 1},
		{name: "4006 a block that is none", before: two, acks: twoAcks, fault: []byte{0xa3, 0x81, 0x81}, want: "ERROR 2000" + invalid, kept: 1},
		{name: "4006 an id that is none", before: two, acks: twoAcks, fault: []byte{0}, want: "ERROR 2000" + invalid, kept: 1},
		{name: "4006 an unknown size where it cannot be", before: one, acks: oneAcks, fault: []byte("\x12\x54\xc3\x67\xff"), want: "ERROR" + invalid, kept: 1},
		{name: "4006 an element that overruns its Cluster", before: one, acks: oneAcks, fault: []byte("\x1f\x43\xb6\x75\x8a\xe7\x82\x07\xd0\xa3\x90"), late: []string{"BUFFERING 2000"}, want: "ERROR 2000" + invalid, kept: 1},
		{name: "4006 a body that ends in a block", before: two, acks: twoAcks, fault: []byte{0xa3, 0x90, 0x81}, ending: zeroChunk, want: "ERROR 2000" + invalid, kept: 1},
		{name: "4006 tags that declare 1 GB", before: one, acks: oneAcks, fault: gigabyte(mkv.IDTags), want: "ERROR" + invalid, kept: 1},
		{name: "4006 an EBML header that declares 1 GB", fault: gigabyte(mkv.IDEBML), want: "ERROR" + invalid},
		{name: "4006 Tracks that declare 1 GB", before: header()[:len(header())-5], fault: gigabyte(mkv.IDTracks), want: "ERROR" + invalid},
		{name: "4006 no tracks", fault: header(), want: "ERROR" + invalid},

		{name: "4007 a timecode beyond all time, at the fragment's end", before: slices.Concat(one, cluster(1<<60, oneBlock())), acks: oneAcks, fault: later, want: fmt.Sprint("ERROR ", 1<<60) + producer, kept: 1},

		{name: "4009 too many tags before a fragment, at its end", before: slices.Concat(one, many(11), cluster(2000, oneBlock())), acks: oneAcks, fault: later, want: "ERROR 2000" + metadata, kept: 1},
		{name: "4009 too many tags behind a fragment", before: two, acks: twoAcks, fault: many(11), late: []string{"RECEIVED 2000"}, want: "ERROR 2000" + metadata, kept: 1},
		{name: "4009 a name that is too long", before: two, acks: twoAcks, fault: userTags(strings.Repeat("n", 129), ""), late: []string{"RECEIVED 2000"}, want: "ERROR 2000" + metadata, kept: 1},
		{name: "4009 a value that is too long", before: two, acks: twoAcks, fault: userTags("n", strings.Repeat("v", 257)), late: []string{"RECEIVED 2000"}, want: "ERROR 2000" + metadata, kept: 1},

		{name: "4010 a track that is not there", before: two, acks: twoAcks, fault: block(2, 0, "x"), want: "ERROR 2000" + number, kept: 1},
		{name: "4011 a track without a frame, at the fragment's end", before: slices.Concat(header(1, 2), cluster(1000, oneBlock(), block(2, 0, "x")), cluster(2000, oneBlock())), acks: twoAcks, fault: later, want: "ERROR 2000" + missing, kept: 1},
		{name: "4012 four tracks", fault: header(1, 2, 3, 4), want: "ERROR" + tracks},
	}
}

func TestAFaultyBodyIsToldOfExactly(t *testing.T) {
	for _, tc := range faultCases() {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			r := start(t, nil, tc.change)
			r.create("cam", 24)
			p := r.put("cam", nil)
			p.mustSend(tc.before)
			got := p.without("PERSISTED", tc.acks...)
			if len(tc.fault) > 0 {
				p.mustSend(tc.fault)
			}
			if _, err := p.conn.Write(tc.plain); err != nil {
				t.Fatal(err)
			}
			p.endAs(t, tc.ending)
			kept := p.wantError(t, append(got, p.rest()...), slices.Concat(tc.acks, tc.late), tc.want, tc.kept)
			r.wantReadable(t, "cam", kept)
		})
	}
}

// without reads as many acks as are wanted, and checks them; those of a kind do
// not count.
func (p *put) without(kind string, want ...string) (all []ack) {
	p.t.Helper()
	for len(want) > 0 {
		a := p.next()
		all = append(all, a)
		if a.EventType == kind {
			continue
		}
		if a.String() != want[0] {
			p.t.Fatalf("ack = %s, want %s", a, want[0])
		}
		want = want[1:]
	}
	return all
}

func (p *put) endAs(t *testing.T, e ending) {
	t.Helper()
	switch e {
	case zeroChunk:
		p.end()
	case halfClose:
		if err := p.conn.(*net.TCPConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
	}
}

// wantError checks the whole answer of a session that ended with an ERROR: the
// acks in order, PERSISTED for the first kept fragments, the ERROR last and
// exact, the end of the answer, and of the connection. It returns the numbers of
// what is PERSISTED.
func (p *put) wantError(t *testing.T, acks []ack, want []string, fault string, kept int) (persisted []string) {
	t.Helper()
	if p.failed != nil {
		t.Errorf("the answer did not end well: %v", p.failed)
	}
	numbers := map[uint64]string{}
	var others []string
	for _, a := range acks {
		if a.FragmentTimecode != nil && a.EventType == "BUFFERING" {
			numbers[*a.FragmentTimecode] = a.FragmentNumber
		}
		if a.EventType == "PERSISTED" {
			persisted = append(persisted, a.FragmentNumber)
			continue
		}
		others = append(others, a.String())
	}
	if want := append(slices.Clone(want), fault); !slices.Equal(others, want) {
		t.Fatalf("acks = %q\nwant %q", others, want)
	}
	last := acks[len(acks)-1]
	if last.EventType != "ERROR" {
		t.Errorf("%s behind the ERROR", last)
	}
	if len(persisted) != kept {
		t.Errorf("%d fragments are PERSISTED, want %d", len(persisted), kept)
	}
	p.checkRaw(t, last, numbers)
	if err := p.conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if n, err := p.conn.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("the connection is not closed: %d bytes, %v", n, err)
	}
	return persisted
}

// checkRaw checks the bytes of an ERROR: members, order, number.
func (p *put) checkRaw(t *testing.T, a ack, numbers map[uint64]string) {
	t.Helper()
	want := fmt.Sprintf(`{"EventType":"ERROR","ErrorId":%d,"ErrorCode":"%s"}`+"\n", a.ErrorId, a.ErrorCode)
	if a.FragmentTimecode != nil {
		want = fmt.Sprintf(`{"EventType":"ERROR","FragmentTimecode":%d,"FragmentNumber":"%s","ErrorId":%d,"ErrorCode":"%s"}`+"\n",
			*a.FragmentTimecode, a.FragmentNumber, a.ErrorId, a.ErrorCode)
		known, ok := numbers[*a.FragmentTimecode]
		if ok && known != a.FragmentNumber || len(a.FragmentNumber) != 47 {
			t.Errorf("the ERROR is of %q, and the fragment is %q", a.FragmentNumber, known)
		}
	}
	if a.raw != want {
		t.Errorf("ERROR = %q\nwant    %q", a.raw, want)
	}
}

// wantReadable checks that a stream holds exactly what was PERSISTED.
func (r *rig) wantReadable(t *testing.T, stream string, kept []string) {
	t.Helper()
	if got := r.readable(stream); !slices.Equal(got, kept) {
		t.Errorf("readable are %v, PERSISTED were %v", got, kept)
	}
}

// readable returns the numbers of what a stream holds. It puts one fragment
// more into it, to know where the end is.
func (r *rig) readable(stream string) (numbers []string) {
	r.t.Helper()
	p := r.put(stream, nil)
	p.mustSend(slices.Concat(header(1), userTags("the", "end"), cluster(0, oneBlock())))
	p.end()
	p.rest()
	g := r.get(stream, earliest())
	for {
		d := g.must()
		if d.tags["the"] == "end" {
			return numbers
		}
		numbers = append(numbers, d.number())
	}
}

func TestASessionOfZeroRetentionIsToldOfItsFault(t *testing.T) {
	r := start(t, nil, nil)
	r.create("live", 0)
	p := r.put("live", nil)
	p.mustSend(slices.Concat(header(1), cluster(1, oneBlock()), cluster(2, block(7, 0, "x"))))
	p.wantError(t, p.rest(), []string{"BUFFERING 1", "RECEIVED 1", "BUFFERING 2"}, "ERROR 2 4010 TRACK_NUMBER_MISMATCH", 0)
	if n := len(r.readable("live")); n != 1 {
		t.Errorf("%d fragments can be read", n)
	}
}

func TestAClientWithoutAcksIsToldOfItsFault(t *testing.T) {
	r := start(t, nil, nil)
	r.create("cam", 24)
	p := r.put("cam", map[string][]string{wire.HeaderAckRequired: {"0"}})
	p.mustSend(slices.Concat(header(1), cluster(1, oneBlock()), cluster(2, block(7, 0, "x"))))
	p.wantError(t, p.rest(), nil, "ERROR 2 4010 TRACK_NUMBER_MISMATCH", 0)
	if n := len(r.readable("cam")); n != 1 {
		t.Errorf("%d fragments can be read", n)
	}
}

func TestASessionEndsAtItsGreatestAge(t *testing.T) {
	r := start(t, nil, func(c *config.Server) { c.MaxConnectionAge = 300 * time.Millisecond })
	r.create("cam", 24)
	middle, between := r.put("cam", nil), r.put("cam", nil)
	between.mustSend(slices.Concat(header(1), cluster(1, oneBlock()), endOfFragment()))
	kept := between.wantError(t, between.rest(), []string{"BUFFERING 1", "RECEIVED 1"}, "ERROR 4003 MAX_CONNECTION_DURATION_REACHED", 1)
	middle.wantError(t, middle.rest(), nil, "ERROR 4003 MAX_CONNECTION_DURATION_REACHED", 0)
	p := r.put("cam", nil)
	p.mustSend(slices.Concat(header(1), cluster(1, oneBlock()), cluster(2, oneBlock())))
	kept = append(kept, p.wantError(t, p.rest(), []string{"BUFFERING 1", "RECEIVED 1", "BUFFERING 2"}, "ERROR 2 4003 MAX_CONNECTION_DURATION_REACHED", 1)...)
	r.wantReadable(t, "cam", kept)
}

func TestTheSeventeenthSessionEndsTheIdlest(t *testing.T) {
	r := start(t, nil, nil)
	r.create("cam", 24)
	r.create("other", 24)
	elsewhere := r.put("other", nil)
	var calls []*put
	for range 16 {
		calls = append(calls, r.put("cam", nil))
	}
	calls[0].mustSend(slices.Concat(header(1), cluster(1, oneBlock()))) // so that the second is the idlest
	calls[0].want("BUFFERING 1")
	newest := r.put("cam", nil)
	calls[1].wantError(t, calls[1].rest(), nil, "ERROR 4003 MAX_CONNECTION_DURATION_REACHED", 0)
	for i, p := range append(calls, newest, elsewhere) {
		if p == calls[1] {
			continue
		}
		if p == calls[0] {
			p.mustSend(endOfFragment())
			p.want("RECEIVED 1", "PERSISTED 1")
		} else {
			p.mustSend(slices.Concat(header(1), cluster(2, oneBlock()), endOfFragment()))
			p.want("BUFFERING 2", "RECEIVED 2", "PERSISTED 2")
		}
		p.end()
		if rest := p.rest(); len(rest) != 0 || p.failed != nil {
			t.Errorf("session %d: %v, %v", i, rest, p.failed)
		}
	}
}

func TestADeletedStreamEndsItsSessions(t *testing.T) {
	r := start(t, nil, nil)
	r.create("cam", 24)
	silent, between, middle := r.put("cam", nil), r.put("cam", nil), r.put("cam", nil)
	middle.mustSend(slices.Concat(header(1), cluster(1, oneBlock())))
	between.mustSend(slices.Concat(header(1), cluster(1, oneBlock()), endOfFragment()))
	middle.want("BUFFERING 1")
	before := between.without("PERSISTED", "BUFFERING 1", "RECEIVED 1")
	if before[len(before)-1].EventType != "PERSISTED" {
		before = append(before, between.want("PERSISTED 1"))
	}
	reader := r.get("cam", earliest())
	if status, out := r.call("/deleteStream", map[string]any{"StreamARN": r.arn("cam")}); status != 200 {
		t.Fatalf("delete: %d %v", status, out)
	}
	const deleted = " 4507 STREAM_DELETED"
	silent.wantError(t, silent.rest(), nil, "ERROR"+deleted, 0)
	between.wantError(t, append(before, between.rest()...), []string{"BUFFERING 1", "RECEIVED 1"}, "ERROR"+deleted, 1)
	middle.wantError(t, middle.rest(), nil, "ERROR 1"+deleted, 0)
	reader.all() // ends in good order
	late, _ := r.tryPut(r.putHead("cam", nil))
	if late.status != 404 {
		t.Errorf("a session on a stream that is gone: %d", late.status)
	}
}

func (r *rig) arn(name string) string {
	r.t.Helper()
	_, out := r.call("/describeStream", map[string]any{"StreamName": name})
	return out["StreamInfo"].(map[string]any)["StreamARN"].(string)
}

func TestAStoreThatFailsMakesClientsSendAgain(t *testing.T) {
	r := start(t, nil, nil)
	r.create("cam", 24)
	packs := filepath.Join(r.cfg.Data, "packs")
	away := packs + ".away"
	if err := os.Rename(packs, away); err != nil {
		t.Fatal(err)
	}
	body := slices.Concat(header(1), cluster(1, oneBlock()), cluster(2, oneBlock()), endOfFragment())
	p := r.put("cam", nil)
	p.mustSend(body)
	acks := p.rest()
	if p.failed != nil {
		t.Error(p.failed)
	}
	last := acks[len(acks)-1]
	if got := last.String(); got != "ERROR 1 5001 ARCHIVAL_ERROR" || last.FragmentNumber != acks[0].FragmentNumber {
		t.Errorf("the last ack is %s of %s", got, last.FragmentNumber)
	}
	for _, a := range acks {
		if a.EventType == "PERSISTED" {
			t.Errorf("%s: nothing was stored", a)
		}
	}
	if err := os.Rename(away, packs); err != nil {
		t.Fatal(err)
	}
	p = r.put("cam", nil) // the client sends it again
	p.mustSend(body)
	p.end()
	var kept []string
	for _, a := range p.rest() {
		if a.EventType == "PERSISTED" {
			kept = append(kept, a.FragmentNumber)
		}
	}
	if len(kept) != 2 {
		t.Errorf("%d fragments stored once the store is back", len(kept))
	}
	r.wantReadable(t, "cam", kept)
}
