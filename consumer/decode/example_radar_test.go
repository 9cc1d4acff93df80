package decode_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"log"
	"math"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/consumer"
	"github.com/millrace/millrace/consumer/decode"
	"github.com/millrace/millrace/media"
	"github.com/millrace/millrace/producer"
)

// approach sends what a radar sees of the yard: a distance in metres, ten times a
// second and a little behind the camera's pictures.
func approach(ctx context.Context, client *producer.Client) error {
	s, err := client.Open(ctx, "yard-radar", producer.StreamConfig{
		Create:   &producer.Spec{Retention: time.Hour},
		Tracks:   []media.Track{{Number: 1, Type: media.Metadata, CodecID: "X_RADAR", Name: "distance"}},
		Fragment: producer.FragmentRules{MinDuration: time.Second},
	})
	if err != nil {
		return err
	}
	for n := range 100 {
		at := noon().Add(time.Duration(n)*100*time.Millisecond + 7*time.Millisecond)
		sample := binary.BigEndian.AppendUint32(nil, math.Float32bits(20-0.1*float32(n)))
		if err := s.Write(ctx, media.Frame{Track: 1, PTS: time.Duration(at.UnixNano()), Key: true, Data: sample}); err != nil {
			return err
		}
	}
	return s.Close(ctx)
}

// watchApproach shows the distance that belongs to each picture.
func watchApproach(ctx context.Context, camera, radar *consumer.Reader) error {
	decoder := decode.New(decode.Options{})
	defer decoder.Close()
	pictures := decode.Pictures(ctx, decoder, camera.Frames(ctx))
	for pair, err := range media.Align(20*time.Millisecond, pictures, radar.Frames(ctx)) {
		if err != nil {
			return err
		}
		if !pair.Whole() {
			continue // the radar looks more often
		}
		distance := math.Float32frombits(binary.BigEndian.Uint32(pair.B.Data))
		if light := mean(brightness(pair.A.Image)); light > 10 {
			fmt.Printf("%s: something bright at %.1f m\n", pair.A.Time.Format("15:04:05.0"), distance)
		}
	}
	return nil
}

func mean(levels []uint8) (sum float64) {
	for _, level := range levels {
		sum += float64(level) / float64(len(levels))
	}
	return sum
}

// Two streams of one place are joined by time: pictures and what a radar measured.
func ExamplePicture_Instant() {
	defer serve()()
	ctx := context.Background()
	var sender producer.Client
	defer sender.Close(ctx)
	if err := yard(ctx, &sender); err != nil {
		log.Fatal(err)
	}
	if err := approach(ctx, &sender); err != nil {
		log.Fatal(err)
	}

	var client consumer.Client
	fromTheStart := consumer.LiveOptions{
		Start: millrace.StartSelector{Type: millrace.StartEarliest},
		Until: consumer.Until{Idle: time.Second},
	}
	if err := watchApproach(ctx, client.Live("yard", fromTheStart), client.Live("yard-radar", fromTheStart)); err != nil {
		log.Fatal(err)
	}
	// Output:
	// 12:00:04.0: something bright at 16.0 m
	// 12:00:04.5: something bright at 15.5 m
	// 12:00:05.0: something bright at 15.0 m
	// 12:00:05.5: something bright at 14.5 m
}
