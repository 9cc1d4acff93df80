package consumer_test

import (
	"context"
	"fmt"
	"sync"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/consumer"
	"github.com/millrace/millrace/consumer/checkpoint"
)

// cabs handles the frames of all streams whose names begin with "cab-", together
// with as many other workers as have the same store.
func cabs(ctx context.Context, client *consumer.Client, store checkpoint.Store, handle func(millrace.StreamName, consumer.Frame) error) error {
	return client.Run(ctx, consumer.RunnerOptions{
		App:    "cabs",
		Store:  store,
		Prefix: "cab-",
		Live:   consumer.LiveOptions{Start: millrace.StartSelector{Type: millrace.StartEarliest}}, // the first time
	}, func(ctx context.Context, stream millrace.StreamName, cab *consumer.Reader) error {
		for frame, err := range cab.Frames(ctx) {
			if err != nil {
				return err
			}
			if err := handle(stream, frame); err != nil {
				return err // this frame comes again, to whoever has the stream then
			}
		}
		return nil
	})
}

// Two workers share five cabs.
func Example_workers() {
	server, client := gateOf(0)
	defer server.Close()
	for n := range 5 {
		server.Stream(millrace.StreamName(fmt.Sprintf("cab-%d", n))).Add(footage().Fragments(10)...)
	}
	ctx, end := context.WithCancel(context.Background())
	var store checkpoint.Memory
	var mu sync.Mutex // guards seen
	seen := map[string]int{}
	handle := func(stream millrace.StreamName, f consumer.Frame) error {
		mu.Lock()
		defer mu.Unlock()
		seen[fmt.Sprint(stream, f.Fragment.Number, f.Index)]++
		if len(seen) == 5*10*3 {
			end()
		}
		return nil
	}
	var workers sync.WaitGroup
	for range 2 {
		workers.Go(func() {
			if err := cabs(ctx, client, &store, handle); err != nil {
				fmt.Println(err)
			}
		})
	}
	workers.Wait()
	fmt.Println(len(seen), "frames")
	// Output: 150 frames
}
