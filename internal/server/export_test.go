package server

import (
	"net"

	"github.com/millrace/millrace/internal/auth"
)

// Paths are those of all operations, by their names.
func (s *Server) Paths() map[string]string { return s.api.Paths() }

// Sessions issues sessions of any kind.
func (s *Server) Sessions() *auth.Sessions { return s.sessions }

// OnPackaged says who is told of segments that are packaged for players.
func OnPackaged(o *Options, told func(bytes int64)) { o.packaged = told }

// ListenOn has the API on a listener that is there.
func ListenOn(o *Options, l net.Listener) { o.listener = l }
