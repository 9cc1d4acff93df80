package export_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/consumer"
	"github.com/millrace/millrace/consumer/export"
)

// An hour of an archive as MP4 files, which play while they are loaded.
func ExampleFiles() {
	ctx, client := context.Background(), &consumer.Client{}
	last := consumer.LiveOptions{
		Start: millrace.StartSelector{Type: millrace.StartServerTime, Time: time.Now().Add(-time.Hour)},
		Until: consumer.Until{Time: time.Now()},
	}
	reader := client.Live("gate-3", last)
	defer reader.Close()

	options := export.Options{
		Container: export.ContainerMP4,
		FastStart: true,
		LeaveOut:  true, // sensor records, which MP4 cannot carry
		Events: export.Events{
			LeftOut:  func(err *export.TrackError) { log.Print(err) },
			Moved:    func(m export.Move) { log.Printf("fragment %s: %v", m.Fragment, m.Reason) },
			Finished: func(p export.Part) { log.Printf("part %d has %v from %v", p.Number, p.Duration, p.Start) },
		},
	}
	err := export.Files(ctx, reader, options, func(part int) (io.WriteSeeker, error) {
		return os.Create(fmt.Sprintf("gate-3-%02d.mp4", part))
	})
	if err != nil {
		log.Fatal(err)
	}
}

// What is live, in a window of another program.
func ExamplePipe() {
	ctx, client := context.Background(), &consumer.Client{}
	reader := client.Live("gate-3", consumer.LiveOptions{})
	defer reader.Close()

	player := exec.CommandContext(ctx, "ffplay", "-fflags", "nobuffer", "-")
	if err := export.Pipe(ctx, reader, player, export.Options{}); err != nil {
		log.Fatal(err)
	}
}

// Each picture of a track of JPEG, as a file of its own.
func ExampleNewStills() {
	in, err := os.Open("lot.mkv")
	if err != nil {
		log.Fatal(err)
	}
	defer in.Close()
	stills := export.NewStills(export.Options{LeaveOut: true}, func(s export.Still) (io.WriteCloser, error) {
		return os.Create(fmt.Sprintf("lot-%s.jpg", s.Time.Format("150405.000")))
	})
	if err := export.Copy(context.Background(), consumer.ReadFrom(in, consumer.ReadOptions{}), stills); err != nil {
		log.Fatal(err)
	}
}

// An archiver that keeps what it wrote when it stops at tracks that a file cannot
// hold, and says so.
func ExampleNew() {
	file, err := os.Create("door.mkv")
	if err != nil {
		log.Fatal(err)
	}
	defer file.Close()
	writer, err := export.New(file, export.Options{TimeBack: export.TimeBackStops})
	if err != nil {
		log.Fatal(err)
	}
	client := &consumer.Client{}
	err = export.Copy(context.Background(), client.Live("door", consumer.LiveOptions{}), writer)
	switch {
	case errors.Is(err, export.ErrTracksChanged):
		log.Print("the camera was set up anew")
	case errors.Is(err, export.ErrTimeBack):
		log.Print("the camera started again, or its clock was set")
	case err != nil:
		log.Fatal(err)
	}
}
