package decode_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/consumer"
	"github.com/millrace/millrace/consumer/checkpoint"
	"github.com/millrace/millrace/consumer/consumertest"
	"github.com/millrace/millrace/consumer/decode"
	"github.com/millrace/millrace/media"
	"github.com/millrace/millrace/mkv"
)

// A thumbnailer that fails again and again, and whose reader commits Manually,
// makes every picture: those of the batch that failed come once more.
func TestNoThumbnailIsLostToFailures(t *testing.T) {
	const count = 30
	server, err := consumertest.NewServer(consumertest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	began := time.Now().Add(-time.Hour).Truncate(time.Second)
	for n := range count {
		server.Stream("yard").Add(consumertest.Fragment{
			ServerTime: began.Add(time.Duration(n) * time.Second),
			Tracks:     []mkv.Track{{Number: 1, UID: 1, Type: mkv.TrackVideo, CodecID: media.MJPEG.CodecID()}},
			Frames:     []consumertest.Frame{{Track: 1, Key: true, Data: encoded(t, media.MJPEG, grey(16, 16, uint8(n)))}},
		})
	}
	client := &consumer.Client{
		Endpoint: server.Endpoint(), Region: "us-east-1",
		Credentials: millrace.StaticCredentials(millrace.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "secret"}),
	}
	var store checkpoint.Memory
	full := errors.New("disk is full")
	times := make([]int, count) // that each picture was saved
	for run := 0; slices.Contains(times, 0) && run < count; run++ {
		r := client.Live("yard", consumer.LiveOptions{
			Name: "stills", Store: &store, Commit: consumer.Manual,
			Start: millrace.StartSelector{Type: millrace.StartEarliest}, Until: consumer.Until{Idle: 300 * time.Millisecond},
		})
		saved := 0
		err := decode.Thumbnailer{Batch: 4}.Run(t.Context(), r, func(p decode.Picture) error {
			if saved++; saved == 7 {
				return full
			}
			times[int(p.Time.Sub(began)/time.Second)]++
			return nil
		})
		if err != nil && !errors.Is(err, full) {
			t.Fatal(err)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if slices.Contains(times, 0) || slices.Max(times) > 2 {
		t.Errorf("pictures were saved so many times: %v", times)
	}
}
