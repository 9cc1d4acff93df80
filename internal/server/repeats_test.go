package server_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/config"
	"github.com/millrace/millrace/internal/wire"
	"github.com/millrace/millrace/mkv"
)

// producerID is what the tests' producer calls itself.
const producerID = "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a"

// announced is the header by which it does.
func announced() http.Header { return http.Header{wire.HeaderProducer: {producerID}} }

// identified is a Cluster of the producer's, which says which fragment it is.
func identified(timecode uint64, session byte, sequence uint64, blocks ...[]byte) []byte {
	id := millrace.Identity{Session: millrace.SessionID{session}, Sequence: sequence}
	b := cluster(timecode, mkv.AppendBytes(nil, mkv.IDVoid, millrace.AppendIdentity(nil, id)), bytes.Join(blocks, nil))
	return sealed(b)
}

// sealed adds the digest of a Cluster to it.
func sealed(cluster []byte) []byte {
	return mkv.AppendBytes(cluster, mkv.IDVoid, millrace.AppendDigest(nil, sha256.Sum256(cluster)))
}

// numbered is the fragment of a sequence number, two seconds each.
func numbered(n uint64) []byte {
	return identified(1000+n*2000, 1, n, block(1, 0, fmt.Sprint("fragment ", n)), block(1, 40, "more"))
}

// fragments are those from a sequence number up to before another.
func fragments(from, to uint64) (b []byte) {
	for n := from; n < to; n++ {
		b = append(b, numbered(n)...)
	}
	return b
}

// sendThrough sends clusters in a call of its own, and returns the number under
// which each timecode was acknowledged.
func (r *rig) sendThrough(name string, header http.Header, body ...[]byte) map[uint64]string {
	r.t.Helper()
	p := r.put(name, header)
	p.mustSend(slices.Concat(append([][]byte{testHeader(), bytes.Join(body, nil)}, endOfFragment())...))
	p.end()
	numbers := map[uint64]string{}
	events := map[uint64]string{}
	for _, a := range p.rest() {
		if a.FragmentTimecode == nil || a.EventType == "ERROR" {
			r.t.Fatalf("ack %s", a)
		}
		t := *a.FragmentTimecode
		if before := numbers[t]; before != "" && before != a.FragmentNumber {
			r.t.Errorf("timecode %d has the numbers %s and %s", t, before, a.FragmentNumber)
		}
		numbers[t] = a.FragmentNumber
		events[t] += a.EventType + " "
	}
	for t, e := range events {
		if e != "BUFFERING RECEIVED PERSISTED " {
			r.t.Errorf("timecode %d was acknowledged with %s", t, e)
		}
	}
	return numbers
}

func testHeader() []byte { return header(1) }

// once fails the test unless a stream has exactly these fragments, in their
// order, and says so to whoever asks.
func (r *rig) once(name string, clusters ...[]byte) {
	r.t.Helper()
	docs := r.get(name, earliest()).all()
	if len(docs) != len(clusters) {
		r.t.Fatalf("%d fragments are read, want %d", len(docs), len(clusters))
	}
	for i, d := range docs {
		if !bytes.Equal(d.cluster, clusters[i]) {
			r.t.Errorf("fragment %d is not what was sent", i)
		}
	}
	if l := r.list(name, everyFragment("PRODUCER_TIMESTAMP")); len(l.numbers) != len(clusters) {
		r.t.Errorf("%d fragments are listed, want %d", len(l.numbers), len(clusters))
	}
}

func each(from, to uint64) (list [][]byte) {
	for n := from; n < to; n++ {
		list = append(list, numbered(n))
	}
	return list
}

func briefReaders(c *config.Server) { c.ReaderIdleTimeout = readerIdle }

func TestAProducerIsToldThatItsFragmentsAreKeptOnce(t *testing.T) {
	r := start(t, nil, nil)
	r.create("cam", 24)
	if p := r.put("cam", announced()); p.status != http.StatusOK || p.answer.Get(wire.HeaderProducer) != producerID {
		t.Errorf("answered with %d %v", p.status, p.answer)
	}
	if p := r.put("cam", nil); p.status != http.StatusOK || p.answer.Get(wire.HeaderProducer) != "" {
		t.Errorf("a call without a producer is answered with %d %v", p.status, p.answer)
	}
}

// TestWhatComesAgainIsKeptOnce sends fragments, does something to the server, and
// sends them again with others.
func TestWhatComesAgainIsKeptOnce(t *testing.T) {
	for name, between := range map[string]func(r *rig){
		"over a connection of its own": func(*rig) {},
		"over a restart":               (*rig).restart,
		"over two restarts":            func(r *rig) { r.restart(); r.restart() },
		"over an index made again": func(r *rig) {
			r.close()
			for _, file := range []string{"index.db", "index.db-wal", "index.db-shm"} {
				if err := os.Remove(filepath.Join(r.cfg.Data, file)); err != nil && !os.IsNotExist(err) {
					r.t.Fatal(err)
				}
			}
			r.open()
		},
		"behind later ones of another producer": func(r *rig) {
			other := http.Header{wire.HeaderProducer: {strings.Repeat("6b", 16)}}
			p := r.put("other", other)
			p.mustSend(slices.Concat(testHeader(), identified(1<<40, 1, 0, block(1, 0, "x")), endOfFragment()))
			p.want("BUFFERING 1099511627776", "RECEIVED 1099511627776", "PERSISTED 1099511627776")
			p.end()
		},
	} {
		for _, profile := range []config.Profile{config.ProfileDefault, config.ProfileAWS} {
			t.Run(fmt.Sprint(name, "/", profile), func(t *testing.T) {
				t.Parallel()
				r := start(t, nil, func(c *config.Server) {
					data := *c
					*c = config.Default(profile)
					c.Data, c.Listen, c.AccessKeyID, c.SecretAccessKey, c.Region = data.Data, data.Listen, data.AccessKeyID, data.SecretAccessKey, data.Region
					briefReaders(c)
				})
				r.create("cam", 24)
				r.create("other", 24)
				first := r.sendThrough("cam", announced(), fragments(0, 6))
				between(r)
				again := r.sendThrough("cam", announced(), fragments(2, 9))
				for timecode, number := range again {
					if before := first[timecode]; before != "" && before != number {
						t.Errorf("timecode %d was kept as %s and is acknowledged as %s", timecode, before, number)
					}
				}
				third := r.sendThrough("cam", announced(), fragments(0, 9))
				maps.Copy(again, first)
				if !maps.Equal(third, again) {
					t.Errorf("acknowledged as %v, before as %v", third, again)
				}
				r.once("cam", each(0, 9)...)
			})
		}
	}
}

func TestWhatIsLessOfAFragmentDoesNotReplaceIt(t *testing.T) {
	r := start(t, nil, briefReaders)
	r.create("cam", 24)
	whole := numbered(3)
	r.sendThrough("cam", announced(), whole)
	r.sendThrough("cam", announced(), identified(7000, 1, 3, block(1, 0, "fragment 3")))
	r.sendThrough("cam", announced(), identified(7000, 1, 3))
	r.once("cam", whole)
}

func TestOnlyItsOwnStreamHasAFragment(t *testing.T) {
	r := start(t, nil, briefReaders)
	for _, name := range []string{"cam", "other"} {
		r.create(name, 24)
		r.sendThrough(name, announced(), fragments(0, 2))
		r.once(name, each(0, 2)...)
	}
	if status, out := r.call("/deleteStream", map[string]any{"StreamARN": r.arn("cam")}); status != http.StatusOK {
		t.Fatalf("delete: %d %v", status, out)
	}
	for i := 0; ; i++ {
		status, out := r.call("/createStream", map[string]any{"StreamName": "cam", "DataRetentionInHours": 24})
		if status == http.StatusOK {
			break
		}
		if i > 1000 {
			t.Fatalf("create again: %d %v", status, out)
		}
		time.Sleep(10 * time.Millisecond) // the deletion has to be over
	}
	r.sendThrough("cam", announced(), fragments(1, 3))
	r.once("cam", each(1, 3)...)
}

func TestClustersOfOtherShapes(t *testing.T) {
	void := func(payload []byte) []byte { return mkv.AppendBytes(nil, mkv.IDVoid, payload) }
	id := void(millrace.AppendIdentity(nil, millrace.Identity{Session: millrace.SessionID{1}, Sequence: 3}))
	sized := mkv.AppendSize(mkv.AppendID(nil, mkv.IDCluster), int64(len(numbered(3))-5), 4)
	sized = sealed(append(sized, numbered(3)[5:len(numbered(3))-millrace.DigestVoidSize]...))
	for name, tc := range map[string]struct {
		header  http.Header
		cluster []byte
		kept    int // of two
	}{
		"of known size":                  {announced(), sized, 1},
		"with Voids and no header":       {nil, numbered(3), 2},
		"with a header and no Voids":     {announced(), cluster(7000, block(1, 0, "x")), 2},
		"with an identity that is late":  {announced(), cluster(7000, block(1, 0, "x"), id), 2},
		"with a digest alone":            {announced(), sealed(cluster(7000, block(1, 0, "x"))), 2},
		"with Voids of large size":       {announced(), sealed(append(wide(cluster(7000), id), block(1, 0, "x")...)), 1},
		"with another Void between them": {announced(), sealed(cluster(7000, id, block(1, 0, "x"), void(make([]byte, 40)))), 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t, nil, briefReaders)
			r.create("cam", 24)
			r.sendThrough("cam", tc.header, tc.cluster)
			r.sendThrough("cam", tc.header, tc.cluster)
			r.once("cam", slices.Repeat([][]byte{tc.cluster}, tc.kept)...)
		})
	}
}

// wide appends a Void with its size in eight bytes.
func wide(b, void []byte) []byte {
	b = mkv.AppendSize(mkv.AppendID(b, mkv.IDVoid), int64(len(void)-2), 8)
	return append(b, void[2:]...)
}

func TestADamagedFragmentIsAskedForAgain(t *testing.T) {
	r := start(t, nil, briefReaders)
	r.create("cam", 24)
	damaged := numbered(1)
	damaged[len(damaged)-millrace.DigestVoidSize-1] ^= 4
	p := r.put("cam", announced())
	p.mustSend(slices.Concat(testHeader(), numbered(0), damaged, numbered(2), endOfFragment()))
	p.end()
	var got []string
	for _, a := range p.rest() {
		if a.EventType == "PERSISTED" || a.EventType == "ERROR" {
			got = append(got, a.String())
		}
	}
	if want := []string{"PERSISTED 1000", "ERROR 3000 5000 INTERNAL_ERROR"}; !slices.Equal(got, want) {
		t.Errorf("acks %q, want %q", got, want)
	}
	r.sendThrough("cam", announced(), fragments(0, 3))
	r.once("cam", each(0, 3)...)
}

func TestNothingOfAnIdentifiedFragmentIsKeptInPart(t *testing.T) {
	r := start(t, nil, func(c *config.Server) { briefReaders(c); c.KeepPartial = true })
	r.create("cam", 24)
	for range 3 {
		p := r.put("cam", announced())
		p.mustSend(slices.Concat(testHeader(), numbered(0)[:90]))
		p.want("BUFFERING 1000")
		p.close()
	}
	r.sendThrough("cam", announced(), fragments(0, 2))
	r.once("cam", each(0, 2)...)
}

// Live readers see each fragment once to its end, however often it comes, and
// the same fragment of two sessions that overlap too.
func TestLiveReadersSeeEachFragmentOnce(t *testing.T) {
	for name, hours := range map[string]int{"of a stream that is kept": 24, "of zero retention": 0} {
		t.Run(name, func(t *testing.T) {
			r := start(t, nil, nil)
			r.create("cam", hours)
			var readers []*get
			for range 2 {
				readers = append(readers, r.get("cam", map[string]any{"StartSelectorType": "NOW"}))
			}
			last := func(p *put) {
				for {
					a := p.next()
					if a.EventType == "PERSISTED" || hours == 0 && a.EventType == "RECEIVED" {
						return
					}
				}
			}
			send := func(body []byte) {
				t.Helper()
				p := r.put("cam", announced())
				p.mustSend(slices.Concat(testHeader(), body, endOfFragment()))
				p.end()
				p.rest()
			}
			send(fragments(0, 2))
			send(fragments(0, 3))
			// One is open when it comes in a newer session.
			old := r.put("cam", announced())
			old.mustSend(slices.Concat(testHeader(), numbered(3)[:90]))
			old.want("BUFFERING 7000")
			fresh := r.put("cam", announced())
			fresh.mustSend(slices.Concat(testHeader(), numbered(3), endOfFragment()))
			last(fresh)
			if got := old.rest(); len(got) != 1 || got[0].String() != "ERROR 7000 5000 INTERNAL_ERROR" {
				t.Errorf("the older session ends with %v", got)
			}
			send(fragments(2, 6))
			for i, g := range readers {
				for n, seen := uint64(0), 0; n < 6; seen++ {
					d := g.must()
					if seen > 8 {
						t.Fatalf("reader %d is at %q", i, d.cluster)
					}
					if n == 3 && bytes.HasPrefix(numbered(3), d.cluster) && len(d.cluster) < len(numbered(3)) {
						continue // the beginning of the one that was superseded
					}
					if !bytes.Equal(d.cluster, numbered(n)) {
						t.Fatalf("reader %d has %q, want fragment %d", i, d.cluster, n)
					}
					n++
				}
			}
		})
	}
}

// I4 with a producer that sends everything again all the time.
func TestAReaderThatComesBackHasNothingTwice(t *testing.T) {
	r := start(t, nil, briefReaders)
	r.create("cam", 24)
	selector := earliest()
	var got []document
	for n := uint64(1); n <= 8; n++ {
		r.sendThrough("cam", announced(), fragments(0, 2*n))
		if n == 5 {
			r.restart()
		}
		docs := r.get("cam", selector).all()
		if len(docs) != 2 {
			t.Fatalf("%d fragments after %d, want 2", len(docs), len(got))
		}
		got = append(got, docs...)
		selector = map[string]any{"StartSelectorType": "CONTINUATION_TOKEN", "ContinuationToken": got[len(got)-1].number()}
	}
	for n, d := range got {
		if !bytes.Equal(d.cluster, numbered(uint64(n))) {
			t.Errorf("fragment %d is %q", n, d.cluster)
		}
	}
}

func TestRepeatsAreCounted(t *testing.T) {
	r := start(t, nil, nil)
	r.create("cam", 24)
	r.sendThrough("cam", announced(), fragments(0, 4))
	r.sendThrough("cam", announced(), fragments(1, 5))
	page := r.metrics()
	for _, line := range []string{
		`millrace_ingest_repeats_total 3`,
		`millrace_put_media_repeated_fragments_total{stream_name="cam"} 3`,
		`millrace_put_media_incoming_fragments_total{stream_name="cam"} 5`,
	} {
		if !strings.Contains(page, line+"\n") {
			t.Errorf("there is no %s", line)
		}
	}
}
