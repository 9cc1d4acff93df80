package producertest_test

import (
	"context"
	"fmt"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/media"
	"github.com/millrace/millrace/producer"
	"github.com/millrace/millrace/producer/producertest"
)

// camera is code of yours: it sends three fragments and waits until they are
// durable.
func camera(ctx context.Context, client *producer.Client) error {
	cam, err := client.Open(ctx, "gate", producer.StreamConfig{
		Tracks: []media.Track{{Number: 1, UID: 1, Type: media.Video, CodecID: "V_TEST"}},
	})
	if err != nil {
		return err
	}
	begin := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for i := range 3 {
		at := begin.Add(time.Duration(i) * time.Second)
		frame := media.Frame{Track: 1, PTS: time.Duration(at.UnixNano()), Key: true, Data: []byte("a picture")}
		if err := cam.Write(ctx, frame); err != nil {
			return err
		}
	}
	return cam.Close(ctx)
}

// The first call of the camera is cut off when its second fragment is durable,
// before the camera is told so.
func ExampleServer() {
	server, err := producertest.NewServer(producertest.Config{
		Steps: []producertest.Step{
			{Faults: []producertest.Fault{{At: producertest.AtPersisted, Fragment: 1, Do: producertest.Reset}}},
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer server.Close()
	err = camera(context.Background(), &producer.Client{
		Endpoint:    server.Endpoint(),
		Credentials: millrace.StaticCredentials(millrace.Credentials{AccessKeyID: "AKID", SecretAccessKey: "secret"}),
		HTTPClient:  server.HTTPClient(),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	kept := map[time.Time]bool{}
	for _, fragment := range server.Persisted("gate") {
		kept[fragment.Time] = true
	}
	fmt.Println(len(kept), "fragments over", len(server.Calls()), "calls")
	// Output: 3 fragments over 2 calls
}

// The network is gone for a while after a second.
func ExampleProxy() {
	server, err := producertest.NewServer(producertest.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer server.Close()
	proxy, err := producertest.NewProxy(producertest.ProxyConfig{
		Target:  server.Address(producertest.Data),
		Latency: 5 * time.Millisecond,
		Periods: []producertest.Period{
			{Weather: producertest.Fair, For: time.Second},
			{Weather: producertest.BlackHole, For: time.Minute},
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer proxy.Close()
	err = camera(context.Background(), &producer.Client{
		Endpoint:    server.Endpoint(),
		Credentials: millrace.StaticCredentials(millrace.Credentials{AccessKeyID: "AKID", SecretAccessKey: "secret"}),
		HTTPClient:  server.HTTPClient(),
		Dial:        proxy.Dial,
	})
	fmt.Println(len(server.Persisted("gate")), err)
	// Output: 3 <nil>
}
