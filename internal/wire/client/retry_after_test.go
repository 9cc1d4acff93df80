package client_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/wire/client"
)

type answers []http.Response

func (a *answers) RoundTrip(r *http.Request) (*http.Response, error) {
	resp := (*a)[0]
	if len(*a) > 1 {
		*a = (*a)[1:]
	}
	resp.Request = r
	return &resp, nil
}

func answer(status int, after, body string) http.Response {
	h := http.Header{"Date": {"Mon, 23 Nov 2026 10:00:00 GMT"}}
	if after != "" {
		h.Set("Retry-After", after)
	}
	return http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body))}
}

func TestRetryAfterAndThrottlingAreHonoured(t *testing.T) {
	const slowly = `{"__type":"ThrottlingException","message":"Rate exceeded"}`
	good := `{"StreamInfo":` + info + `}`
	for name, tc := range map[string]struct {
		answers     answers
		least, most time.Duration
		after       time.Duration // of the error; 0: none
		code        millrace.Code
	}{
		"seconds":            {answers{answer(503, "7", ""), answer(200, "", good)}, 7 * time.Second, 7 * time.Second, 0, 0},
		"a date":             {answers{answer(503, "Mon, 23 Nov 2026 10:00:09 GMT", ""), answer(200, "", good)}, 9 * time.Second, 9 * time.Second, 0, 0},
		"no number":          {answers{answer(503, "soon", ""), answer(200, "", good)}, 50 * time.Millisecond, 150 * time.Millisecond, 0, 0},
		"throttled":          {answers{answer(400, "", slowly), answer(200, "", good)}, 500 * time.Millisecond, 1500 * time.Millisecond, 0, 0},
		"throttled and told": {answers{answer(429, "3", slowly), answer(200, "", good)}, 3 * time.Second, 3 * time.Second, 0, 0},
		"too long":           {answers{answer(503, "120", ""), answer(200, "", good)}, 0, 0, 2 * time.Minute, millrace.CodeUnavailable},
		"ages":               {answers{answer(503, "2000000000", ""), answer(200, "", good)}, 0, 0, time.Hour, millrace.CodeUnavailable},
	} {
		synctest.Test(t, func(t *testing.T) {
			c := client.New(client.Settings{
				Endpoint: "http://control", Region: "r", HTTP: &http.Client{Transport: &tc.answers},
				Credentials: millrace.StaticCredentials(millrace.Credentials{AccessKeyID: "AKIDTEST", SecretAccessKey: "s"}),
			})
			defer c.Close()
			began := time.Now()
			err := describe(t, c)
			if took := time.Since(began); took < tc.least || took > tc.most {
				t.Errorf("%s: tried again after %v", name, took)
			}
			if (err != nil) != (tc.after > 0) || client.RetryAfter(err) != tc.after || err != nil && millrace.CodeOf(err) != tc.code {
				t.Errorf("%s: %v, after %v", name, err, client.RetryAfter(err))
			}
		})
	}
}
