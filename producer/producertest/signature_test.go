package producertest_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/wire"
	"github.com/millrace/millrace/producer/producertest"
)

// asked signs a describeStream with a key, at a time, and returns the status and
// the exception of the answer.
func asked(t *testing.T, s *producertest.Server, key millrace.Credentials, at time.Time) (int, string) {
	t.Helper()
	const body = `{"StreamName":"gate"}`
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.Endpoint()+"/describeStream", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	signer := wire.Signer{Credentials: wire.Credentials(key), Region: "us-east-1"}
	if err := signer.Sign(r, wire.PayloadHash([]byte(body)), at); err != nil {
		t.Fatal(err)
	}
	resp, err := s.HTTPClient().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	return resp.StatusCode, strings.Join(resp.Header["X-Amzn-Errortype"], "")
}

func TestSignatures(t *testing.T) {
	good := millrace.Credentials{AccessKeyID: "AKIDGOOD", SecretAccessKey: "secret", SessionToken: "token"}
	old := millrace.Credentials{AccessKeyID: "AKIDOLD", SecretAccessKey: "secret"}
	s := producertest.Start(t, producertest.Config{
		ClockOffset: time.Hour,
		Keys: []producertest.Key{
			{Credentials: good},
			{Credentials: old, Expires: time.Now().Add(-time.Second)},
		},
	})
	there := time.Now().Add(time.Hour) // the server's time
	forged, other := good, good
	forged.SecretAccessKey, other.SessionToken = "guess", "other"
	for name, tc := range map[string]struct {
		key       millrace.Credentials
		at        time.Time
		status    int
		exception string
	}{
		"good":                      {good, there, 200, ""},
		"another secret":            {forged, there, 403, "InvalidSignatureException"},
		"another token":             {other, there, 403, "UnrecognizedClientException"},
		"a key that nobody has":     {millrace.Credentials{AccessKeyID: "AKIDNONE", SecretAccessKey: "s"}, there, 403, "UnrecognizedClientException"},
		"a key that has expired":    {old, there, 403, "ExpiredTokenException"},
		"the time of another clock": {good, time.Now(), 403, "InvalidSignatureException"},
	} {
		if status, exception := asked(t, s, tc.key, tc.at); status != tc.status || exception != tc.exception {
			t.Errorf("%s: %d %q", name, status, exception)
		}
	}
	s.ForgetKey(good.AccessKeyID)
	if status, _ := asked(t, s, good, there); status != 403 {
		t.Errorf("a key that is forgotten: %d", status)
	}
	s.AllowKey(producertest.Key{Credentials: good})
	if status, _ := asked(t, s, good, there); status != 200 {
		t.Errorf("a key that is allowed again: %d", status)
	}
	if d := call(t, s, ""); d.code != 403 {
		t.Errorf("media without a signature: %d", d.code)
	}
}
