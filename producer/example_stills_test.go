package producer_test

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/jpeg"
	"iter"
	"log"
	"time"

	"github.com/millrace/millrace/media"
	"github.com/millrace/millrace/producer"
)

// snap sends a picture whenever the camera takes one.
func snap(ctx context.Context, client *producer.Client, camera iter.Seq2[time.Time, image.Image]) error {
	meadow, err := client.Open(ctx, "meadow", producer.StreamConfig{
		Create: &producer.Spec{Retention: 30 * 24 * time.Hour, MediaType: "image/jpeg"},
		Tracks: []media.Track{{Number: 1, Type: media.Video, Codec: media.MJPEG}},
	})
	if err != nil {
		return err
	}
	var still bytes.Buffer
	for at, picture := range camera {
		still.Reset()
		if err := jpeg.Encode(&still, picture, nil); err != nil {
			return err
		}
		if err := meadow.Write(ctx, media.Frame{Track: 1, PTS: time.Duration(at.UnixNano()), Key: true, Data: still.Bytes()}); err != nil {
			return err
		}
		if err := meadow.EndFragment(ctx); err != nil { // it does not wait for the next one
			return err
		}
	}
	return meadow.Close(ctx)
}

// hourly is a picture every hour.
func hourly(yield func(time.Time, image.Image) bool) {
	for n := range 3 {
		if !yield(noon().Add(time.Duration(n)*time.Hour), image.NewGray(image.Rect(0, 0, 320, 240))) {
			return
		}
	}
}

// A camera in a field takes a picture from time to time.
func ExampleStream_EndFragment() {
	server := serve()
	defer server.Close()

	ctx := context.Background()
	var client producer.Client
	defer client.Close(ctx)
	if err := snap(ctx, &client, hourly); err != nil {
		log.Fatal(err)
	}
	for _, still := range server.Persisted("meadow") {
		fmt.Println(still.Time.UTC().Format(time.TimeOnly), len(still.Frames))
	}
	// Output:
	// 12:00:00 1
	// 13:00:00 1
	// 14:00:00 1
}
