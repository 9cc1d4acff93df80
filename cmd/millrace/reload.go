package main

import (
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/millrace/millrace/internal/server"
)

// reloading makes SIGHUP have the server look for a newer certificate and open its
// audit log anew, until stop is called.
func reloading(srv *server.Server, logger *slog.Logger) (stop func()) {
	signals, end, ended := make(chan os.Signal, 1), make(chan struct{}), make(chan struct{})
	signal.Notify(signals, syscall.SIGHUP)
	go func() {
		defer close(ended)
		for {
			select {
			case <-signals:
				logger.Info("looking for a newer certificate, and opening the audit log anew")
				srv.Reload()
			case <-end:
				return
			}
		}
	}()
	return func() {
		signal.Stop(signals)
		close(end)
		<-ended
	}
}
