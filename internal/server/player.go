package server

import (
	"net/http"

	"github.com/millrace/millrace/internal/player"
)

// withPlayer serves the page that shows a stream in a browser beside the
// protocol. It needs no credentials, for it holds nothing that is anybody's.
func withPlayer(protocol http.Handler) http.Handler {
	page := player.New()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if page.Serves(r) {
			page.ServeHTTP(w, r)
			return
		}
		protocol.ServeHTTP(w, r)
	})
}
