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

// A cassette is a recording of a kind that only its own reader knows. It is a
// producer.Source.
type cassette struct {
	samples [][]byte
	every   time.Duration
}

// Tracks says what there is on it.
func (c cassette) Tracks(context.Context) ([]media.Track, error) {
	return []media.Track{{Number: 1, Type: media.Audio, Codec: media.ALaw, SampleRate: 8000, Channels: 1}}, nil
}

// Frames gives the frames, with times that begin at zero.
func (c cassette) Frames(context.Context) iter.Seq2[media.Frame, error] {
	return func(yield func(media.Frame, error) bool) {
		for n, sample := range c.samples {
			if !yield(media.Frame{Track: 1, PTS: time.Duration(n) * c.every, Data: sample}, nil) {
				return
			}
		}
	}
}

// digitize uploads a recording that began at a time.
func digitize(ctx context.Context, client *producer.Client, recording producer.Source, began time.Time) (producer.Copied, error) {
	archive, err := client.Open(ctx, "interviews", producer.StreamConfig{
		Create: &producer.Spec{Retention: 24 * time.Hour},
		Mode:   producer.Offline,
		Time:   producer.TimeRules{Relative: true, Start: began},
	})
	if err != nil {
		return producer.Copied{}, err
	}
	copied, err := producer.Copy(ctx, archive, recording)
	if err != nil {
		archive.Abort()
		return copied, err
	}
	return copied, archive.Close(ctx)
}

// Whatever can give frames is a source: the reader of a file format, a device.
func ExampleCopy() {
	server := serve()
	defer server.Close()

	tape := cassette{samples: make([][]byte, 500), every: 20 * time.Millisecond}
	for n := range tape.samples {
		tape.samples[n] = make([]byte, 160)
	}
	ctx := context.Background()
	var client producer.Client
	defer client.Close(ctx)
	copied, err := digitize(ctx, &client, tape, time.Date(1987, 6, 5, 14, 30, 0, 0, time.UTC))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(copied.Frames, "frames are durable")
	// Output: 500 frames are durable
}
