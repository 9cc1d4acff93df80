//go:build interop && kvm

package interop

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/at-wat/ebml-go"
	kvm "github.com/seqsense/kinesisvideomanager/v2"
)

// The live run of seqsense's client: 12 s in real time, so that the client
// opens its second connection after 8 s and lets the two overlap.
const (
	kvmBlocks   = 300
	kvmInterval = 40 * time.Millisecond
)

// TestKVMProducesAndConsumesLive: seqsense's Go client writes blocks as a
// camera would, while seqsense's Go client reads them.
func TestKVMProducesAndConsumesLive(t *testing.T) {
	trustByDefault(t, sharedTLS)
	plainAndTLS(t, func(t *testing.T, r *rig) {
		r.newStream(t, "kvm-live")
		manager, err := kvm.New(r.sdkConfig(t))
		must(t, err)
		begun := time.Now()

		var writer, reader sync.WaitGroup
		var events []*kvm.FragmentEvent
		var arrivals []arrival
		reader.Go(func() { arrivals = kvmConsume(t, manager) })
		writer.Go(func() { events = kvmProduce(t, manager, begun) })
		writer.Wait()
		reader.Wait()

		persisted := map[string]bool{}
		for _, e := range events {
			if e.IsError() {
				t.Errorf("producer: %v", e.AsError())
			}
			if e.EventType == kvm.FRAGMENT_EVENT_PERSISTED {
				persisted[e.FragmentNumber] = true
			}
		}
		if len(persisted) != 2 {
			t.Errorf("%d fragments were persisted, want 2", len(persisted))
		}
		checkArrivals(t, arrivals)
	})
}

// trustByDefault makes the clients of this process that cannot be given one of
// their own trust a server's authority, until the test ends.
func trustByDefault(t *testing.T, r *rig) {
	t.Helper()
	client, err := r.httpClient()
	must(t, err)
	before := http.DefaultTransport
	http.DefaultTransport = client.Transport
	t.Cleanup(func() { http.DefaultTransport = before })
}

// An arrival is one block as the consumer got it.
type arrival struct {
	index int
	after time.Duration // from writing to reading
}

func kvmProduce(t *testing.T, manager *kvm.Client, begun time.Time) []*kvm.FragmentEvent {
	provider, err := manager.Provider(t.Context(), kvm.StreamName("kvm-live"), []kvm.TrackEntry{
		{TrackNumber: 1, TrackUID: 123, TrackType: 1, CodecID: "X_TEST", Name: "test_track"},
	})
	if err != nil {
		t.Errorf("provider: %v", err)
		return nil
	}
	writer, err := provider.PutMedia(
		kvm.WithProducerStartTimestamp(begun),
		kvm.WithTags(func() []kvm.SimpleTag { return []kvm.SimpleTag{{TagName: "ROOM", TagString: "7"}} }),
		kvm.OnError(func(err error) { t.Errorf("putMedia: %v", err) }),
	)
	if err != nil {
		t.Errorf("putMedia: %v", err)
		return nil
	}
	var events []*kvm.FragmentEvent
	var responses sync.WaitGroup
	responses.Go(func() {
		for {
			e, err := writer.ReadResponse()
			if err != nil {
				return
			}
			events = append(events, e)
		}
	})
	tick := time.NewTicker(kvmInterval)
	defer tick.Stop()
	for i := range kvmBlocks {
		<-tick.C
		// Big enough that the client's buffer of 4 KiB holds no block back.
		data := fmt.Appendf(make([]byte, 0, 8192), "%06d %020d ", i, time.Now().UnixNano())
		err := writer.Write(&kvm.BlockWithBaseTimecode{
			Timecode: uint64((time.Duration(i) * kvmInterval).Milliseconds()),
			Block:    ebml.Block{TrackNumber: 1, Keyframe: true, Lacing: ebml.LacingNo, Data: [][]byte{data[:8192]}},
		})
		if err != nil {
			t.Errorf("write block %d: %v", i, err)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := writer.Shutdown(ctx); err != nil {
		t.Errorf("shutdown: %v", err)
	}
	responses.Wait()
	return events
}

// kvmConsume reads from the oldest fragment on until all blocks have come.
func kvmConsume(t *testing.T, manager *kvm.Client) []arrival {
	consumer, err := manager.Consumer(t.Context(), kvm.StreamName("kvm-live"))
	if err != nil {
		t.Errorf("consumer: %v", err)
		return nil
	}
	reader, err := consumer.GetMedia(kvm.WithStartSelectorProducerTimestamp(time.Unix(1, 0)))
	if err != nil {
		t.Errorf("getMedia: %v", err)
		return nil
	}
	var tags sync.WaitGroup
	tags.Go(func() {
		for {
			if _, err := reader.ReadTag(); err != nil {
				return
			}
		}
	})
	var arrivals []arrival
	for len(arrivals) < kvmBlocks {
		b, err := reader.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		var index int
		var written int64
		if _, err := fmt.Sscanf(string(b.Block.Data[0][:27]), "%d %d", &index, &written); err != nil {
			t.Errorf("a block begins with %q: %v", b.Block.Data[0][:27], err)
		}
		arrivals = append(arrivals, arrival{index, time.Duration(time.Now().UnixNano() - written)})
	}
	if len(arrivals) < kvmBlocks {
		_, err := reader.Close()
		t.Errorf("the response ended: %v", err)
	} else {
		reader.Close() // cancels the request, and says so
	}
	tags.Wait()
	return arrivals
}

// checkArrivals: every block once and in order. Most are read while their
// fragment is open, long before its end; the blocks at the start of the second
// fragment wait for the first to be settled.
func checkArrivals(t *testing.T, arrivals []arrival) {
	t.Helper()
	prompt := 0
	for i, a := range arrivals {
		if a.index != i {
			t.Fatalf("block %d came where %d was due", a.index, i)
		}
		if a.after < time.Second {
			prompt++
		}
	}
	t.Logf("%d of %d blocks arrived within a second", prompt, len(arrivals))
	if len(arrivals) != kvmBlocks || prompt < kvmBlocks*8/10 {
		t.Errorf("%d of %d blocks arrived, %d within a second", len(arrivals), kvmBlocks, prompt)
	}
}
