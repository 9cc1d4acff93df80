package producer_test

import (
	"context"
	"log"
	"os"
	"time"

	"github.com/millrace/millrace/media"
	"github.com/millrace/millrace/producer"
)

// A camera hands frames over as they come from its encoder.
func ExampleStream_Write() {
	ctx := context.Background()
	var client producer.Client // finds the server as the AWS tools do
	var codecPrivate []byte    // the encoder's avcC
	track, err := media.NewTrack(1, "V_MPEG4/ISO/AVC", codecPrivate)
	if err != nil {
		log.Fatal(err)
	}
	up, err := client.Open(ctx, "gate", producer.StreamConfig{
		Create: &producer.Spec{Retention: 24 * time.Hour, MediaType: "video/h264"},
		Tracks: []media.Track{track},
	})
	if err != nil {
		log.Fatal(err)
	}
	for range 100 {
		frame := media.Frame{Track: 1, PTS: time.Duration(time.Now().UnixNano()), Key: true, Data: []byte("…")}
		if err := up.Write(ctx, frame); err != nil {
			log.Fatal(err)
		}
	}
	if err := up.Close(ctx); err != nil {
		log.Fatal(err) // not everything is known to be durable
	}
}

// A file becomes an endless camera.
func ExampleClip_Play() {
	ctx, stop := context.WithTimeout(context.Background(), time.Hour)
	defer stop()
	file, err := os.ReadFile("door.mkv")
	if err != nil {
		log.Fatal(err)
	}
	clip, err := producer.ReadClip(file)
	if err != nil {
		log.Fatal(err)
	}
	var client producer.Client
	up, err := client.Open(ctx, "gate", producer.StreamConfig{})
	if err != nil {
		log.Fatal(err)
	}
	_ = clip.Play(ctx, up, producer.PlayOptions{Origin: time.Now(), Realtime: true, Loop: true}) // ends with ctx
	if err := up.Close(context.Background()); err != nil {
		log.Fatal(err)
	}
}
