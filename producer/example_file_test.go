package producer_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/millrace/millrace/producer"
)

// upload sends a Matroska file that was recorded at a time, as fast as the server
// confirms it, and returns when all of it is durable.
func upload(ctx context.Context, client *producer.Client, path string, recorded time.Time) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	archive, err := client.Open(ctx, "gate", producer.StreamConfig{
		Create: &producer.Spec{Retention: 24 * time.Hour},
		Mode:   producer.Offline,
	})
	if err != nil {
		return err
	}
	if err := producer.CopyMKV(ctx, archive, file, producer.PlayOptions{Origin: recorded}); err != nil {
		archive.Abort()
		return err
	}
	return archive.Close(ctx)
}

// A recording is uploaded with the time at which it was made.
func ExampleCopyMKV() {
	server := serve()
	defer server.Close()

	recorded := time.Date(2026, 3, 1, 8, 15, 0, 250_000_000, time.UTC)
	ctx := context.Background()
	var client producer.Client
	defer client.Close(ctx)
	if err := upload(ctx, &client, "../testdata/putmedia/known-sizes-mkvmerge.body.mkv", recorded); err != nil {
		log.Fatal(err)
	}
	fmt.Println(durable(server, "gate"))
	fmt.Println(server.Persisted("gate")[0].Time.UTC())
	// Output:
	// 3 90
	// 2026-03-01 08:15:00.25 +0000 UTC
}
