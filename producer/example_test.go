package producer_test

import (
	"encoding/hex"
	"iter"
	"log"
	"os"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/media"
	"github.com/millrace/millrace/producer/producertest"
)

// serve starts the server that the examples send to, and names it as one would
// name any other: in the environment. Close ends it.
func serve() *producertest.Server {
	server, err := producertest.NewServer(producertest.Millrace())
	if err != nil {
		log.Fatal(err)
	}
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL": server.Endpoint(), "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret",
	} {
		if err := os.Setenv(name, value); err != nil {
			log.Fatal(err)
		}
	}
	return server
}

// durable counts what a server keeps of a stream.
func durable(server *producertest.Server, stream millrace.StreamName) (fragments, frames int) {
	for _, f := range server.Persisted(stream) {
		fragments++
		frames += len(f.Frames)
	}
	return fragments, frames
}

// noon is when the devices of the examples are switched on.
func noon() time.Time { return time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC) }

// since is the PTS of what happens some time after noon.
func sinceNoon(d time.Duration) time.Duration { return time.Duration(noon().Add(d).UnixNano()) }

// What an encoder for H.264 gives: in front of a key frame stand the parameter
// sets.
const (
	keyFrame   = "000000016742c028da01e0089f970110000003001000000303c0f1832a" + "0000000168ce0fc8" + "0000000165888400"
	otherFrame = "00000001419a2400"
)

// encoder stands for the camera's: 25 pictures a second, of which one in 50 is a
// key frame.
func encoder(length time.Duration) iter.Seq[media.Frame] {
	const interval = 40 * time.Millisecond
	return func(yield func(media.Frame) bool) {
		for n := range int(length / interval) {
			text := otherFrame
			if n%50 == 0 {
				text = keyFrame
			}
			data, _ := hex.DecodeString(text)
			if !yield(media.Frame{Track: 1, PTS: sinceNoon(time.Duration(n) * interval), Key: n%50 == 0, Data: data}) {
				return
			}
		}
	}
}
