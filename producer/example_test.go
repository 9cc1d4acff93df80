package producer_test

import (
	"context"
	"encoding/binary"
	"errors"
	"log"
	"os"
	"sync"
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
		err := up.Write(ctx, frame)
		if errors.Is(err, producer.ErrNeedKeyFrame) {
			continue // ask the encoder for one
		}
		if err != nil {
			log.Fatal(err)
		}
	}
	if err := up.Close(ctx); err != nil {
		log.Fatal(err) // not everything is known to be durable
	}
}

// A camera's pictures and sound come from two encoders, each in a goroutine of
// its own. Sound that is behind, stops or begins late is the library's affair.
func ExampleStream_Write_soundAndPictures() {
	ctx := context.Background()
	var client producer.Client
	cam, err := client.Open(ctx, "gate", producer.StreamConfig{
		Tracks: []media.Track{
			{Number: 1, Type: media.Video, Codec: media.AVC}, // parameters are in the frames
			{Number: 2, Type: media.Audio, Codec: media.MuLaw, SampleRate: 8000, Channels: 1},
		},
		Events: producer.Events{Notice: func(err error) { log.Print(err) }},
	})
	if err != nil {
		log.Fatal(err)
	}
	var pictures, sound producer.Source // which give frames of track 1 and of track 2
	var group sync.WaitGroup
	for _, source := range []producer.Source{pictures, sound} {
		group.Go(func() {
			for frame, err := range source.Frames(ctx) {
				if err == nil {
					err = cam.Write(ctx, frame)
				}
				if err != nil {
					log.Print(err)
				}
			}
		})
	}
	group.Wait()
	if err := cam.Close(ctx); err != nil {
		log.Fatal(err)
	}
}

// Samples of a sensor are frames as well: no codec, many a second, with times
// finer than a millisecond and tags for what matters.
func ExampleStream_SetTag_radar() {
	ctx := context.Background()
	var client producer.Client
	radar, err := client.Open(ctx, "forklift", producer.StreamConfig{
		Tracks:   []media.Track{{Number: 1, Type: media.Metadata, CodecID: "X_RADAR", Name: "points"}},
		Fragment: producer.FragmentRules{MinDuration: time.Second},
		Time:     producer.TimeRules{Tick: 100 * time.Microsecond},
	})
	if err != nil {
		log.Fatal(err)
	}
	clock := producer.Clock{Notice: func(err error) { log.Print(err) }}
	for sweep := range uint64(1000) {
		sample := binary.BigEndian.AppendUint64(nil, sweep)
		if err := radar.Write(ctx, media.Frame{Track: 1, PTS: clock.Now(), Data: sample}); err != nil {
			log.Fatal(err)
		}
		if sweep == 500 {
			if err := radar.SetTag("alarm", "aisle 7", producer.OpenFragment); err != nil {
				log.Fatal(err)
			}
		}
	}
	if err := radar.Close(ctx); err != nil {
		log.Fatal(err)
	}
}

// A recording is uploaded with the time at which it was made, as fast as the
// server takes it.
func ExampleCopy() {
	ctx := context.Background()
	var client producer.Client
	archive, err := client.Open(ctx, "gate", producer.StreamConfig{
		Mode: producer.Offline,
		Time: producer.TimeRules{Relative: true, Start: time.Date(2026, 3, 1, 8, 15, 0, 250_000_000, time.UTC)},
	})
	if err != nil {
		log.Fatal(err)
	}
	var recording producer.Source // whose times begin at zero
	copied, err := producer.Copy(ctx, archive, recording)
	if err != nil {
		log.Fatal(err)
	}
	if err := archive.Close(ctx); err != nil {
		log.Fatal(err)
	}
	log.Printf("%d frames are durable", copied.Frames)
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
