package client_test

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/wire"
	"github.com/millrace/millrace/internal/wire/client"
)

// serverCertificate is any certificate in PEM.
func serverCertificate() []byte {
	s := httptest.NewTLSServer(nil)
	defer s.Close()
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
}

// transport answers requests without a network.
type transport func(r *http.Request, body map[string]any) (status int, answer string)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) {
	b, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	var in map[string]any
	if err := json.Unmarshal(b, &in); err != nil {
		return nil, err
	}
	status, answer := f(r, in)
	if status == 0 {
		return nil, errNetwork
	}
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader([]byte(answer))), Request: r}, nil
}

var errNetwork = errors.New("no route to host")

func clientOn(f transport) *client.Client {
	return client.New(client.Settings{
		Endpoint:    "http://control",
		Region:      "eu-west-1",
		Credentials: millrace.StaticCredentials(millrace.Credentials{AccessKeyID: "AKIDTEST", SecretAccessKey: "secret"}),
		HTTP:        &http.Client{Transport: f},
	})
}

const (
	arnText = "arn:aws:kinesisvideo:eu-west-1:000000000000:stream/gate/1700000000000"
	gate    = millrace.StreamName("gate")
	info    = `{"StreamName":"gate","StreamARN":"` + arnText + `","Status":"ACTIVE","CreationTime":1700000000.000,"Version":"v1","DataRetentionInHours":48,"MediaType":"video/h264","KmsKeyId":"k"}`
)

func TestOperationsOnTheWire(t *testing.T) {
	arn, err := millrace.ParseStreamARN(arnText)
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		call   func(context.Context, *client.Client) (any, error)
		answer string
		path   string
		sent   map[string]any
		want   any
	}{
		"DescribeStream": {
			call:   func(ctx context.Context, c *client.Client) (any, error) { return c.DescribeStream(ctx, gate) },
			answer: `{"StreamInfo":` + info + `}`, path: "/describeStream", sent: map[string]any{"StreamName": "gate"},
			want: millrace.Stream{
				Name: gate, ARN: arn, Created: time.UnixMilli(1700000000000).UTC(), Version: "v1", Status: millrace.StatusActive,
				Retention: 48 * time.Hour, MediaType: "video/h264", KMSKeyID: "k",
			},
		},
		"CreateStream": {
			call: func(ctx context.Context, c *client.Client) (any, error) {
				return c.CreateStream(ctx, gate, client.StreamSpec{Retention: 24 * time.Hour, Tags: map[string]string{"a": "b"}})
			},
			answer: `{"StreamARN":"` + arnText + `"}`, path: "/createStream",
			sent: map[string]any{"StreamName": "gate", "DataRetentionInHours": 24.0, "Tags": map[string]any{"a": "b"}},
			want: arn,
		},
		"GetHLSStreamingSessionURL": {
			call: func(ctx context.Context, c *client.Client) (any, error) {
				end := wire.Timestamp{Time: time.Unix(1700000060, 5e8)}
				return c.HLSSession(ctx, client.HLSSession{
					StreamName: gate, PlaybackMode: "ON_DEMAND", Expires: 300,
					HLSFragmentSelector: &client.HLSSelector{FragmentSelectorType: client.ServerTimestamp, TimestampRange: &client.TimestampRange{
						StartTimestamp: wire.Timestamp{Time: time.Unix(1700000000, 0)}, EndTimestamp: &end,
					}},
				})
			},
			answer: `{"DataEndpoint":"http://data","HLSStreamingSessionURL":"http://data/hls/v1/x.m3u8"}`, path: "/getHLSStreamingSessionURL",
			sent: map[string]any{
				"StreamName": "gate", "PlaybackMode": "ON_DEMAND", "Expires": 300.0,
				"HLSFragmentSelector": map[string]any{"FragmentSelectorType": "SERVER_TIMESTAMP", "TimestampRange": map[string]any{
					"StartTimestamp": 1700000000.0, "EndTimestamp": 1700000060.5,
				}},
			},
			want: "http://data/hls/v1/x.m3u8",
		},
		"UpdateStream": {
			call: func(ctx context.Context, c *client.Client) (any, error) {
				return nil, c.UpdateStream(ctx, gate, "v1", "cam", "")
			},
			answer: `{}`, path: "/updateStream",
			sent: map[string]any{"StreamName": "gate", "CurrentVersion": "v1", "DeviceName": "cam"},
		},
		"UpdateDataRetention up": {
			call: func(ctx context.Context, c *client.Client) (any, error) {
				return nil, c.ChangeRetention(ctx, gate, "v1", 3*time.Hour)
			},
			answer: `{}`, path: "/updateDataRetention",
			sent: map[string]any{"StreamName": "gate", "CurrentVersion": "v1", "Operation": "INCREASE_DATA_RETENTION", "DataRetentionChangeInHours": 3.0},
		},
		"UpdateDataRetention down": {
			call: func(ctx context.Context, c *client.Client) (any, error) {
				return nil, c.ChangeRetention(ctx, gate, "v1", -3*time.Hour)
			},
			answer: `{}`, path: "/updateDataRetention",
			sent: map[string]any{"StreamName": "gate", "CurrentVersion": "v1", "Operation": "DECREASE_DATA_RETENTION", "DataRetentionChangeInHours": 3.0},
		},
		"DeleteStream": {
			call:   func(ctx context.Context, c *client.Client) (any, error) { return nil, c.DeleteStream(ctx, arn, "v1") },
			answer: `{}`, path: "/deleteStream", sent: map[string]any{"StreamARN": arnText, "CurrentVersion": "v1"},
		},
		"TagStream": {
			call: func(ctx context.Context, c *client.Client) (any, error) {
				return nil, c.TagStream(ctx, gate, map[string]string{"k": "v"})
			},
			answer: `{}`, path: "/tagStream", sent: map[string]any{"StreamName": "gate", "Tags": map[string]any{"k": "v"}},
		},
		"UntagStream": {
			call: func(ctx context.Context, c *client.Client) (any, error) {
				return nil, c.UntagStream(ctx, gate, []string{"k"})
			},
			answer: `{}`, path: "/untagStream", sent: map[string]any{"StreamName": "gate", "TagKeyList": []any{"k"}},
		},
		"ListTagsForStream": {
			call:   func(ctx context.Context, c *client.Client) (any, error) { return c.Tags(ctx, gate) },
			answer: `{"Tags":{"k":"v"}}`, path: "/listTagsForStream", sent: map[string]any{"StreamName": "gate"},
			want: map[string]string{"k": "v"},
		},
		"GetDataEndpoint": {
			call: func(ctx context.Context, c *client.Client) (any, error) {
				return c.DataEndpoint(ctx, gate, client.PutMedia)
			},
			answer: `{"DataEndpoint":"http://data"}`, path: "/getDataEndpoint",
			sent: map[string]any{"StreamName": "gate", "APIName": "PUT_MEDIA"}, want: "http://data",
		},
	} {
		var path string
		var sent map[string]any
		c := clientOn(func(r *http.Request, body map[string]any) (int, string) {
			path, sent = r.URL.Path, body
			if !strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 Credential=AKIDTEST/") {
				t.Errorf("%s: authorization %q", name, r.Header.Get("Authorization"))
			}
			return 200, tc.answer
		})
		got, err := tc.call(t.Context(), c)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if path != tc.path || !reflect.DeepEqual(sent, tc.sent) {
			t.Errorf("%s: sent %v to %s", name, sent, path)
		}
		if !reflect.DeepEqual(got, tc.want) {
			t.Errorf("%s: got %+v, want %+v", name, got, tc.want)
		}
	}
}

func TestListsAreWalkedToTheirEnd(t *testing.T) {
	c := clientOn(func(_ *http.Request, in map[string]any) (int, string) {
		if cond := fmt.Sprint(in["StreamNameCondition"]); cond != "map[ComparisonOperator:BEGINS_WITH ComparisonValue:ga]" {
			t.Errorf("condition %s", cond)
		}
		if in["NextToken"] == nil {
			return 200, `{"StreamInfoList":[` + info + `],"NextToken":"more"}`
		}
		return 200, `{"StreamInfoList":[` + info + `,` + info + `]}`
	})
	n := 0
	for s, err := range c.Streams(t.Context(), "ga") {
		if err != nil || s.Name != gate {
			t.Errorf("stream %v, %v", s, err)
		}
		n++
	}
	if n != 3 {
		t.Errorf("%d streams", n)
	}
}

func TestWhatMayPassIsTriedAgain(t *testing.T) {
	for name, tc := range map[string]struct {
		answers []int // statuses; 0 is no network
		calls   int
		code    millrace.Code
		ok      bool
	}{
		"at once":                 {[]int{200}, 1, 0, true},
		"after an outage":         {[]int{0, 503, 500, 200}, 4, 0, true},
		"an outage that goes on":  {[]int{503, 503, 503, 503, 503}, 4, millrace.CodeUnavailable, false},
		"a refusal is an answer":  {[]int{403, 200}, 1, millrace.CodeAccessDenied, false},
		"not found is an answer":  {[]int{404, 200}, 1, millrace.CodeNotFound, false},
		"bad input is an answer":  {[]int{400, 200}, 1, millrace.CodeInvalidArgument, false},
		"a network that is gone":  {[]int{0, 0, 0, 0, 0}, 4, millrace.CodeInternal, false},
		"what is not implemented": {[]int{501, 200}, 1, millrace.CodeUnsupported, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				calls := 0
				c := clientOn(func(*http.Request, map[string]any) (int, string) {
					status := tc.answers[calls]
					calls++
					return status, answerOf(status)
				})
				began := time.Now()
				_, err := c.DataEndpoint(t.Context(), gate, client.GetMedia)
				if calls != tc.calls || (err == nil) != tc.ok || !tc.ok && millrace.CodeOf(err) != tc.code {
					t.Errorf("%d calls, %v", calls, err)
				}
				if d := time.Since(began); tc.calls == 4 && (d < 150*time.Millisecond || d > 5*time.Second) {
					t.Errorf("took %v", d)
				}
			})
		})
	}
}

func answerOf(status int) string {
	names := map[int]string{
		400: "InvalidArgumentException", 403: "AccessDeniedException", 404: "ResourceNotFoundException",
		500: "InternalFailure", 501: "UnsupportedOperationException", 503: "ServiceUnavailable",
	}
	if status == 200 {
		return `{"DataEndpoint":"http://data"}`
	}
	return `{"__type":"` + names[status] + `","message":"so it is"}`
}

func TestFragmentsAreWalkedToTheLimit(t *testing.T) {
	for _, tc := range []struct {
		limit, there int
		asked        []float64 // MaxResults of each page
	}{
		{0, 2500, []float64{1000, 1000, 1000}},
		{0, 0, []float64{1000}},
		{1, 2500, []float64{1}},
		{1500, 2500, []float64{1000, 500}},
		{5000, 2500, []float64{1000, 1000, 1000}},
		{2500, 2500, []float64{1000, 1000, 500}},
	} {
		var asked []float64
		given := 0
		c := clientOn(func(r *http.Request, in map[string]any) (int, string) {
			if r.URL.Path != "/listFragments" {
				return 200, `{"DataEndpoint":"http://data"}`
			}
			if (in["NextToken"] == nil) != (len(asked) == 0) || (in["FragmentSelector"] == nil) != (len(asked) > 0) {
				t.Errorf("asked for page %d with %v", len(asked), in)
			}
			most := int(in["MaxResults"].(float64))
			asked = append(asked, float64(most))
			n := min(most, tc.there-given)
			given += n
			one := `{"FragmentNumber":"91343852333181432392682062607743920146159169392","FragmentSizeInBytes":7,"ProducerTimestamp":1.5,"ServerTimestamp":2.000,"FragmentLengthInMilliseconds":40}`
			list := `{"Fragments":[` + strings.TrimSuffix(strings.Repeat(one+",", n), ",") + `]`
			if given < tc.there {
				list += `,"NextToken":"next"`
			}
			return 200, list + "}"
		})
		got := 0
		for f, err := range c.Fragments(t.Context(), gate, client.FragmentRange{Clock: client.ServerTimestamp, Limit: tc.limit}) {
			if err != nil || f.Bytes != 7 || f.ProducerTimestamp.UnixMilli() != 1500 || f.LengthMilliseconds != 40 {
				t.Fatal(f, err)
			}
			got++
		}
		want := tc.there
		if tc.limit > 0 {
			want = min(want, tc.limit)
		}
		if got != want || !slices.Equal(asked, tc.asked) {
			t.Errorf("limit %d of %d: %d fragments by pages of %v", tc.limit, tc.there, got, asked)
		}
	}
}

func TestSignaturesAreTheServersOwn(t *testing.T) {
	verified := false
	c := clientOn(func(r *http.Request, _ map[string]any) (int, string) {
		body := []byte(`{"StreamName":"gate"}`)
		again := r.Clone(t.Context())
		at, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
		if err != nil {
			t.Fatal(err)
		}
		again.Header.Del("Authorization")
		signer := wire.Signer{Credentials: wire.Credentials{AccessKeyID: "AKIDTEST", SecretAccessKey: "secret"}, Region: "eu-west-1"}
		if err := signer.Sign(again, wire.PayloadHash(body), at); err != nil {
			t.Fatal(err)
		}
		verified = again.Header.Get("Authorization") == r.Header.Get("Authorization")
		return 200, `{"StreamInfo":` + info + `}`
	})
	if _, err := c.DescribeStream(t.Context(), gate); err != nil || !verified {
		t.Errorf("verified %v, %v", verified, err)
	}
}

func TestBackoffGrowsToItsBoundAndStartsAgain(t *testing.T) {
	b := client.Backoff{Min: 100 * time.Millisecond, Max: time.Second}
	for _, bound := range []time.Duration{100, 200, 400, 800, 1000, 1000} {
		if d := b.Next(); d < 50*time.Millisecond || d > bound*time.Millisecond+50*time.Millisecond {
			t.Errorf("wait %v at bound %v ms", d, int64(bound))
		}
	}
	b.Reset()
	if d := b.Next(); d > 150*time.Millisecond {
		t.Errorf("after reset %v", d)
	}
}

func TestAClientThatIsClosedHasNoConnections(t *testing.T) {
	gone := make(chan struct{})
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"StreamInfo":%s}`, info)
	}))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateClosed {
			close(gone)
		}
	}
	s.Start()
	defer s.Close()
	c := client.New(client.Settings{
		Endpoint:    s.URL,
		Region:      "eu-west-1",
		Credentials: millrace.StaticCredentials(millrace.Credentials{AccessKeyID: "AKIDTEST", SecretAccessKey: "secret"}),
	})
	if _, err := c.DescribeStream(t.Context(), gate); err != nil {
		t.Fatal(err)
	}
	c.Close()
	select {
	case <-gone:
	case <-time.After(10 * time.Second):
		t.Error("a connection stays")
	}
}
