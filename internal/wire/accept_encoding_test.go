package wire_test

import (
	"net/http"
	"testing"

	"github.com/millrace/millrace/internal/wire"
)

func TestAcceptsGzip(t *testing.T) {
	for _, test := range []struct {
		name   string
		values []string
		want   bool
	}{
		{"nothing is said", nil, false},
		{"a browser", []string{"gzip, deflate, br, zstd"}, true},
		{"in two headers", []string{"br", "gzip"}, true},
		{"with a weight", []string{"br;q=1.0, GZIP; q=0.5"}, true},
		{"ruled out", []string{"gzip;q=0, identity"}, false},
		{"ruled out precisely", []string{"gzip; q=0.000"}, false},
		{"with a weight that is none", []string{"gzip;q=much"}, false},
		{"another coding of a like name", []string{"x-gzip"}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := wire.AcceptsGzip(http.Header{"Accept-Encoding": test.values}); got != test.want {
				t.Errorf("%v for %q", got, test.values)
			}
		})
	}
}
