package decode_test

import (
	"bytes"
	"context"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"log"
	"os"
	"time"

	"github.com/millrace/millrace/internal/config"
	"github.com/millrace/millrace/internal/server"
	"github.com/millrace/millrace/media"
	"github.com/millrace/millrace/producer"
)

// serve starts the server of the examples, and names it as one would name any
// other: in the environment. The function that it returns ends it.
func serve() func() {
	dir, err := os.MkdirTemp("", "millrace-example-")
	if err != nil {
		log.Fatal(err)
	}
	settings := config.Default(config.ProfileDefault)
	settings.Data, settings.Listen, settings.Region = dir, "127.0.0.1:0", "us-west-2"
	settings.AccessKeyID, settings.SecretAccessKey = "AKIDEXAMPLE", "secretOfTheExamples"
	s, err := server.Start(context.Background(), settings, server.Options{})
	if err != nil {
		log.Fatal(err)
	}
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL": s.URL(), "AWS_REGION": settings.Region,
		"AWS_ACCESS_KEY_ID": settings.AccessKeyID, "AWS_SECRET_ACCESS_KEY": settings.SecretAccessKey,
	} {
		if err := os.Setenv(name, value); err != nil {
			log.Fatal(err)
		}
	}
	return func() {
		if err := s.Close(); err != nil {
			log.Print(err)
		}
		if err := os.RemoveAll(dir); err != nil {
			log.Print(err)
		}
	}
}

// yard sends ten seconds of a yard, two pictures a second, which something white
// crosses from second four to six.
func yard(ctx context.Context, client *producer.Client) error {
	s, err := client.Open(ctx, "yard", producer.StreamConfig{
		Create:   &producer.Spec{Retention: time.Hour, MediaType: "image/jpeg"},
		Tracks:   []media.Track{{Number: 1, Type: media.Video, Codec: media.MJPEG}},
		Fragment: producer.FragmentRules{MinDuration: time.Second},
	})
	if err != nil {
		return err
	}
	for n := range 20 {
		at := time.Duration(n) * 500 * time.Millisecond
		img := image.NewGray(image.Rect(0, 0, 160, 120))
		if at >= 4*time.Second && at < 6*time.Second {
			x := n * 10 % 100
			draw.Draw(img, image.Rect(x, 40, x+40, 80), image.NewUniform(color.White), image.Point{}, draw.Src)
		}
		var data bytes.Buffer
		if err := jpeg.Encode(&data, img, nil); err != nil {
			return err
		}
		if err := s.Write(ctx, media.Frame{Track: 1, PTS: time.Duration(noon().Add(at).UnixNano()), Key: true, Data: data.Bytes()}); err != nil {
			return err
		}
	}
	return s.Close(ctx)
}
