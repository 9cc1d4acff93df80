package producer_test

import (
	"context"
	"fmt"
	"iter"
	"log"
	"time"

	"github.com/millrace/millrace/media"
	"github.com/millrace/millrace/producer"
)

// guard uploads what a camera sees while something moves, and the ten seconds
// before that, in whole fragments.
func guard(ctx context.Context, client *producer.Client, camera iter.Seq[media.Frame], moves func(media.Frame) bool) error {
	porch, err := client.Open(ctx, "porch", producer.StreamConfig{
		Create: &producer.Spec{Retention: 24 * time.Hour},
		Tracks: []media.Track{{Number: 1, Type: media.Video, Codec: media.AVC}},
		Mode:   producer.Delayed,
		Delay:  10 * time.Second,
	})
	if err != nil {
		return err
	}
	open := false
	porch.Gate(open)
	for frame := range camera {
		if moving := moves(frame); moving != open {
			open = moving
			porch.Gate(open) // opening it sends what was kept behind it
		}
		if err := porch.Write(ctx, frame); err != nil {
			log.Print(err)
		}
	}
	return porch.Close(ctx)
}

// A camera at a porch films all the time, and uploads what matters.
func ExampleStream_Gate() {
	server := serve()
	defer server.Close()

	visitor := func(f media.Frame) bool { // between the 30th and the 36th second
		return f.PTS >= sinceNoon(30*time.Second) && f.PTS < sinceNoon(36*time.Second)
	}
	ctx := context.Background()
	var client producer.Client
	defer client.Close(ctx)
	if err := guard(ctx, &client, encoder(time.Minute), visitor); err != nil {
		log.Fatal(err)
	}
	kept := server.Persisted("porch")
	first, last := kept[0], kept[len(kept)-1]
	fmt.Println("from", first.Time.Sub(noon()), "to", last.Time.Sub(noon())+2*time.Second)
	// Output: from 18s to 36s
}
