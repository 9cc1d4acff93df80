package client_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/wire"
	"github.com/millrace/millrace/internal/wire/client"
)

// A strict server refuses signatures that are five minutes off, as ours and
// AWS's do.
type strict struct {
	t        *testing.T
	off      func() time.Duration // its clock, less the true time
	liar     time.Duration        // added to the Date of its answers, by a proxy
	name     string
	message  string
	calls    int
	refusals int
}

func (s *strict) RoundTrip(r *http.Request) (*http.Response, error) {
	s.calls++
	now := time.Now().Add(s.off())
	signed, err := wire.SignedTime(r)
	if err != nil {
		s.t.Fatal(err)
	}
	resp := &http.Response{StatusCode: 200, Header: http.Header{}, Request: r, Body: io.NopCloser(strings.NewReader(`{"StreamInfo":` + info + `}`))}
	resp.Header.Set("Date", now.Add(s.liar).UTC().Format(http.TimeFormat))
	if signed.Sub(now).Abs() > 5*time.Minute {
		s.refusals++
		resp.StatusCode = 403
		resp.Body = io.NopCloser(strings.NewReader(`{"__type":"` + s.name + `","message":"` + s.message + `"}`))
	}
	return resp, nil
}

func (s *strict) client() *client.Client {
	return client.New(client.Settings{
		Endpoint: "http://control", Region: "r", HTTP: &http.Client{Transport: s}, Tries: 1,
		Credentials: millrace.StaticCredentials(millrace.Credentials{AccessKeyID: "AKIDTEST", SecretAccessKey: "s"}),
	})
}

func never() time.Duration { return 0 }

func TestAClockThatIsOffCostsOneCall(t *testing.T) {
	for name, tc := range map[string]struct {
		off           time.Duration
		name, message string
	}{
		"behind":               {time.Hour, "InvalidSignatureException", "Signature expired: 20231107T044734Z is now earlier than 20231107T045305Z (20231107T045805Z - 5 min.)"},
		"ahead":                {-6 * time.Minute, "InvalidSignatureException", "Signature not yet current: a is still later than b (c + 5 min.)"},
		"in 1970":              {56 * 365 * 24 * time.Hour, "RequestTimeTooSkewed", "The difference between the request time and the current time is too large."},
		"behind a bare answer": {20 * time.Minute, "", ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := &strict{t: t, off: func() time.Duration { return tc.off }, name: tc.name, message: tc.message}
			c := s.client()
			defer c.Close()
			for range 100 {
				if err := describe(t, c); err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				time.Sleep(10 * time.Minute)
			}
			if s.calls != 101 {
				t.Errorf("%s: %d calls", name, s.calls)
			}
		})
	}
}

func TestStepsOfTheWallClockCostNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &strict{t: t, off: never}
		c := s.client()
		defer c.Close()
		var ahead time.Duration
		c.Wall(func() time.Duration { return ahead })
		for _, ahead = range []time.Duration{0, time.Hour, -50 * 365 * 24 * time.Hour, time.Minute, 0, 10 * time.Minute} {
			if err := describe(t, c); err != nil {
				t.Errorf("ahead by %v: %v", ahead, err)
			}
			time.Sleep(time.Hour)
		}
		if s.refusals != 0 {
			t.Errorf("%d refusals", s.refusals)
		}
	})
}

// TestAfterASuspendTheServerSaysTheTime: the clock that never steps stood still.
func TestAfterASuspendTheServerSaysTheTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var slept time.Duration // what the world did meanwhile
		s := &strict{t: t, off: func() time.Duration { return slept }, name: "InvalidSignatureException", message: "Signature expired: x"}
		c := s.client()
		defer c.Close()
		c.Wall(func() time.Duration { return slept })
		for _, slept = range []time.Duration{0, 8 * time.Hour, 8 * time.Hour, 30 * time.Hour} {
			if err := describe(t, c); err != nil {
				t.Errorf("after %v: %v", slept, err)
			}
		}
		if s.refusals != 2 {
			t.Errorf("%d refusals", s.refusals)
		}
	})
}

func TestALyingDateDoesNotStick(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ahead := time.Hour
		s := &strict{t: t, off: never, liar: 3 * time.Hour, name: "InvalidSignatureException", message: "Signature not yet current: x"}
		c := s.client()
		defer c.Close()
		c.Wall(func() time.Duration { return ahead })
		if err := describe(t, c); millrace.CodeOf(err) != millrace.CodeInvalidSignature || s.calls != 2 {
			t.Errorf("%v after %d calls", err, s.calls)
		}
		ahead = 0 // the clock is set right
		if err := describe(t, c); err != nil {
			t.Error(err)
		}
	})
}

func TestARefusalInTimeIsNotTriedAgain(t *testing.T) {
	s := &strict{t: t, off: never}
	c := s.client()
	defer c.Close()
	req, err := http.NewRequest(http.MethodPost, "http://media/putMedia", nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Sign(t.Context(), req, wire.UnsignedPayload); err != nil {
		t.Fatal(err)
	}
	resp := &http.Response{StatusCode: 403, Header: http.Header{"Date": {time.Now().UTC().Format(http.TimeFormat)}}, Body: http.NoBody}
	if c.Refused(t.Context(), req, wire.DecodeError(resp)) {
		t.Error("a plain refusal is worth another try")
	}
	resp.StatusCode = 500
	if c.Refused(t.Context(), req, wire.DecodeError(resp)) || c.Refused(t.Context(), req, errNetwork) {
		t.Error("what is no refusal is worth another signature")
	}
}
