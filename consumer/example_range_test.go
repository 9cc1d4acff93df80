package consumer_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/millrace/millrace/consumer"
	"github.com/millrace/millrace/consumer/export"
)

// save writes a range of time to a file, in the order in which it was filmed, and
// without what came twice.
func save(ctx context.Context, client *consumer.Client, from, to time.Time, path string) error {
	scene := client.Archive("gate", consumer.Range{From: from, To: to, Clock: consumer.ProducerClock}, consumer.ArchiveOptions{
		Order:   consumer.ByProducerTime,
		Replays: consumer.DropReplays,
	})
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer file.Close()
	out, err := export.New(file, export.Options{Container: export.ContainerMKV})
	if err != nil {
		return err
	}
	return errors.Join(export.Copy(ctx, scene, out), file.Close())
}

// Ten fragments out of sixty become a file.
func Example_range() {
	server, client := gateOf(60)
	defer server.Close()
	all := server.Stream("gate").All()
	dir, err := os.MkdirTemp("", "scene-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "scene.mkv")
	if err := save(context.Background(), client, all[20].ProducerTime, all[30].ProducerTime, path); err != nil {
		log.Fatal(err)
	}
	fmt.Println(framesOf(path), "frames")
	// Output: 30 frames
}
