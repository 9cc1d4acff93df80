package credentials_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/credentials"
	"github.com/millrace/millrace/producer"
)

// A camera whose certificate "millrace device create porch" has made gets its
// keys by it, and renews them before they end.
func ExampleIoT() {
	client := &producer.Client{
		Endpoint: "https://video.example.net",
		Credentials: credentials.IoT{
			Endpoint:    "video.example.net",
			RoleAlias:   "camera",
			ThingName:   "porch",
			Certificate: "devices/porch.cert.pem",
			Key:         "devices/porch.key.pem",
			CA:          "devices/ca.pem",
		}.Source(),
	}
	_, err := client.Credentials(context.Background())
	fmt.Println(err != nil) // these files are not there
	// Output: true
}

// A file that another program keeps up to date, in the form of kvssink.
func ExampleKVSFile() {
	path := filepath.Join(os.TempDir(), fmt.Sprint("credentials-", os.Getpid()))
	end := time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
	if err := os.WriteFile(path, []byte("CREDENTIALS AKIDEXAMPLE "+end+" secret token\n"), 0o600); err != nil {
		log.Fatal(err)
	}
	defer os.Remove(path)

	source := credentials.KVSFile{Path: path}.Source()
	keys, err := source(context.Background())
	fmt.Println(keys, err)
	// Output: AKIDEXAMPLE <nil>
}

// A source is a function: one of your own may ask whom it likes.
func ExampleSharedFile() {
	profile := credentials.SharedFile{Profile: "gate"}.Source()
	source := func(ctx context.Context) (millrace.Credentials, error) {
		if keys, err := credentials.Environment()(ctx); err == nil {
			return keys, nil
		}
		return profile(ctx)
	}
	client := &producer.Client{Endpoint: "https://video.example.net", Credentials: source}
	fmt.Println(client.Endpoint)
	// Output: https://video.example.net
}
