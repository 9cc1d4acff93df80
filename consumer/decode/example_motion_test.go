package decode_test

import (
	"context"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"log"
	"math"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/consumer"
	"github.com/millrace/millrace/consumer/decode"
	"github.com/millrace/millrace/media"
	"github.com/millrace/millrace/producer"
)

// A motion is what the detector writes: where to look for what moved.
type motion struct {
	Fragment millrace.FragmentNumber `json:"fragment"`
	Frame    int                     `json:"frame"`
	Share    float64                 `json:"share"` // of the picture
}

// detectMotion compares each key frame with the one before, and writes those that
// differ much to a stream of data, at the same time.
func detectMotion(ctx context.Context, camera *consumer.Reader, events *producer.Stream) error {
	decoder := decode.New(decode.Options{KeyFrames: true, Width: 160})
	defer decoder.Close()
	var before []uint8
	for picture, err := range decode.Pictures(ctx, decoder, camera.Frames(ctx)) {
		if err != nil {
			return err
		}
		now := brightness(picture.Image)
		if share := changed(before, now); share > 0.02 {
			event, err := json.Marshal(motion{picture.Fragment, picture.Index, share})
			if err != nil {
				return err
			}
			if err := events.Write(ctx, media.Frame{Track: 1, PTS: picture.Instant(), Key: true, Data: event}); err != nil {
				return err
			}
		}
		before = now
	}
	return nil
}

// brightness is that of every fourth point in every fourth line.
func brightness(img image.Image) (levels []uint8) {
	b := img.Bounds()
	for y := b.Min.Y; y < b.Max.Y; y += 4 {
		for x := b.Min.X; x < b.Max.X; x += 4 {
			levels = append(levels, color.GrayModel.Convert(img.At(x, y)).(color.Gray).Y)
		}
	}
	return levels
}

// changed is which share of the points is brighter or darker than it was.
func changed(before, now []uint8) float64 {
	if len(before) != len(now) {
		return 0
	}
	n := 0
	for i := range now {
		if math.Abs(float64(now[i])-float64(before[i])) > 30 {
			n++
		}
	}
	return float64(n) / float64(len(now))
}

// A detector reads a camera's stream and writes what it finds to another stream,
// which is read like any other.
func ExamplePictures() {
	defer serve()()
	ctx := context.Background()
	var sender producer.Client
	defer sender.Close(ctx)
	if err := yard(ctx, &sender); err != nil {
		log.Fatal(err)
	}
	events, err := sender.Open(ctx, "yard-motion", producer.StreamConfig{
		Create: &producer.Spec{Retention: time.Hour},
		Tracks: []media.Track{{Number: 1, Type: media.Metadata, CodecID: "X_MOTION", Name: "motion"}},
	})
	if err != nil {
		log.Fatal(err)
	}

	var client consumer.Client
	fromTheStart := consumer.LiveOptions{
		Start: millrace.StartSelector{Type: millrace.StartEarliest},
		Until: consumer.Until{Idle: time.Second},
	}
	if err := detectMotion(ctx, client.Live("yard", fromTheStart), events); err != nil {
		log.Fatal(err)
	}
	if err := events.Close(ctx); err != nil {
		log.Fatal(err)
	}

	for frame, err := range client.Live("yard-motion", fromTheStart).Frames(ctx) {
		if err != nil {
			log.Fatal(err)
		}
		var m motion
		if err := json.Unmarshal(frame.Data, &m); err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s: %.0f %% of the picture, in frame %d of its fragment\n", frame.Time.Format("15:04:05.0"), 100*m.Share, m.Frame)
	}
	// Output:
	// 12:00:04.0: 8 % of the picture, in frame 0 of its fragment
	// 12:00:04.5: 5 % of the picture, in frame 1 of its fragment
	// 12:00:05.0: 17 % of the picture, in frame 0 of its fragment
	// 12:00:05.5: 5 % of the picture, in frame 1 of its fragment
	// 12:00:06.0: 8 % of the picture, in frame 0 of its fragment
}
