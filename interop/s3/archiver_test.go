//go:build interop

package s3

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/consumer"
	"github.com/millrace/millrace/consumer/checkpoint"
	"github.com/millrace/millrace/consumer/consumertest"
)

// A shelf keeps files under names with slashes in them. Put returns when the file
// is safe; to put it there again changes nothing.
type shelf interface {
	Put(ctx context.Context, name string, body []byte) error
}

// A bucket is a shelf in an S3-compatible store.
type bucket struct {
	url    string
	region string
	keys   aws.Credentials
}

func (b bucket) Put(ctx context.Context, name string, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, b.url+"/"+name, bytes.NewReader(body))
	if err != nil {
		return err
	}
	sum := sha256.Sum256(body)
	hash := hex.EncodeToString(sum[:])
	req.Header.Set("X-Amz-Content-Sha256", hash)
	plain := func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true } // S3 signs paths as they are
	if err := v4.NewSigner().SignHTTP(ctx, b.keys, req, hash, "s3", b.region, time.Now(), plain); err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		said, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
		return fmt.Errorf("put %s: %s: %s", name, resp.Status, said)
	}
	return nil
}

// archive is the archiver of the guide.
func archive(ctx context.Context, client *consumer.Client, store checkpoint.Store, to shelf) error {
	gate := client.Live("gate", consumer.LiveOptions{
		Name:    "archiver",
		Store:   store,
		Start:   millrace.StartSelector{Type: millrace.StartEarliest}, // the first time
		CatchUp: true,
	})
	var file bytes.Buffer
	for f, err := range gate.Fragments(ctx) {
		if err != nil {
			return errors.Join(err, gate.Close())
		}
		file.Reset()
		if _, err := f.WriteTo(&file); err != nil {
			continue // the loop goes on, or says why not
		}
		if !f.Complete() {
			continue // its producer was cut off, and sends it again
		}
		name := f.ProducerTime.Format("gate/2006-01-02/15-04-05.000-") + f.Number.String() + ".mkv"
		if err := to.Put(ctx, name, file.Bytes()); err != nil {
			return errors.Join(err, gate.Close()) // this fragment comes again
		}
	}
	return gate.Close()
}

// A fuse blows when so many files are on its shelf.
type fuse struct {
	shelf
	files int
	blow  func()
}

func (f *fuse) Put(ctx context.Context, name string, body []byte) error {
	err := f.shelf.Put(ctx, name, body)
	if f.files--; f.files == 0 {
		f.blow()
	}
	return err
}

// TestAStreamIsArchivedToS3: fragment by fragment, byte for byte as the archive
// gives them, over three runs of the program.
func TestAStreamIsArchivedToS3(t *testing.T) {
	to := moto(t)
	stranger := to
	stranger.keys.SecretAccessKey = "wrong"
	if err := stranger.Put(t.Context(), "x", nil); err == nil || !strings.Contains(err.Error(), "SignatureDoesNotMatch") {
		t.Fatalf("the store takes a wrong signature: %v", err)
	}
	const fragments = 60
	server := consumertest.Start(t, consumertest.Config{})
	footage := consumertest.Footage{Seed: 3, Began: time.Now().Add(-time.Hour).Truncate(time.Millisecond)}
	numbers := server.Stream("gate").Add(footage.Fragments(fragments)...)
	client := &consumer.Client{
		Endpoint: server.Endpoint(), Region: "us-east-1",
		Credentials: millrace.StaticCredentials(millrace.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "secret"}),
	}
	store, err := checkpoint.OpenFile(filepath.Join(t.TempDir(), "positions"))
	if err != nil {
		t.Fatal(err)
	}
	for _, files := range []int{20, 17, 23} {
		ctx, power := context.WithTimeout(t.Context(), time.Minute)
		if err := archive(ctx, client, store, &fuse{shelf: to, files: files, blow: power}); !errors.Is(err, context.Canceled) {
			t.Fatalf("after %d files: %v", files, err)
		}
	}
	for i, f := range server.Stream("gate").All() {
		name := f.ProducerTime.Format("gate/2006-01-02/15-04-05.000-") + numbers[i].String() + ".mkv"
		n := 0
		for frame, err := range consumer.ReadFrom(bytes.NewReader(to.get(t, name)), consumer.ReadOptions{Strict: true}).Frames(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(frame.Data, f.Frames[n].Data) {
				t.Errorf("%s: frame %d is not what was stored", name, n)
			}
			n++
		}
		if n != len(f.Frames) {
			t.Errorf("%s: %d frames, want %d", name, n, len(f.Frames))
		}
	}
	if got := strings.Count(string(to.get(t, "?list-type=2")), "<Key>"); got != fragments {
		t.Errorf("%d files of %d fragments", got, fragments)
	}
}

// get is what the bucket answers.
func (b bucket) get(t *testing.T, name string) []byte {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.url+"/"+name, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	hash := hex.EncodeToString(sha256.New().Sum(nil))
	req.Header.Set("X-Amz-Content-Sha256", hash)
	if err := v4.NewSigner().SignHTTP(t.Context(), b.keys, req, hash, "s3", b.region, time.Now()); err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("get %s: %s %s %v", name, resp.Status, body, err)
	}
	return body
}
