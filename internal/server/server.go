package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/millrace/millrace/internal/api"
	"github.com/millrace/millrace/internal/auth"
	"github.com/millrace/millrace/internal/config"
	"github.com/millrace/millrace/internal/device"
	"github.com/millrace/millrace/internal/egress"
	"github.com/millrace/millrace/internal/fragment"
	"github.com/millrace/millrace/internal/ingest"
	"github.com/millrace/millrace/internal/limit"
	"github.com/millrace/millrace/internal/memory"
	"github.com/millrace/millrace/internal/playback"
	"github.com/millrace/millrace/internal/tail"
)

// The bounds of a call's time. They end with net/http's interest in the
// connection, so that media calls, which take it over, are not bound by them.
const (
	headerTimeout = 20 * time.Second // until a request's head has arrived
	bodyTimeout   = time.Minute      // and its body
	answerTimeout = 2 * time.Minute  // and its answer is written
	callPatience  = 2 * time.Second  // for calls that a shutdown finds
)

// maxHeaderBytes bounds a request's head. Clients' heads are under 2 KiB.
const maxHeaderBytes = 64 << 10

// connectionTimeout closes a kept-alive connection without requests.
const connectionTimeout = 2 * time.Minute

// Options are what a Server needs beside its settings.
type Options struct {
	Logger *slog.Logger         // nil: nothing is logged
	Now    func() time.Time     // wall clock; nil means time.Now
	Boot   func() time.Duration // clock that never steps and counts suspend; nil means clock.Boot
	Keys   auth.Keys            // who may call; nil: the root key and those of the control state

	PackSize int64 // bytes at which packs are sealed; the store's default if zero
	rebuild  bool  // whether the index is made again, whatever is there

	packaged func(bytes int64) // told of segments for players; may be nil
	listener net.Listener      // of the API, instead of one on Listen; may be nil

	HeaderTimeout time.Duration // in which a request's head must arrive; 20 s if zero
	RenewEvery    time.Duration // how often media calls under way are checked against their keys; 5 s if zero
	WriteTimeout  time.Duration // in which a media client must take what is written; wire.DefaultWriteTimeout if zero
}

// A Server is a running Millrace.
type Server struct {
	cfg     config.Server
	options Options
	logger  *slog.Logger
	now     func() time.Time

	key      auth.LoadedRootKey
	sessions *auth.Sessions
	keys     *auth.KeyRing
	devices  *device.Registry // nil: plain HTTP
	state    *state
	media    *api.Media
	api      *api.Handler
	http     *http.Server
	listener net.Listener
	security *security        // nil: plain HTTP
	metrics  *metricsListener // nil if nobody wants it

	connections *connections
	observers   observers

	stop    context.CancelFunc // of the background work
	running sync.WaitGroup
	failed  chan error // why serving ended by itself
	closing sync.Once
	closed  error
}

// Start opens the data directory and serves. ctx bounds the start only. The
// Server must be closed.
func Start(ctx context.Context, cfg config.Server, o Options) (*Server, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Server{cfg: cfg, options: o, logger: o.Logger, now: o.Now, failed: make(chan error, 1)}
	if err := s.open(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Server) open(ctx context.Context) (err error) {
	if s.state, err = openState(ctx, s.cfg, s.options); err != nil {
		return err
	}
	if s.listener = s.options.listener; s.listener == nil {
		if s.listener, err = listen(ctx, s.cfg); err != nil {
			return err
		}
	}
	if s.security, err = openSecurity(s.cfg, s.listener, s.now, s.logger); err != nil {
		return err
	}
	s.listener = s.security.listener(s.listener)
	s.security.watch(s.state.metrics)
	// A key that is made now is shown once, by a start that succeeds: what can
	// fail easily comes before it.
	if s.key, err = auth.LoadRootKey(s.cfg.Data, s.getenv); err != nil {
		return fmt.Errorf("load root key: %w", err)
	}
	if err := s.openObservers(ctx); err != nil {
		return err
	}
	handler, background, err := s.wire(ctx)
	if err != nil {
		return err
	}
	if s.security != nil {
		background = append(background, s.security.certificate.Run)
	}
	s.http = &http.Server{
		Handler:           withPlayer(handler),
		ReadHeaderTimeout: cmp.Or(s.options.HeaderTimeout, headerTimeout),
		ReadTimeout:       bodyTimeout,
		WriteTimeout:      answerTimeout,
		IdleTimeout:       connectionTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(s.logger.Handler(), slog.LevelDebug),
		TLSNextProto:      noHTTP2(),
	}
	s.connections.watch(s.http)
	if s.cfg.MetricsListen != "" {
		if s.metrics, err = listenForMetrics(ctx, s.cfg.MetricsListen, s.state.metrics.handler(), handler, s.logger); err != nil {
			return err
		}
		background = append(background, s.metrics.run)
	}
	s.logStart()
	var run context.Context
	run, s.stop = context.WithCancel(context.WithoutCancel(ctx))
	for _, work := range background {
		s.running.Go(func() { work(run) })
	}
	s.running.Go(s.serve)
	return nil
}

// getenv gives the root key of the configuration the form in which it is looked
// for: as variables of the environment.
func (s *Server) getenv(name string) string {
	switch name {
	case auth.EnvAccessKeyID:
		return s.cfg.AccessKeyID
	case auth.EnvSecretAccessKey:
		return s.cfg.SecretAccessKey
	}
	return ""
}

// wire builds everything between the store and the listener. What it returns
// beside the handler has to run as long as that serves.
func (s *Server) wire(ctx context.Context) (http.Handler, []func(context.Context), error) {
	numbers := fragment.NewNumberer(s.state.epoch, time.Time{}, s.state.clock.Now, s.state.nextEpoch)
	cfg := Effective(s.cfg)
	budget := memory.New(int64(cfg.Memory))
	s.state.metrics.watchMemory(budget)
	s.connections = newConnections(cfg.MaxConnections)
	s.state.metrics.watchConnections(s.connections)
	fragments := tail.New(tail.Config{Numbers: numbers, Now: s.now, Memory: budget})
	sessions := ingest.New(ingest.Config{
		Store: s.state.media, Tail: fragments, Since: s.state.clock.Since,
		Limits:      fragment.Limits{MaxDuration: s.cfg.MaxFragmentDuration, AllowMissing: s.cfg.LenientTracks, AllowHeaders: s.cfg.LenientHeaders, Ascending: s.cfg.StrictTimecodes},
		KeepPartial: s.cfg.KeepPartial, AckWithoutStore: s.cfg.AckWithoutRetention, IdleTimeout: s.cfg.IdleTimeout, MaxAge: s.cfg.MaxConnectionAge,
		SessionsPerStream: s.cfg.MaxSessions, RefuseNew: s.cfg.SessionOverflow == config.OverflowRefuseNew,
		Pace: limit.Pace{Bytes: int64(s.cfg.SessionRate), Fragments: s.cfg.FragmentRate}, Logger: s.logger,
	})
	out := egress.New(egress.Config{
		Index: s.state.media, Opener: s.state.media, Now: s.state.clock.Now, IdleTimeout: s.cfg.ReaderIdleTimeout, Logger: s.logger, Memory: budget,
		Pace: limit.Pace{Bytes: int64(s.cfg.ReaderRate), Fragments: s.cfg.FragmentRate},
	})
	requests := limit.NewRequests(rates(s.cfg.Rates), s.now)
	if err := s.openKeys(ctx); err != nil {
		return nil, nil, err
	}
	archive := &api.Archive{
		Index: s.state.media, Points: limit.NewPoints(limit.Cost{Metadata: s.cfg.MetadataPoints, Media: s.cfg.MediaPoints}, s.now),
		StrictRanges: s.cfg.StrictRanges, Since: s.state.clock.Since, Events: s.state.metrics.archive.events(),
	}
	files := playback.NewFiles(playback.FilesConfig{
		Store: s.state.media, Rules: playback.Rules{Strict: s.cfg.StrictPlayback},
		Clip:         playback.ClipLimits{Fragments: s.cfg.ClipFragments, Bytes: int64(s.cfg.ClipBytes)},
		MaxFragments: s.cfg.MaxFileFragments, MaxOpen: s.cfg.MaxFiles, Memory: budget,
	})
	players, err := s.openPlayback(ctx, budget)
	if err != nil {
		return nil, nil, err
	}
	s.media = api.NewMedia(api.MediaConfig{
		Events:  s.state.metrics.media.events(),
		Streams: s.state.streams, Store: s.state.media, Tail: fragments, Sessions: sessions, Egress: out,
		Requests: requests, Account: s.cfg.Account, MaxReaders: s.cfg.MaxReaders, MaxListReaders: s.cfg.MaxListReaders, Archive: archive, MaxCalls: mostMediaCalls(s.connections.most), WriteTimeout: s.options.WriteTimeout, Logger: s.logger, Since: s.state.clock.Since,
		Renew: s.keys.Renew, RenewEvery: s.options.RenewEvery,
	})
	s.state.metrics.watchMedia(fragments, sessions, s.media.Readers)
	handler, err := api.New(ctx, api.Config{
		Control: s.state.streams,
		Auth:    s.authenticator(), Keys: s.keys,
		Region: s.cfg.Region, Account: s.cfg.Account, PublicURL: s.cfg.PublicURL,
		Requests: requests, MaxStreams: s.cfg.MaxStreams,
		PutMedia: s.media.PutMedia, GetMedia: s.media.GetMedia, GetMediaForFragmentList: s.media.GetMediaForFragmentList,
		Media: s.media, Archive: archive, Playback: players, Clock: s.state.clock,
		Files: files, Availability: api.NewAvailability(s.state.media, archive), Renew: s.keys.Renew, RenewEvery: s.options.RenewEvery, WriteTimeout: s.options.WriteTimeout,
		Metrics: s.state.metrics.handler(), Events: s.callEvents(), Authority: s.security.trustPEM(s.cfg), Devices: s.devices,
		Logger: s.logger, Now: s.now, Since: s.state.clock.Since,
	})
	if err != nil {
		return nil, nil, err
	}
	s.api = handler
	if err := s.cfg.Rates.CheckOperations(handler.Operations()); err != nil {
		return nil, nil, err
	}
	return handler, []func(context.Context){
		budget.Run,
		s.media.Run,
		fragments.Run,
		func(ctx context.Context) { s.logEnd("deletions", handler.Run(ctx)) },
		s.state.clock.Run,
		s.state.keepTime,
		func(ctx context.Context) { s.state.metrics.forecast.watch(ctx, s.state.media.RoomStats) },
		s.state.keepBallast,
		s.state.keeper.Run,
		func(ctx context.Context) { s.state.media.Scrub(ctx, int64(s.cfg.ScrubRate)) },
	}, nil
}

// logEnd reports background work that ended before it was asked to.
func (s *Server) logEnd(what string, err error) {
	if err != nil && !errors.Is(err, context.Canceled) {
		s.logger.Error("background work ended", "work", what, "err", err)
	}
}

func (s *Server) serve() {
	if err := s.http.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
		s.failed <- fmt.Errorf("serve: %w", err)
	}
}

// URL is where the server can be reached from this machine.
func (s *Server) URL() string { return localURL(s.listener.Addr(), s.security != nil) }

// MetricsAddr is where metrics are served openly; nil if nowhere.
func (s *Server) MetricsAddr() net.Addr {
	if s.metrics == nil {
		return nil
	}
	return s.metrics.listener.Addr()
}

// logStart says once what is running and how.
func (s *Server) logStart() {
	cfg := Effective(s.cfg)
	attrs := []any{
		"version", release(), "data", cfg.Data, "address", s.listener.Addr().String(), "url", s.URL(),
		"capacity", cfg.Capacity.String(), "memory", cfg.Memory.String(), "connections", cfg.MaxConnections, "profile", string(cfg.Profile),
	}
	if room := s.state.media.RoomStats(); room.Capacity > 0 {
		attrs = append(attrs, "usedBytes", room.Used, "leftBytes", room.Left)
	}
	if s.metrics != nil {
		attrs = append(attrs, "metrics", s.metrics.listener.Addr().String())
	}
	s.logger.Info("serving", attrs...)
}

// RootKey is the key that may do everything, and how it was found.
func (s *Server) RootKey() auth.LoadedRootKey { return s.key }

// ReadRootKey returns the root key that is kept in a data directory. Where there
// is none the error is fs.ErrNotExist.
func ReadRootKey(dir string) (auth.LoadedRootKey, error) { return auth.ReadRootKey(dir) }

// Wait returns when ctx ends, with nil, or when the server cannot go on.
func (s *Server) Wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case err := <-s.failed:
		return err
	}
}

// Close shuts the server down in the order that loses nothing: no new calls,
// then sessions and readers end, then what they submitted is committed, then
// the files close. Sessions have ShutdownTimeout. Further calls return what the
// first did.
func (s *Server) Close() error {
	s.closing.Do(func() { s.closed = s.shutdown() })
	return s.closed
}

func (s *Server) shutdown() error {
	ctx, cancel := context.WithTimeout(context.Background(), s.cfg.ShutdownTimeout)
	defer cancel()
	var errs []error
	if s.listener != nil {
		errs = append(errs, alreadyClosed(s.listener.Close()))
	}
	if s.media != nil {
		if err := s.media.Shutdown(ctx); err != nil {
			s.logger.Warn("media calls were broken off", "err", err)
		}
	}
	if s.http != nil {
		s.endCalls()
	}
	if s.stop != nil {
		s.stop()
	}
	s.running.Wait()
	if s.security != nil {
		s.security.close()
	}
	errs = append(errs, s.closeObservers())
	if s.state != nil {
		errs = append(errs, s.state.close())
	}
	return errors.Join(errs...)
}

// endCalls lets calls end that are being answered, for a while, and closes what
// is left: connections on which nothing is said.
func (s *Server) endCalls() {
	s.connections.dropIdle() // net/http would take leave of one after the other
	ctx, cancel := context.WithTimeout(context.Background(), callPatience)
	defer cancel()
	if s.http.Shutdown(ctx) != nil {
		_ = s.http.Close() // everything that was to be said has been said
	}
}
