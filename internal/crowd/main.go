// Command crowd measures what one producer process with many streams costs.
//
// It starts itself a second time as the server, so that what that takes is not
// counted: a sink that reads Matroska, acknowledges each fragment at once and
// keeps nothing. Its cameras write frames of one size at 25 a second, as an
// application would that has a goroutine for each. After a while in which they
// all begin, it measures for a while, and prints processor time, memory and
// goroutines, and what became of the media.
//
// It is for measuring: it refuses to use a directory for the spools that is there
// already, and removes the one that it has made.
//
// Run it from the root of the module:
//
//	go run ./internal/crowd -streams 200 -rate 2000000 -time 60s DIRECTORY
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"
)

// A crowd says what is to be measured.
type crowd struct {
	streams int
	rate    int           // bits a second, of a stream
	warm    time.Duration // before measuring begins
	time    time.Duration // that is measured
	memory  bool          // no spool
	server  string        // that takes it, instead of the sink; keys come from the environment
	dir     string        // of the spools
	out     io.Writer     // for what was measured
}

func main() {
	c := crowd{out: os.Stdout}
	sink := flag.Bool("sink", false, "be the server; for this program's own use")
	flag.IntVar(&c.streams, "streams", 200, "how many streams")
	flag.IntVar(&c.rate, "rate", 2_000_000, "bits a second of each")
	flag.DurationVar(&c.warm, "warm", 10*time.Second, "how long to wait before measuring")
	flag.DurationVar(&c.time, "time", 60*time.Second, "how long to measure")
	flag.BoolVar(&c.memory, "memory", false, "keep media in memory alone")
	flag.StringVar(&c.server, "server", "", "URL of a server to use instead of the sink, with keys from the environment")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var err error
	switch c.dir = flag.Arg(0); {
	case *sink:
		err = serve(ctx)
	case flag.NArg() != 1 || c.streams <= 0 || c.rate < 8*frameRate:
		flag.Usage()
		os.Exit(2)
	default:
		err = run(ctx, c)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "crowd:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, c crowd) (err error) {
	if err := os.Mkdir(c.dir, 0o700); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(c.dir)) }()
	server := &far{url: c.server}
	if c.server == "" {
		if server, err = startSink(ctx); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, server.stop()) }()
	}
	return c.measure(ctx, server)
}
