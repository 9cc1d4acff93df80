package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/config"
	"github.com/millrace/millrace/internal/demo"
	"github.com/millrace/millrace/internal/server"
	"github.com/millrace/millrace/internal/wire/client"
	"github.com/millrace/millrace/producer"
)

type demoCommand struct {
	Listen  string `help:"Address to listen on (127.0.0.1:8080, or any port if that is taken)." placeholder:"ADDR"`
	TLSAuto bool   `name:"tls-auto" help:"Serve https with a certificate of an authority that the demo makes."`
	Data    string `help:"Directory to keep everything in; without it, a temporary one that is removed at the end." placeholder:"DIR"`
}

const (
	demoStream    = "demo"
	demoListen    = "127.0.0.1:8080"
	demoAnyPort   = "127.0.0.1:0"
	demoRetention = 24 * time.Hour
	demoClose     = 5 * time.Second
)

// Run runs a server and a camera until ctx ends.
func (d demoCommand) Run(ctx context.Context, c *console) error {
	if d.Data == "" {
		dir, err := os.MkdirTemp("", "millrace-demo-")
		if err != nil {
			return fmt.Errorf("make data directory: %w", err)
		}
		defer os.RemoveAll(dir)
		d.Data = dir
		c.say("Media go to %s, which is removed at the end; --data DIR keeps them.", dir)
	}
	srv, cfg, err := d.start(ctx, c)
	if err != nil {
		return fmt.Errorf("start server: %w", err)
	}
	err = d.run(ctx, c, srv, cfg)
	return errors.Join(err, srv.Close())
}

// start starts the server; where the usual port is taken, on another.
func (d demoCommand) start(ctx context.Context, c *console) (*server.Server, config.Server, error) {
	listen := d.Listen
	if listen == "" {
		listen = demoListen
	}
	for {
		cfg, err := config.Load(config.Sources{
			Environ: demoEnviron(c),
			Flags:   map[string]string{"data": d.Data, "listen": listen, "log-level": "warn", "tls-auto": strconv.FormatBool(d.TLSAuto)},
		})
		if err != nil {
			return nil, cfg, err
		}
		srv, err := server.Start(ctx, cfg, server.Options{Logger: newLogger(c, cfg)})
		if errors.Is(err, syscall.EADDRINUSE) && d.Listen == "" && listen != demoAnyPort {
			listen = demoAnyPort
			continue
		}
		return srv, cfg, err
	}
}

// demoEnviron is what a demo takes from the environment: who it is, and not how
// another server is set up.
func demoEnviron(c *console) (environ []string) {
	for _, setting := range []string{"access-key-id", "secret-access-key", "region", "account"} {
		name := config.EnvironmentName(setting)
		if value := c.lookup(name); value != "" {
			environ = append(environ, name+"="+value)
		}
	}
	return environ
}

// run plays the camera until ctx ends or the server fails.
func (d demoCommand) run(ctx context.Context, c *console, srv *server.Server, cfg config.Server) error {
	clip, err := producer.ReadClip(demo.Clip())
	if err != nil {
		return err
	}
	key := srv.RootKey()
	settings := client.Settings{
		Endpoint:    srv.URL(),
		Region:      cfg.Region,
		Credentials: millrace.StaticCredentials(millrace.Credentials{AccessKeyID: key.ID, SecretAccessKey: key.Secret}),
		TLS:         trusting(srv.Authority()),
	}
	var m meter
	links := client.New(settings)
	page := startWatching(ctx, func(ctx context.Context) (string, error) {
		return pageOf(ctx, links, client.HLSSession{StreamName: demoStream, PlaybackMode: playbackModes()[modeLive]})
	}, func(address string, err error) { d.invite(c, address, err) })
	defer page.end()
	camera := &producer.Client{Endpoint: settings.Endpoint, Region: settings.Region, Credentials: settings.Credentials, TLS: settings.TLS}
	up, err := camera.Open(ctx, demoStream, producer.StreamConfig{
		Create: &producer.Spec{Retention: demoRetention, MediaType: "video/h264"},
		Events: producer.Events{
			Ack: func(a producer.Ack) {
				m.ack(a, millrace.AckPersisted)
				if a.Type == millrace.AckPersisted {
					page.keptOne()
				}
			},
			Disconnected: func(err error, _ time.Duration) { m.disconnected(err) },
		},
	})
	if err != nil {
		return err
	}
	if err := up.Ready(ctx); err != nil {
		up.Abort()
		return err
	}
	d.explain(c, srv, cfg)

	playing, stop := context.WithCancelCause(ctx)
	var watching sync.WaitGroup
	watching.Go(func() { stop(srv.Wait(playing)) })
	defer watching.Wait()
	defer stop(nil)
	t := startTicker(c, m.line)
	// The picture shows the second of the minute at which it is sent.
	err = clip.Play(playing, up, producer.PlayOptions{
		Origin: time.Now().Truncate(demo.Length), Realtime: true, Loop: true,
	})
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), demoClose)
	defer cancel()
	closed := up.Close(closing)
	t.end()
	if ctx.Err() != nil {
		return closed // ended as it should be
	}
	return errors.Join(err, context.Cause(playing), closed)
}

// invite says where the camera can be watched, which is possible once a second of
// it has been kept.
func (demoCommand) invite(c *console, address string, err error) {
	switch {
	case errors.Is(err, context.Canceled):
	case err != nil:
		c.say("There is no picture in the browser: %v", err)
	case c.json:
		_ = c.print(map[string]string{"player": address}, nil) // a closed pipe does not stop a demo
	default:
		c.say("\nWatch it in a browser:\n\n  %s\n", address)
	}
}

// explain says what to do with the demo.
func (demoCommand) explain(c *console, srv *server.Server, cfg config.Server) {
	key := srv.RootKey()
	if c.json {
		_ = c.print(map[string]string{ // a closed pipe does not stop a demo
			"url": srv.URL(), "stream": demoStream, "region": cfg.Region,
			"accessKeyId": key.ID, "secretAccessKey": key.Secret,
		}, nil)
	}
	introduce(c, srv.Authority())
	c.say("Serving %s with a camera on stream %q. In another terminal:\n", srv.URL(), demoStream)
	c.say("  export AWS_ENDPOINT_URL=%s AWS_DEFAULT_REGION=%s", srv.URL(), cfg.Region)
	c.say("  export AWS_ACCESS_KEY_ID=%s AWS_SECRET_ACCESS_KEY=%s", key.ID, key.Secret)
	c.say("  aws kinesisvideo describe-stream --stream-name %s", demoStream)
	c.say("  millrace frames %s", demoStream)
	c.say("  millrace pull %s | ffplay -", demoStream)
	c.say("  millrace pull %s --from '1m ago' --out minute.mkv\n", demoStream)
	c.say("(Without a built millrace: go run ./cmd/millrace pull ….) Ctrl-C ends everything.\n")
}
