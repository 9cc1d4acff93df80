package server_test

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/config"
	"github.com/millrace/millrace/internal/wire"
)

// A frozen clock stands still until it is moved.
type frozen struct {
	began time.Time
	moved atomic.Int64
}

func newFrozen() *frozen { return &frozen{began: time.Now()} }

func (f *frozen) now() time.Time { return f.began.Add(time.Duration(f.moved.Load())) }

func (f *frozen) move(d time.Duration) { f.moved.Add(int64(d)) }

// A refusal is how an operation says no.
type refusal struct {
	status     int
	kind, text string
}

func tooManyRequests(operation, resource string) refusal {
	return refusal{
		http.StatusBadRequest, "ClientLimitExceededException",
		"Limit exceeded on number of requests for " + operation + " API for resource '" + resource + "'",
	}
}

// asked makes a call and returns how it was refused, if it was.
func (r *rig) asked(path string, in any) refusal {
	r.t.Helper()
	resp := r.post(context.Background(), path, in)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	if resp.StatusCode == http.StatusOK {
		return refusal{status: resp.StatusCode}
	}
	return refusal{resp.StatusCode, resp.Header.Get(wire.HeaderErrorType), messageIn(string(body))}
}

// messageIn finds the message in an error's body.
func messageIn(body string) string {
	_, text, _ := strings.Cut(body, `essage":"`)
	text, _, _ = strings.Cut(text, `"`)
	return strings.NewReplacer(`\u0027`, "'").Replace(text)
}

// limited is true for what was refused because it was too much.
func (a refusal) limited() bool { return a.kind == "ClientLimitExceededException" }

// requestsOf are bodies of calls that are counted, by operation. Most of what
// they name is not there: a rate comes before that.
func requestsOf(name string) map[string]map[string]any {
	arn := fmt.Sprintf("arn:aws:kinesisvideo:us-west-2:000000000000:stream/%s/1", name)
	stream := func(more ...any) map[string]any {
		in := map[string]any{"StreamName": name}
		for i := 0; i < len(more); i += 2 {
			in[more[i].(string)] = more[i+1]
		}
		return in
	}
	return map[string]map[string]any{
		"CreateStream":        stream(),
		"DescribeStream":      stream(),
		"ListStreams":         {},
		"UpdateStream":        stream("CurrentVersion", "v"),
		"DeleteStream":        {"StreamARN": arn},
		"UpdateDataRetention": stream("CurrentVersion", "v", "Operation", "INCREASE_DATA_RETENTION", "DataRetentionChangeInHours", 1),
		"GetDataEndpoint":     stream("APIName", "PUT_MEDIA"),
		"TagStream":           stream("Tags", map[string]string{"k": "v"}),
		"UntagStream":         stream("TagKeyList", []string{"k"}),
		"ListTagsForStream":   stream(),
		"TagResource":         {"ResourceARN": arn, "Tags": []map[string]string{{"Key": "k", "Value": "v"}}},
		"UntagResource":       {"ResourceARN": arn, "TagKeyList": []string{"k"}},
		"ListTagsForResource": {"ResourceARN": arn},
		"GetMedia":            stream("StartSelector", earliest()),

		"GetHLSStreamingSessionURL": stream(),

		"DescribeNotificationConfiguration":    stream(),
		"UpdateNotificationConfiguration":      stream(),
		"DescribeImageGenerationConfiguration": stream(),
		"UpdateImageGenerationConfiguration":   stream(),
		"DescribeStreamStorageConfiguration":   stream(),
		"UpdateStreamStorageConfiguration":     stream("CurrentVersion", "v", "StreamStorageConfiguration", map[string]string{"DefaultStorageTier": "HOT"}),
		"DescribeMappedResourceConfiguration":  stream(),
		"DescribeEdgeConfiguration":            stream(),
		"DeleteEdgeConfiguration":              stream(),
		"StartEdgeConfigurationUpdate": stream("EdgeConfig", map[string]any{
			"HubDeviceArn": "arn:aws:iot:us-west-2:000000000000:thing/hub",
			"RecorderConfig": map[string]any{"MediaSourceConfig": map[string]string{
				"MediaUriSecretArn": "arn:aws:secretsmanager:us-west-2:000000000000:secret:camera-Xy12ab", "MediaUriType": "RTSP_URI",
			}},
		}),
		"ListEdgeAgentConfigurations": {"HubDeviceArn": "arn:aws:iot:us-west-2:000000000000:thing/hub"},
	}
}

func pathOf(operation string) string {
	if strings.HasSuffix(operation, "Resource") {
		return "/" + operation
	}
	return "/" + strings.ToLower(operation[:1]) + operation[1:]
}

func TestEachOperationHasTheServicesRateForOneStream(t *testing.T) {
	clock := newFrozen()
	r := start(t, clock.now, imitating(nil))
	for operation, in := range requestsOf("cam") {
		rate := config.Default(config.ProfileAWS).Rates.Each()[operation].Resource
		if rate == 0 {
			continue
		}
		for i := range rate {
			if a := r.asked(pathOf(operation), in); a.limited() || a.status >= 500 {
				t.Errorf("%s, call %d: %+v", operation, i, a)
			}
		}
		want := tooManyRequests(operation, "cam")
		for range 3 {
			if a := r.asked(pathOf(operation), in); a != want {
				t.Errorf("%s:\n got %+v\nwant %+v", operation, a, want)
			}
		}
		if a := r.asked(pathOf(operation), requestsOf("another")[operation]); a.limited() {
			t.Errorf("%s of another stream: %+v", operation, a)
		}
		clock.move(time.Second / time.Duration(rate))
		if a := r.asked(pathOf(operation), in); a.limited() {
			t.Errorf("%s, when it is time again: %+v", operation, a)
		}
		if a := r.asked(pathOf(operation), in); a != want {
			t.Errorf("%s, and once more: %+v", operation, a)
		}
	}
}

// TestEveryRateHasATest: an operation that is offered one day needs a row above.
func TestEveryRateHasATest(t *testing.T) {
	r := start(t, nil, imitating(nil))
	tested := requestsOf("cam")
	for operation := range config.Default(config.ProfileAWS).Rates.Each() {
		switch _, ok := tested[operation]; {
		case ok, operation == "PutMedia", strings.HasSuffix(operation, "MediaStorageConfiguration"):
			continue // the last are about channels, and are tested beside their handlers
		}
		if a := r.asked(pathOf(operation), map[string]any{}); a.kind != "UnsupportedOperationException" && a.kind != "UnknownOperationException" {
			t.Errorf("%s is offered: %+v", operation, a)
		}
	}
}

func TestEachOperationHasTheServicesRateForTheAccount(t *testing.T) {
	r := start(t, newFrozen().now, imitating(nil))
	rates := config.Default(config.ProfileAWS).Rates.Each()
	for _, operation := range slices.Sorted(maps.Keys(requestsOf(""))) { // CreateStream first
		t.Run(operation, func(t *testing.T) {
			rate := rates[operation]
			if rate.Account == 0 {
				rate.Account = 60 // there is no bound: streams beyond any are served
			}
			// Each has streams of its own: those that CreateStream makes would be read.
			for i := range rate.Account {
				if a := r.asked(pathOf(operation), requestsOf(fmt.Sprint(operation, i))[operation]); a.limited() || a.status >= 500 {
					t.Fatalf("call %d: %+v", i, a)
				}
			}
			a := r.asked(pathOf(operation), requestsOf(operation + "-more")[operation])
			if want := tooManyRequests(operation, "000000000000"); rates[operation].Account > 0 && a != want {
				t.Errorf("\n got %+v\nwant %+v", a, want)
			}
			if rates[operation].Account == 0 && a.limited() {
				t.Errorf("%+v", a)
			}
		})
	}
}

func TestPutMediaHasTheServicesRateForOneStream(t *testing.T) {
	r := start(t, newFrozen().now, imitating(nil))
	head := r.head(form{headers: []string{"Transfer-Encoding: chunked"}}, func(*draft) {})
	for i := range 6 {
		a, err := r.ask(head) // to a stream that is not there
		if err != nil {
			t.Fatal(err)
		}
		want := refusal{http.StatusNotFound, "ResourceNotFoundException", a.text}
		if i == 5 {
			want = tooManyRequests("PutMedia", "cam")
		}
		if got := (refusal{a.status, a.kind, a.text}); got != want || a.took > within {
			t.Errorf("call %d, after %v:\n got %+v\nwant %+v", i, a.took, got, want)
		}
	}
}

// TestOnlyWhatIsPermittedCounts: the rate is asked for behind constraints and
// permission, so that nobody uses up what is another's.
func TestOnlyWhatIsPermittedCounts(t *testing.T) {
	clock := newFrozen()
	r := start(t, clock.now, imitating(nil))
	r.create("cam", 24)
	status, key := r.call("/millrace/v1/createKey", map[string]any{
		"Name": "elsewhere", "Actions": []string{"DescribeStream"}, "Streams": []string{"door"},
	})
	if status != http.StatusOK {
		t.Fatalf("create key: %d %v", status, key)
	}
	stranger := *r
	stranger.keys = wire.Credentials{AccessKeyID: fmt.Sprint(key["AccessKeyId"]), SecretAccessKey: fmt.Sprint(key["SecretAccessKey"])}
	forged := *r
	forged.keys = wire.Credentials{AccessKeyID: keyID, SecretAccessKey: "forged"}
	for range 400 {
		if a := forged.asked("/describeStream", map[string]any{"StreamName": "cam"}); a.status != http.StatusForbidden {
			t.Fatalf("forged: %+v", a)
		}
	}
	for range 20 {
		if a := r.asked("/describeStream", map[string]any{"StreamName": "cam", "StreamARN": "none"}); a.kind != "InvalidArgumentException" {
			t.Fatalf("wrong: %+v", a)
		}
		if a := stranger.asked("/describeStream", map[string]any{"StreamName": "cam"}); a.kind != "AccessDeniedException" {
			t.Fatalf("denied: %+v", a)
		}
	}
	for i := range 5 {
		if a := r.asked("/describeStream", map[string]any{"StreamName": "cam"}); a.status != http.StatusOK {
			t.Errorf("call %d: %+v", i, a)
		}
	}
}

// TestKeysAreMadeNoFasterThanTheirRate: operations of Millrace's own have no
// rate in any profile, and can be given one.
func TestKeysAreMadeNoFasterThanTheirRate(t *testing.T) {
	for operation, in := range map[string]map[string]any{
		"CreateKey":       {"Name": "n", "Actions": []string{"PutMedia"}, "Streams": []string{"*"}},
		"ListKeys":        {},
		"UpdateKey":       {"AccessKeyId": "AKIAOTHERKEY00000000", "Status": "DISABLED"},
		"DeleteKey":       {"AccessKeyId": "AKIAOTHERKEY00000000"},
		"GetSessionToken": {},
		"CreateDevice":    {"DeviceName": "cam", "CertificateRequest": "none"},
		"ListDevices":     {},
		"UpdateDevice":    {"DeviceName": "cam", "Status": "DISABLED"},
		"DeleteDevice":    {"DeviceName": "cam"},
		"DescribeClock":   {},
	} {
		t.Run(operation, func(t *testing.T) {
			t.Parallel()
			r := start(t, newFrozen().now, func(c *config.Server) { c.Rates = config.Rates{{Operation: operation, Account: 2}} })
			for i, want := range []bool{false, false, true, true} {
				if a := r.asked("/millrace/v1"+pathOf(operation), in); a.limited() != want || a.kind == "InvalidArgumentException" {
					t.Errorf("call %d: %+v", i, a)
				}
			}
		})
	}
}

func TestWithoutTheProfileNoRequestIsTooMany(t *testing.T) {
	r := start(t, newFrozen().now, nil)
	r.create("cam", 24)
	for i := range 400 {
		if a := r.asked("/describeStream", map[string]any{"StreamName": "cam"}); a.status != http.StatusOK {
			t.Fatalf("call %d: %+v", i, a)
		}
	}
}
