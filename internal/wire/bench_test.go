package wire_test

import (
	"bufio"
	"net/http"
	"strings"
	"testing"

	"github.com/millrace/millrace/internal/wire"
)

// BenchmarkVerify measures the whole check of a request: parse and verify.
func BenchmarkVerify(b *testing.B) {
	for _, name := range []string{"json", "put-c", "put-unsigned-payload", "presigned-json"} {
		b.Run(name, func(b *testing.B) {
			f := own(b, name)
			r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(f.wire())))
			if err != nil {
				b.Fatal(err)
			}
			p := wire.StreamedPayload()
			if !f.streamed() {
				p = wire.BodyPayload([]byte(f.body))
			}
			v := wire.NewVerifier(wire.VerifierOptions{})
			b.ReportAllocs()
			for b.Loop() {
				a, err := wire.ParseAuthorization(r)
				if err == nil {
					err = v.Verify(r, a, f.secret, p, a.Time)
				}
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
