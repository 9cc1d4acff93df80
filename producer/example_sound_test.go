package producer_test

import (
	"context"
	"fmt"
	"iter"
	"log"
	"sync"
	"time"

	"github.com/millrace/millrace/media"
	"github.com/millrace/millrace/producer"
)

// record sends pictures, which are frames of track 1, and sound, of track 2.
func record(ctx context.Context, client *producer.Client, pictures, sound iter.Seq[media.Frame]) error {
	cam, err := client.Open(ctx, "door", producer.StreamConfig{
		Create: &producer.Spec{Retention: 24 * time.Hour, MediaType: "video/h264,audio/mulaw"},
		Tracks: []media.Track{
			{Number: 1, Type: media.Video, Codec: media.AVC},
			{Number: 2, Type: media.Audio, Codec: media.MuLaw, SampleRate: 8000, Channels: 1},
		},
	})
	if err != nil {
		return err
	}
	var encoders sync.WaitGroup
	for _, frames := range []iter.Seq[media.Frame]{pictures, sound} {
		encoders.Go(func() {
			for frame := range frames {
				if err := cam.Write(ctx, frame); err != nil {
					log.Print(err)
				}
			}
		})
	}
	encoders.Wait()
	return cam.Close(ctx)
}

// microphone gives 20 ms of sound at a time.
func microphone(length time.Duration) iter.Seq[media.Frame] {
	const interval = 20 * time.Millisecond
	return func(yield func(media.Frame) bool) {
		for at := time.Duration(0); at < length; at += interval {
			if !yield(media.Frame{Track: 2, PTS: sinceNoon(at), Data: make([]byte, 160)}) {
				return
			}
		}
	}
}

// A camera's pictures and sound come from two encoders, each in a goroutine of
// its own. Sound that is behind, stops or begins late is the library's affair.
func ExampleStream_Write_soundAndPictures() {
	server := serve()
	defer server.Close()

	ctx := context.Background()
	var client producer.Client
	defer client.Close(ctx)
	if err := record(ctx, &client, encoder(4*time.Second), microphone(4*time.Second)); err != nil {
		log.Fatal(err)
	}
	_, frames := durable(server, "door")
	fmt.Println(frames, "frames")
	// Output: 300 frames
}
