package decode

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"
	"sync"

	"github.com/millrace/millrace/media"
)

const (
	// maxQueued is how many frames wait for the child to take them.
	maxQueued = 16
	// maxReady is how many pictures wait to be taken.
	maxReady = 2
	// maxHeads is how many pictures may be announced and not yet read.
	maxHeads = 8
)

// A child is one run of FFmpeg: frames in, pictures out, in any order and at any
// speed.
//
//	packets ─▶ writeFrames ─▶ stdin │FFmpeg│ stdout ─▶ readPictures ─▶ pictures
//	                                │      │ stderr ─▶ readReports ──▶ heads ┘
//
// Nobody in this chain waits for two things at once, so that it stands still only
// where pictures are not taken, and then as a whole, up to whoever sends packets.
type child struct {
	cmd      *exec.Cmd
	packets  chan packet // closed by finish
	pictures chan decoded
	stop     func()        // kills the process; any number of times
	done     chan struct{} // closed when process and goroutines are gone
	err      error         // how it ended, nil if as it should; valid when done is closed
}

// startChild starts the program.
func startChild(path string, o Options, track *media.Track) (*child, error) {
	cmd := exec.Command(path, arguments(o)...)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("open pipe: %w", err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("open pipe: %w", err)
	}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return nil, fmt.Errorf("open pipe: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, &ProcessError{Err: err}
	}
	stopped := make(chan struct{})
	c := &child{
		cmd: cmd, packets: make(chan packet, maxQueued), pictures: make(chan decoded, maxReady), done: make(chan struct{}),
		stop: sync.OnceFunc(func() {
			close(stopped)
			cmd.Process.Kill() // an error says that it is dead
		}),
	}
	go c.run(stdin, stdout, stderr, o, track, stopped)
	return c, nil
}

// run owns the goroutines on the pipes, and the process's end. Wait closes the
// pipes, so it comes behind the last read; when the child is killed, whoever has
// inherited its pipes may hold them open, and nothing in them matters any more.
func (c *child) run(stdin io.WriteCloser, stdout, stderr io.Reader, o Options, track *media.Track, stopped <-chan struct{}) {
	defer close(c.done)
	var words lastWords
	var readErr, writeErr error
	var writer, readers sync.WaitGroup
	heads := make(chan shown, maxHeads)
	ended := make(chan struct{})
	writer.Go(func() {
		defer stdin.Close()
		writeErr = writeFrames(stdin, track, c.packets, ended)
	})
	readers.Go(func() { readReports(stderr, heads, &words, stopped) })
	readers.Go(func() {
		if readErr = readPictures(stdout, o, heads, c.pictures, stopped); errors.Is(readErr, ErrTooLarge) {
			c.stop()
		}
	})
	read := make(chan struct{})
	go func() { // ends with readers, which this function waits for
		readers.Wait()
		close(read)
	}()
	select {
	case <-read:
	case <-stopped:
	}
	close(ended)
	err := c.cmd.Wait()
	<-read
	writer.Wait()
	if err = errors.Join(readErr, err); err == nil {
		err = writeErr // it says less than how the child ended
	}
	if err != nil {
		c.err = &ProcessError{Err: err, Output: words.lines}
	}
}

// finish says that there will be no more packets, so that the child gives out
// what it has kept back and ends.
func (c *child) finish() { close(c.packets) }

// kill ends the child at once, and waits for it.
func (c *child) kill() {
	c.stop()
	<-c.done
}

// wait returns how the child ended.
func (c *child) wait(ctx context.Context) error {
	select {
	case <-c.done:
		return c.err
	case <-ctx.Done():
		c.kill()
		return ctx.Err()
	}
}

// arguments are those of the program. Times pass through it as they are, pictures
// are neither repeated nor left out, and nothing waits in buffers: what is known
// of the input stands in its header, and an encoder with threads, even that which
// copies samples, would keep back as many pictures.
func arguments(o Options) []string {
	args := []string{
		"-hide_banner", "-nostats", "-nostdin", "-loglevel", "repeat+level+info", "-copyts",
		"-threads", strconv.Itoa(max(o.Threads, 1)),
		"-probesize", "32", "-analyzeduration", "0", "-fpsprobesize", "0",
	}
	args = append(args, o.Input...)
	return append(args,
		"-f", "matroska", "-i", "pipe:0", "-map", "0:v:0",
		"-vf", filters(o), "-fps_mode", "passthrough", "-autoscale", "0", "-enc_time_base", "1:1000",
		"-c:v", "rawvideo", "-threads", "1", "-f", "rawvideo", "-flush_packets", "1", "pipe:1")
}

// filters bring pictures into the form that is asked for, and report them. Behind
// that they are numbered: a muxer drops pictures whose times do not ascend, and
// then the samples would be those of others than were reported.
func filters(o Options) string {
	var chain []string
	if o.Filter != "" {
		chain = append(chain, o.Filter)
	}
	scale := []string{}
	if o.Width > 0 || o.Height > 0 {
		scale = append(scale, "w="+side(o.Width), "h="+side(o.Height))
	}
	if o.Colours == JPEG {
		scale = append(scale, "out_range=full", "out_color_matrix=bt601")
	}
	if len(scale) > 0 {
		chain = append(chain, "scale="+strings.Join(scale, ":"))
	}
	format := [...]string{JPEG: "yuvj420p", Coded: "yuv420p", RGBA: "rgba"}[min(o.Colours, RGBA)]
	return strings.Join(append(chain, "format="+format, "showinfo=checksum=0", "setpts=N"), ",")
}

// side is one side of a scaled picture; 0 follows from the other, and is even.
func side(n int) string {
	if n <= 0 {
		return "-2"
	}
	return strconv.Itoa(n)
}
