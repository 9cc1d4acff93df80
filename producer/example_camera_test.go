package producer_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log"
	"time"

	"github.com/millrace/millrace/media"
	"github.com/millrace/millrace/producer"
)

// film sends what an encoder for H.264 gives, and returns when all of it is
// durable.
func film(ctx context.Context, client *producer.Client, encoder iter.Seq[media.Frame]) error {
	cam, err := client.Open(ctx, "gate", producer.StreamConfig{
		Create: &producer.Spec{Retention: 24 * time.Hour, MediaType: "video/h264"},
		Tracks: []media.Track{{Number: 1, Type: media.Video, Codec: media.AVC}}, // parameter sets are in the frames
		Events: producer.Events{
			Dropped: func(d producer.Dropped) { log.Printf("lost %v to %v", d.From, d.To) },
		},
	})
	if err != nil {
		return err
	}
	for frame := range encoder {
		err := cam.Write(ctx, frame)
		if errors.Is(err, producer.ErrNeedKeyFrame) {
			continue // ask the encoder for one
		}
		if err != nil {
			log.Print(err) // this frame was not taken; the stream goes on
		}
	}
	return cam.Close(ctx)
}

// A camera hands frames over as they come from its encoder.
func ExampleStream_Write() {
	server := serve()
	defer server.Close()

	ctx := context.Background()
	var client producer.Client // finds the server as the AWS tools do
	defer client.Close(ctx)
	if err := film(ctx, &client, encoder(10*time.Second)); err != nil {
		log.Fatal(err)
	}
	fmt.Println(durable(server, "gate"))
	// Output: 5 250
}
