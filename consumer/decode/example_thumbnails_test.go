package decode_test

import (
	"context"
	"fmt"
	"image"
	"image/jpeg"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/consumer"
	"github.com/millrace/millrace/consumer/checkpoint"
	"github.com/millrace/millrace/consumer/decode"
	"github.com/millrace/millrace/producer"
)

// stills makes a picture of each camera every two seconds, together with as many
// other workers as have the same store.
func stills(ctx context.Context, client *consumer.Client, store checkpoint.Store, save func(millrace.StreamName, decode.Picture) error) error {
	return client.Run(ctx, consumer.RunnerOptions{
		App:    "stills",
		Store:  store,
		Prefix: "yard",
		Live: consumer.LiveOptions{
			Start:  millrace.StartSelector{Type: millrace.StartEarliest}, // the first time
			Commit: consumer.Manual,                                      // Thumbnails does, when pictures are saved
			Until:  consumer.Until{Idle: 2 * time.Second},                // and then again: nothing waits for a camera that is off
		},
	}, func(ctx context.Context, stream millrace.StreamName, camera *consumer.Reader) error {
		return decode.Thumbnails(ctx, camera, 2*time.Second, func(p decode.Picture) error {
			return save(stream, p)
		})
	})
}

// saveJPEG writes a picture to a file that has the time for its name.
func saveJPEG(path string, img image.Image) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer file.Close()
	if err := jpeg.Encode(file, img, nil); err != nil {
		return err
	}
	return file.Close()
}

// Workers make stills of all cameras.
func ExampleThumbnails() {
	defer serve()()
	dir, err := os.MkdirTemp("", "millrace-example-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	ctx, end := context.WithCancel(context.Background())
	defer end()
	var sender producer.Client
	defer sender.Close(ctx)
	if err := yard(ctx, &sender); err != nil {
		log.Fatal(err)
	}

	var client consumer.Client
	var store checkpoint.Memory
	saved := 0
	err = stills(ctx, &client, &store, func(stream millrace.StreamName, p decode.Picture) error {
		name := fmt.Sprintf("%s-%s.jpg", stream, p.Time.Format("15-04-05"))
		fmt.Println(name)
		if saved++; saved == 5 {
			end()
		}
		return saveJPEG(filepath.Join(dir, name), p.Image)
	})
	if err != nil {
		log.Fatal(err)
	}
	// Output:
	// yard-12-00-00.jpg
	// yard-12-00-02.jpg
	// yard-12-00-04.jpg
	// yard-12-00-06.jpg
	// yard-12-00-08.jpg
}
