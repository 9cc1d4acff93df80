package producer_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/producer"
)

// repeat plays a Matroska file over and over until ctx ends, as if it were a
// camera, and tells of acknowledgements.
func repeat(ctx context.Context, client *producer.Client, path string, told func(producer.Ack)) error {
	file, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	clip, err := producer.ReadClip(file)
	if err != nil {
		return err
	}
	cam, err := client.Open(ctx, "demo", producer.StreamConfig{
		Create: &producer.Spec{Retention: time.Hour},
		Events: producer.Events{Ack: told},
	})
	if err != nil {
		return err
	}
	played := clip.Play(ctx, cam, producer.PlayOptions{Origin: time.Now(), Realtime: true, Loop: true})
	return errors.Join(played, cam.Close(context.WithoutCancel(ctx)))
}

// A file becomes an endless camera.
func ExampleClip_Play() {
	server := serve()
	defer server.Close()

	ctx, stop := context.WithCancel(context.Background())
	var client producer.Client
	defer client.Close(ctx)
	err := repeat(ctx, &client, "../testdata/putmedia/known-sizes-mkvmerge.body.mkv", func(a producer.Ack) {
		if a.Type == millrace.AckPersisted {
			stop() // that is enough
		}
	})
	fmt.Println(err)
	// Output: context canceled
}
