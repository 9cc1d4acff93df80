package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"

	"github.com/millrace/millrace/internal/config"
	"github.com/millrace/millrace/internal/server"
)

// settings is the server's flags. Their values are read by name, so that the
// file and the environment can stand below those that were given.
type settings struct {
	ConfigFile    string `name:"config" help:"YAML file with settings; else MILLRACE_CONFIG." placeholder:"FILE" type:"existingfile"`
	config.Server `embed:""`
}

// Validate keeps the parser from validating the flags alone, without the file
// and the environment.
func (settings) Validate() error { return nil }

func (s settings) load(c *console, more map[string]string) (config.Server, error) {
	return s.loadFor(c, "server", more, false)
}

// loadFor is load for the command that explains the settings in its help, which
// may do without a data directory.
func (s settings) loadFor(c *console, command string, more map[string]string, anyData bool) (config.Server, error) {
	flags := more
	if flags == nil {
		flags = map[string]string{}
	}
	for name, value := range c.flags {
		flags[name] = value
	}
	cfg, err := config.Load(config.Sources{File: s.ConfigFile, Environ: c.environ, Flags: flags, AnyData: anyData})
	if cfg.OTLPEndpoint == "" {
		cfg.OTLPEndpoint = c.lookup("OTEL_EXPORTER_OTLP_ENDPOINT")
	}
	if err != nil {
		return cfg, &usageError{err, "millrace " + command + " --help"}
	}
	return cfg, nil
}

type serverCommand struct {
	settings
}

// Help is what the long help says.
func (serverCommand) Help() string {
	return "Every setting is a flag, a variable (MILLRACE_IDLE_TIMEOUT) and a key of the file (idle-timeout). Flags win over variables, and variables over the file. " +
		"The root key is MILLRACE_ACCESS_KEY_ID and MILLRACE_SECRET_ACCESS_KEY, or else is made at the first start, kept in the data directory, and printed once."
}

// Run serves until ctx ends.
func (s serverCommand) Run(ctx context.Context, c *console) error {
	cfg, err := s.load(c, nil)
	if err != nil {
		return err
	}
	tuneCollector(c.lookup)
	logger := newLogger(c, cfg)
	for _, name := range config.Unknown(c.environ) {
		logger.Warn("variable is no setting", "name", name)
	}
	srv, err := server.Start(ctx, cfg, server.Options{Logger: logger})
	if err != nil {
		return fmt.Errorf("start server: %w", err)
	}
	announce(c, srv, cfg)
	stop := reloading(srv, logger)
	err = srv.Wait(ctx)
	stop()
	logger.Info("shutting down")
	if closed := srv.Close(); err == nil {
		err = closed
	}
	return err
}

func newLogger(c *console, cfg config.Server) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(cfg.LogLevel)) // validated
	options := &slog.HandlerOptions{Level: level}
	if cfg.LogFormat == "json" || c.json {
		return slog.New(slog.NewJSONHandler(c.err, options))
	}
	return slog.New(slog.NewTextHandler(c.err, options))
}

// announce tells the operator where the server is, and the key if that is new.
func announce(c *console, srv *server.Server, cfg config.Server) {
	key := srv.RootKey()
	if key.Warning != "" {
		c.say("Warning: %s", key.Warning)
	}
	if key.Created {
		c.say("This is the first start. The root key, which is printed only now and kept in %s:\n", key.Path)
		c.say("  export AWS_ACCESS_KEY_ID=%s", key.ID)
		c.say("  export AWS_SECRET_ACCESS_KEY=%s", key.Secret)
		c.say("  export AWS_DEFAULT_REGION=%s", cfg.Region)
		c.say("  export AWS_ENDPOINT_URL=%s\n", srv.URL())
	}
	introduce(c, srv.Authority())
	if c.json {
		line := map[string]string{"url": srv.URL(), "region": cfg.Region, "account": cfg.Account}
		if ca := srv.Authority(); ca != nil {
			line["ca"] = absolute(ca.Path())
		}
		if key.Created {
			line["accessKeyId"], line["secretAccessKey"] = key.ID, key.Secret
		}
		_ = c.print(line, nil) // a closed pipe does not stop a server
	}
	c.say("Serving %s. Ctrl-C ends it.", srv.URL())
}

type configCommand struct {
	settings
}

// Run prints the settings, and what a server would choose here where they leave
// it the choice.
func (s configCommand) Run(c *console) error {
	cfg, err := s.loadFor(c, "config", nil, true)
	if err != nil {
		return err
	}
	cfg = server.Effective(cfg)
	return c.print(cfg, func(w io.Writer) { fmt.Fprint(w, cfg) })
}
