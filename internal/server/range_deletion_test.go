package server_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/config"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/sqlite"
	"github.com/millrace/millrace/mkv"
)

// putOnes puts fragments of a frame each, with the timecodes given in seconds,
// and returns their numbers.
func (r *rig) putOnes(name string, seconds ...uint64) []string {
	r.t.Helper()
	p := r.put(name, nil)
	p.mustSend(header(1))
	var numbers []string
	for _, s := range seconds {
		p.mustSend(slices.Concat(cluster(s*1000, block(1, 0, fmt.Sprint("frame ", s))), endOfFragment()))
		numbers = append(numbers, p.want(fmt.Sprint("BUFFERING ", s*1000)).FragmentNumber)
		p.want(fmt.Sprint("RECEIVED ", s*1000), fmt.Sprint("PERSISTED ", s*1000))
	}
	p.end()
	return numbers
}

// deleteMedia deletes a range of the producer's clock, in seconds.
func (r *rig) deleteMedia(name string, from, to float64) map[string]any {
	r.t.Helper()
	status, out := r.call("/millrace/v1/deleteMedia", map[string]any{
		"StreamName": name, "TimestampType": "PRODUCER_TIMESTAMP", "StartTimestamp": from, "EndTimestamp": to, "Reason": "a test",
	})
	if status != http.StatusOK {
		r.t.Fatalf("delete media: %d %v", status, out)
	}
	return out
}

// numbers are those of all fragments that a reader finds.
func (r *rig) numbers(name string) []string {
	r.t.Helper()
	var found []string
	for _, d := range r.get(name, earliest()).all() {
		found = append(found, d.number())
	}
	return found
}

func idleSoon(c *config.Server) { c.ReaderIdleTimeout = 200 * time.Millisecond }

func TestADeletedRangeIsGoneForGood(t *testing.T) {
	r := start(t, nil, idleSoon)
	r.create("cam", 24)
	r.create("other", 24)
	all := r.putOnes("cam", 10, 20, 30, 40)
	others := r.putOnes("other", 20)
	out := r.deleteMedia("cam", 20, 40)
	if out["DeletionId"] != 1.0 || out["FragmentCount"] != 2.0 || out["ByteCount"].(float64) < 20 {
		t.Errorf("answered %v", out)
	}
	want := []string{all[0], all[3]}
	for range 2 {
		if got := r.numbers("cam"); !slices.Equal(got, want) {
			t.Errorf("found %v, want %v", got, want)
		}
		if got := r.numbers("other"); !slices.Equal(got, others) {
			t.Errorf("of another stream: %v, want %v", got, others)
		}
		r.restart()
	}
	if again := r.deleteMedia("cam", 20, 40); again["FragmentCount"] != 0.0 || again["DeletionId"] != 2.0 {
		t.Errorf("a second time: %v", again)
	}
	later := r.putOnes("cam", 25) // a late upload into the range
	if got := r.numbers("cam"); !slices.Contains(got, later[0]) {
		t.Errorf("what came after the deletion is not found: %v", got)
	}
	_, list := r.call("/millrace/v1/listDeletions", map[string]any{"StreamName": "cam"})
	if records := list["DeletionList"].([]any); len(records) != 2 || records[0].(map[string]any)["AccessKeyId"] != keyID {
		t.Errorf("the record is %v", list)
	}
}

// TestADeletionThatACrashCutShortIsMadeGood: its record was kept, and nobody
// was told of it.
func TestADeletionThatACrashCutShortIsMadeGood(t *testing.T) {
	r := start(t, nil, idleSoon)
	r.create("cam", 24)
	all := r.putOnes("cam", 10, 20, 30)
	if err := r.s.Close(); err != nil {
		t.Fatal(err)
	}
	last, err := millrace.ParseFragmentNumber(all[1])
	if err != nil {
		t.Fatal(err)
	}
	c, err := sqlite.OpenControl(t.Context(), filepath.Join(r.cfg.Data, "control.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := c.Stream(t.Context(), "cam")
	if err == nil {
		_, err = c.AddDeletion(t.Context(), store.Deletion{
			Stream: s.Key, Name: s.Name, Clock: store.ProducerClock, From: time.Unix(0, 0), To: time.Now(), Last: last,
		})
	}
	if err = errors.Join(err, c.Close()); err != nil {
		t.Fatal(err)
	}
	r.open()
	if got := r.numbers("cam"); !slices.Equal(got, all[2:]) {
		t.Errorf("found %v, want %v", got, all[2:])
	}
}

// narrowGet reads a stream over a connection that buffers little.
func (r *rig) narrowGet(name string) *get {
	r.t.Helper()
	narrow := *r
	narrow.client = &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true, DisableCompression: true,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return conn, conn.(*net.TCPConn).SetReadBuffer(64 << 10)
		},
	}}
	ctx, cancel := context.WithCancel(context.Background())
	resp := narrow.post(ctx, "/getMedia", map[string]any{"StreamName": name, "StartSelector": earliest()})
	g := &get{t: r.t, body: resp.Body, cancel: cancel, reader: mkv.NewReader(resp.Body, mkv.ReaderOptions{})}
	r.t.Cleanup(g.close)
	return g
}

// TestAReaderInHistoryDoesNotMeetWhatWasDeleted: it has begun before, and may
// have one fragment under way.
func TestAReaderInHistoryDoesNotMeetWhatWasDeleted(t *testing.T) {
	r := start(t, nil, idleSoon)
	r.create("cam", 24)
	var seconds []uint64
	for s := range uint64(40) {
		seconds = append(seconds, 10+s)
	}
	// Fragments that do not all fit into the buffers of the connection.
	p := r.put("cam", nil)
	p.mustSend(header(1))
	for _, s := range seconds {
		p.mustSend(slices.Concat(cluster(s*1000, block(1, 0, string(make([]byte, 1<<20)))), endOfFragment()))
		p.want(fmt.Sprint("BUFFERING ", s*1000), fmt.Sprint("RECEIVED ", s*1000), fmt.Sprint("PERSISTED ", s*1000))
	}
	p.end()
	g := r.narrowGet("cam")
	g.must()
	r.deleteMedia("cam", 0, 1000)
	if rest := g.all(); len(rest) > 30 {
		t.Errorf("%d fragments of %d came after the deletion", len(rest), len(seconds))
	} else {
		t.Logf("%d fragments of %d were under way", len(rest), len(seconds))
	}
	if got := r.numbers("cam"); len(got) != 0 {
		t.Errorf("found %v", got)
	}
}

// TestMediaInMemoryAreDeletedToo: a stream of zero retention has its media
// there alone.
func TestMediaInMemoryAreDeletedToo(t *testing.T) {
	r := start(t, nil, idleSoon)
	r.create("cam", 0)
	p := r.put("cam", nil)
	p.mustSend(header(1))
	for _, s := range []uint64{10, 20} {
		p.mustSend(slices.Concat(cluster(s*1000, block(1, 0, "frame")), endOfFragment()))
		p.want(fmt.Sprint("BUFFERING ", s*1000), fmt.Sprint("RECEIVED ", s*1000))
	}
	if got := r.numbers("cam"); len(got) != 2 {
		t.Fatalf("found %v", got)
	}
	if out := r.deleteMedia("cam", 0, 20); out["FragmentCount"] != 0.0 {
		t.Errorf("of what was kept: %v", out)
	}
	if got := r.numbers("cam"); len(got) != 1 {
		t.Errorf("found %v, want the one outside the range", got)
	}
	p.end()
}

// TestARaisedRetentionBringsNothingBack: not at once, and not after a start.
func TestARaisedRetentionBringsNothingBack(t *testing.T) {
	r := start(t, nil, idleSoon)
	r.create("cam", 1)
	r.putOnes("cam", 10, 20)
	change := func(operation string, hours int) {
		t.Helper()
		_, out := r.call("/describeStream", map[string]any{"StreamName": "cam"})
		version := out["StreamInfo"].(map[string]any)["Version"]
		status, out := r.call("/updateDataRetention", map[string]any{
			"StreamName": "cam", "CurrentVersion": version, "Operation": operation + "_DATA_RETENTION", "DataRetentionChangeInHours": hours,
		})
		if status != http.StatusOK {
			t.Fatalf("%s: %d %v", operation, status, out)
		}
	}
	change("DECREASE", 1)
	change("INCREASE", 24)
	kept := r.putOnes("cam", 30)
	for range 2 {
		if got := r.numbers("cam"); !slices.Equal(got, kept) {
			t.Errorf("found %v, want %v", got, kept)
		}
		r.restart()
	}
}
