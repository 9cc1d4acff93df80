package api_test

import (
	"errors"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/api"
	"github.com/millrace/millrace/internal/store/mem"
	"github.com/millrace/millrace/internal/wire"
)

// everyPath is the protocol's table, written down once more.
func everyPath() (offered, notOffered []string) {
	offered = strings.Fields(`/createStream /describeStream /listStreams /updateStream /deleteStream /updateDataRetention
		/getDataEndpoint /tagStream /untagStream /listTagsForStream /TagResource /UntagResource /ListTagsForResource
		/describeNotificationConfiguration /updateNotificationConfiguration
		/describeStreamStorageConfiguration /updateStreamStorageConfiguration
		/describeImageGenerationConfiguration /updateImageGenerationConfiguration
		/describeMediaStorageConfiguration /updateMediaStorageConfiguration /describeMappedResourceConfiguration
		/startEdgeConfigurationUpdate /describeEdgeConfiguration /deleteEdgeConfiguration /listEdgeAgentConfigurations`)
	notOffered = strings.Fields(`/createSignalingChannel /describeSignalingChannel /listSignalingChannels /updateSignalingChannel
		/deleteSignalingChannel /getSignalingChannelEndpoint
		/listFragments /getMediaForFragmentList /getClip /getImages /getHLSStreamingSessionURL /getDASHStreamingSessionURL
		/v1/get-ice-server-config /v1/send-alexa-offer-to-master /joinStorageSession /joinStorageSessionAsViewer`)
	return offered, notOffered
}

func TestEveryPathOfTheTableIsKnown(t *testing.T) {
	offered, others := everyPath()
	offered = append(offered, "/millrace/v1/deleteMedia", "/millrace/v1/listDeletions")
	if len(offered)+len(others) != 32+10+2 { // PutMedia and GetMedia are elsewhere
		t.Errorf("%d paths", len(offered)+len(others))
	}
	h := memHandler(t)
	for _, path := range offered {
		if got := post(t, h, path, `{"StreamName":7}`).errorType(); got == noSuchOp || got == notOffered {
			t.Errorf("%s: %s", path, got)
		}
	}
	for _, path := range others {
		got := post(t, h, path, `{}`)
		if got.errorType() != notOffered || got.status != http.StatusNotImplemented || !strings.Contains(got.body, "not supported") {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
		signaling := regexp.MustCompile(`(?i)signaling|ice-server|alexa|storageSession`).MatchString(path)
		if strings.Contains(got.body, "Signaling channels are not supported") != signaling {
			t.Errorf("%s: %s", path, got.body)
		}
	}
}

func TestRouting(t *testing.T) {
	c := config(mem.NewControl())
	c.MountPrefix = "/kvs/"
	h := newHandler(t, c)
	for _, tc := range []struct {
		name, method, path string
		known              bool
	}{
		{"an operation", "POST", "/listStreams", true},
		{"behind the mount prefix", "POST", "/kvs/listStreams", true},
		{"with a slash too many", "POST", "//listStreams", true},
		{"behind the mount prefix with a slash too many", "POST", "/kvs//listStreams", true},
		{"with a query", "POST", "/listStreams?X-Amz-Expires=600", true},
		{"with an absolute target", "POST", "http://example.com/listStreams", true},
		{"capitalised as it should be", "POST", "/ListTagsForResource", true},
		{"not capitalised as it should be", "POST", "/listTagsForResource", false},
		{"capitalised as it should not be", "POST", "/ListStreams", false},
		{"with a slash at the end", "POST", "/listStreams/", false},
		{"behind another prefix", "POST", "/kvsx/listStreams", false},
		{"the mount prefix alone", "POST", "/kvs", false},
		{"nothing", "POST", "/", false},
		{"by GET", "GET", "/listStreams", false},
		{"by PUT", "PUT", "/listStreams", false},
		{"by HEAD", "HEAD", "/listStreams", false},
		{"dots are no way around", "POST", "/x/../listStreams", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := ask(t, h, "root", tc.method, tc.path, "", nil)
			if unknown := got.status == 404 && got.errorType() == noSuchOp; unknown == tc.known {
				t.Errorf("%d %s", got.status, got.body)
			}
			if got.header.Get("X-Amzn-Requestid") == "" || got.header.Get("Access-Control-Allow-Origin") != "*" {
				t.Errorf("head: %v", got.header)
			}
		})
	}
}

func TestMediaCallsAreHandedOn(t *testing.T) {
	type seen struct {
		call api.MediaCall
		body string
	}
	var calls []seen
	handler := func(w http.ResponseWriter, r *http.Request, c *api.MediaCall) error {
		body, err := io.ReadAll(r.Body)
		calls = append(calls, seen{*c, string(body)})
		c.Stream = "cam"
		w.WriteHeader(http.StatusOK)
		return err
	}
	config := config(mem.NewControl())
	config.PutMedia, config.GetMedia = handler, handler
	h := newHandler(t, config)

	for _, path := range []string{"/putMedia", "//putMedia"} {
		calls = nil
		r, err := http.NewRequest(http.MethodPost, listen(t, h)+path, io.NopCloser(strings.NewReader("media")))
		if err != nil {
			t.Fatal(err)
		}
		if err := signer("root").Sign(r, wire.EmptyPayload, clock()); err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if len(calls) != 1 || calls[0].body != "media" || calls[0].call.Body != nil || calls[0].call.Principal.KeyID != "root" {
			t.Errorf("%s: status %d, calls %+v", path, resp.StatusCode, calls)
		}
	}

	calls = nil
	if got := post(t, h, "/getMedia", `{"StreamName":"cam"}`); got.status != 200 {
		t.Errorf("getMedia: %d %s", got.status, got.body)
	}
	if len(calls) != 1 || string(calls[0].call.Body) != `{"StreamName":"cam"}` || calls[0].call.RequestID == "" {
		t.Errorf("getMedia: %+v", calls)
	}
	if got := ask(t, h, "", "POST", "/getMedia", `{}`, nil); got.status != 403 || len(calls) != 1 {
		t.Errorf("getMedia without a signature: %d, %d calls", got.status, len(calls))
	}
	if got := ask(t, h, "", "POST", "/putMedia", `{}`, nil); got.status != 403 || len(calls) != 1 {
		t.Errorf("putMedia without a signature: %d, %d calls", got.status, len(calls))
	}
}

func TestErrorsOfMediaCallsAreAnswered(t *testing.T) {
	for name, tc := range map[string]struct {
		handler api.MediaHandler
		status  int
		want    string
	}{
		"before anything was written": {
			func(http.ResponseWriter, *http.Request, *api.MediaCall) error {
				return millrace.Errorf(millrace.CodeConnectionLimit, "Too many.")
			}, 400, "ConnectionLimitExceededException",
		},
		"a kind of the store": {
			func(http.ResponseWriter, *http.Request, *api.MediaCall) error { return millrace.ErrNotFound }, 404, missing,
		},
		"after the head was written": {
			func(w http.ResponseWriter, _ *http.Request, _ *api.MediaCall) error {
				w.WriteHeader(http.StatusOK)
				return errors.New("too late")
			}, 200, "",
		},
		"after an interim head": {
			func(w http.ResponseWriter, _ *http.Request, _ *api.MediaCall) error {
				w.WriteHeader(http.StatusContinue)
				return millrace.ErrNotFound
			}, 404, missing,
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := config(mem.NewControl())
			c.GetMedia = tc.handler
			got := send(t, listen(t, newHandler(t, c)), "root", "/getMedia", `{}`)
			if got.status != tc.status || got.errorType() != tc.want {
				t.Errorf("%d %q %s", got.status, got.errorType(), got.body)
			}
		})
	}
}

func TestConnectionThatIsTakenOverIsLeftAlone(t *testing.T) {
	c := config(mem.NewControl())
	log := logTo(&c)
	c.GetMedia = func(w http.ResponseWriter, _ *http.Request, _ *api.MediaCall) error {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return err
		}
		defer conn.Close()
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
		return errors.New("only the log should know")
	}
	h := newHandler(t, c)
	over := make(chan struct{})
	url := listen(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(w, r)
		close(over)
	}))
	got := send(t, url, "root", "/getMedia", `{}`)
	<-over
	if got.status != 200 || got.body != "hello" {
		t.Errorf("%d %q", got.status, got.body)
	}
	if record := log.last(t); record["status"] != 200.0 || record["err"] != "only the log should know" {
		t.Errorf("log: %v", record)
	}
}
