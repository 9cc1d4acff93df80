package api_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/api"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/fault"
	"github.com/millrace/millrace/internal/store/mem"
)

const (
	noEdge     = "StreamEdgeConfigurationNotFoundException"
	edgeSecret = "arn:aws:secretsmanager:us-west-2:111122223333:secret:camera-password-Xy12ab"
)

func hub(name string) string { return "arn:aws:iot:us-west-2:111122223333:thing/" + name }

// edgeValue is an edge configuration with every member that there is.
func edgeValue(hub string) string {
	return `{"HubDeviceArn":"` + hub + `","RecorderConfig":{"MediaSourceConfig":{"MediaUriSecretArn":"` + edgeSecret + `","MediaUriType":"RTSP_URI"},` +
		`"ScheduleConfig":{"ScheduleExpression":"0 0/5 * ? * *","DurationInSeconds":60}},` +
		`"UploaderConfig":{"ScheduleConfig":{"ScheduleExpression":"0 0 3 ? * * *","DurationInSeconds":3600}},` +
		`"DeletionConfig":{"EdgeRetentionInHours":720,"LocalSizeConfig":{"MaxLocalMediaSizeInMB":2000000,"StrategyOnFullSize":"DENY_NEW_MEDIA"},` +
		`"DeleteAfterUpload":false}}`
}

// smallEdgeValue has what is required and nothing else.
func smallEdgeValue(hub string) string {
	return `{"HubDeviceArn":"` + hub + `","RecorderConfig":{"MediaSourceConfig":{"MediaUriSecretArn":"` + edgeSecret + `","MediaUriType":"FILE_URI"}}}`
}

func edgeBody(stream, hub string) string {
	return `{"StreamName":"` + stream + `","EdgeConfig":` + edgeValue(hub) + `}`
}

// clocked is a handler whose time goes on when it is told.
func clocked(t *testing.T, control store.Control) (h *api.Handler, now *time.Time) {
	t.Helper()
	at := clock()
	c := config(control)
	c.Now = func() time.Time { return at }
	return newHandler(t, c), &at
}

// TestAnEdgeConfigurationWaitsForItsAgent: fifteen minutes, and it is never
// there.
func TestAnEdgeConfigurationWaitsForItsAgent(t *testing.T) {
	eachStore(t, func(t *testing.T, control store.Control) {
		h, now := clocked(t, control)
		arn := create(t, h, "cam")
		call := func(path, body string) reply { t.Helper(); return postAt(t, h, *now, path, body) }
		shown := func(created, updated, status, details, config string) string {
			return `{"StreamName":"cam","StreamARN":"` + arn + `","CreationTime":` + created + `,"LastUpdatedTime":` + updated +
				`,"SyncStatus":"` + status + `"` + details + `,"EdgeConfig":` + config + `}`
		}
		const (
			began   = `1705489836.421`
			again   = `1705490736.421`
			failure = `,"FailedStatusDetails":"The edge agent was not in contact within 15 minutes."`
		)
		full, small := edgeValue(hub("a")), smallEdgeValue(hub("a"))

		wantAnswer(t, call("/describeEdgeConfiguration", `{"StreamName":"cam"}`), 404, noEdge)
		fresh := shown(began, began, "SYNCING", "", full)
		wantBody(t, call("/startEdgeConfigurationUpdate", edgeBody("cam", hub("a"))), fresh)

		*now = clock().Add(15*time.Minute - time.Millisecond)
		wantBody(t, call("/describeEdgeConfiguration", `{"StreamARN":"`+arn+`"}`), fresh)
		wantAnswer(t, call("/startEdgeConfigurationUpdate", edgeBody("cam", hub("a"))), 400, inUse)
		wantAnswer(t, call("/startEdgeConfigurationUpdate", edgeBody("cam", hub("b"))), 400, inUse)

		*now = clock().Add(15 * time.Minute)
		failed := shown(began, began, "SYNC_FAILED", failure, full)
		wantBody(t, call("/describeEdgeConfiguration", `{"StreamName":"cam"}`), failed)
		wantBody(t, call("/listEdgeAgentConfigurations", `{"HubDeviceArn":"`+hub("a")+`"}`), `{"EdgeConfigs":[`+failed+`]}`)
		wantAnswer(t, call("/startEdgeConfigurationUpdate", edgeBody("cam", hub("b"))), 400, badArg)
		wantBody(t, call("/startEdgeConfigurationUpdate", `{"StreamName":"cam","EdgeConfig":`+small+`}`), shown(began, again, "SYNCING", "", small))

		wantBody(t, call("/deleteEdgeConfiguration", `{"StreamName":"cam"}`), `{}`)
		wantAnswer(t, call("/describeEdgeConfiguration", `{"StreamName":"cam"}`), 404, noEdge)
		wantAnswer(t, call("/deleteEdgeConfiguration", `{"StreamName":"cam"}`), 404, noEdge)
		wantBody(t, call("/startEdgeConfigurationUpdate", edgeBody("cam", hub("b"))), shown(again, again, "SYNCING", "", edgeValue(hub("b"))))
	})
}

func TestOfStartsAtOnceOneSucceeds(t *testing.T) {
	eachStore(t, func(t *testing.T, control store.Control) {
		h := newHandler(t, config(control))
		url := listen(t, h)
		create(t, h, "cam")
		answers := atOnce(12, func(i int) reply {
			return send(t, url, "root", "/startEdgeConfigurationUpdate", edgeBody("cam", hub(fmt.Sprint(i))))
		})
		if got := tally(answers); got[fine] != 1 || got[inUse] != 11 {
			t.Errorf("answers: %v", got)
		}
		for _, a := range answers {
			if a.status != http.StatusOK && !strings.Contains(a.body, "is being synchronized") {
				t.Errorf("answer: %s", a.body)
			}
		}
	})
}

func TestOfEdgeDeletionsAtOnceOneSucceeds(t *testing.T) {
	eachStore(t, func(t *testing.T, control store.Control) {
		h := newHandler(t, config(control))
		url := listen(t, h)
		create(t, h, "cam")
		wantFine(t, post(t, h, "/startEdgeConfigurationUpdate", edgeBody("cam", hub("a"))))
		got := tally(atOnce(12, func(int) reply { return send(t, url, "root", "/deleteEdgeConfiguration", `{"StreamName":"cam"}`) }))
		if got[fine] != 1 || got[noEdge] != 11 {
			t.Errorf("answers: %v", got)
		}
	})
}

// A reborn control state has the stream deleted and created again, with an edge
// configuration, before it forgets a document.
type reborn struct {
	store.Control
	before func()
}

func (c *reborn) DeleteDocument(ctx context.Context, kind, name string) error {
	c.before()
	return c.Control.DeleteDocument(ctx, kind, name)
}

// TestADeletionThatWasOvertaken leaves the configuration of the later stream.
func TestADeletionThatWasOvertaken(t *testing.T) {
	c := &reborn{Control: mem.NewControl()}
	h := newHandler(t, config(c))
	create(t, h, "cam")
	wantFine(t, post(t, h, "/startEdgeConfigurationUpdate", edgeBody("cam", hub("a"))))
	c.before = func() {
		s, err := c.Stream(t.Context(), "cam")
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(c.BeginDelete(t.Context(), s.Key, ""), c.FinishDelete(t.Context(), s.Key)); err != nil {
			t.Fatal(err)
		}
		create(t, h, "cam")
		wantFine(t, post(t, h, "/startEdgeConfigurationUpdate", edgeBody("cam", hub("b"))))
	}
	wantAnswer(t, post(t, h, "/deleteEdgeConfiguration", `{"StreamName":"cam"}`), 404, noEdge)
	got := post(t, h, "/describeEdgeConfiguration", `{"StreamName":"cam"}`)
	if device := got.field(t, "EdgeConfig", "HubDeviceArn"); device != hub("b") {
		t.Errorf("%d %s", got.status, got.body)
	}
}

// TestEdgeConfigurationsAreListedByDevice: 23 of one device among those of
// another, a page at a time.
func TestEdgeConfigurationsAreListedByDevice(t *testing.T) {
	eachStore(t, func(t *testing.T, control store.Control) {
		h := newHandler(t, config(control))
		for i := range 23 {
			for _, device := range []string{"a", "b"} {
				name := fmt.Sprintf("%s-%02d", device, i)
				create(t, h, name)
				wantFine(t, post(t, h, "/startEdgeConfigurationUpdate", edgeBody(name, hub(device))))
			}
		}
		for limit, want := range map[string]int{``: 5, `,"MaxResults":1`: 1, `,"MaxResults":10`: 10} {
			var names []string
			token := ""
			for pages := 0; pages == 0 || token != ""; pages++ {
				got := post(t, h, "/listEdgeAgentConfigurations", `{"HubDeviceArn":"`+hub("a")+`","NextToken":"`+token+`"`+limit+`}`)
				wantFine(t, got)
				of := strings.Split(got.body, `"StreamName":"`)[1:]
				for _, part := range of {
					name, _, _ := strings.Cut(part, `"`)
					names = append(names, name)
				}
				token = got.field(t, "NextToken")
				if token != "" && len(of) != want || len(of) == 0 || pages > 23 {
					t.Fatalf("page %d of %d has %d", pages, want, len(of))
				}
				if token != "" {
					other := post(t, h, "/listEdgeAgentConfigurations", `{"HubDeviceArn":"`+hub("b")+`","NextToken":"`+token+`"}`)
					wantAnswer(t, other, 400, badArg)
				}
			}
			for i, name := range names {
				if name != fmt.Sprintf("a-%02d", i) {
					t.Errorf("name %d is %s", i, name)
				}
			}
			if len(names) != 23 {
				t.Errorf("%d names", len(names))
			}
		}
		wantBody(t, post(t, h, "/listEdgeAgentConfigurations", `{"HubDeviceArn":"`+hub("c")+`"}`), `{"EdgeConfigs":[]}`)
	})
}

// TestTheSecretOfACameraIsNotLogged, whatever goes right or wrong with it; nor
// does a message repeat it.
func TestTheSecretOfACameraIsNotLogged(t *testing.T) {
	failing := false
	c := config(fault.Control{Control: mem.NewControl(), Fail: func(method string) error {
		if failing && strings.HasSuffix(method, "Document") {
			return errors.New("broken")
		}
		return nil
	}})
	log := logTo(&c)
	h := newHandler(t, c)
	create(t, h, "cam")
	with := func(secret string) string {
		return `{"StreamName":"cam","EdgeConfig":{"HubDeviceArn":"` + hub("a") + `","RecorderConfig":{"MediaSourceConfig":{"MediaUriSecretArn":` + secret + `,"MediaUriType":"RTSP_URI"}}}}`
	}
	const word = "hunter2" // of what somebody gave in place of an ARN
	for name, tc := range map[string]struct {
		secret string
		broken bool
		want   string
	}{
		"a state that fails":         {`"` + edgeSecret + `"`, true, "InternalFailure"},
		"right":                      {`"` + edgeSecret + `"`, false, fine},
		"too short":                  {`"` + word + `"`, false, badArg},
		"no ARN":                     {`"` + word + n("x", 20) + `"`, false, badArg},
		"an ARN of something else":   {`"arn:aws:iam::111122223333:user/` + word + `"`, false, badArg},
		"too long":                   {`"` + edgeSecret + n("x", 2048) + `"`, false, badArg},
		"within something else":      {`["` + word + `"]`, false, badJSON},
		"a text that does not end":   {`"` + word, false, badJSON},
		"an object of the same word": {`{"Arn":"` + word + `"}`, false, badJSON},
	} {
		t.Run(name, func(t *testing.T) {
			failing = tc.broken
			post(t, h, "/deleteEdgeConfiguration", `{"StreamName":"cam"}`)
			got := post(t, h, "/startEdgeConfigurationUpdate", with(tc.secret))
			if got.errorType() != tc.want {
				t.Errorf("%d %q %s", got.status, got.errorType(), got.body)
			}
			if tc.want != fine && (strings.Contains(got.body, "camera-password") || strings.Contains(got.body, word)) {
				t.Errorf("the message has it: %s", got.body)
			}
			failing = false
			post(t, h, "/describeEdgeConfiguration", `{"StreamName":"cam"}`)
			post(t, h, "/listEdgeAgentConfigurations", `{"HubDeviceArn":"`+hub("a")+`"}`)
		})
	}
	if strings.Contains(log.text(), "camera-password") || strings.Contains(log.text(), word) {
		t.Errorf("the log has it: %s", log.text())
	}
	if !strings.Contains(log.text(), "StartEdgeConfigurationUpdate") {
		t.Errorf("the log has nothing: %s", log.text())
	}
}

func TestEdgeConfigurationsAreListedToThoseWhoMay(t *testing.T) {
	h := memHandler(t)
	body := `{"HubDeviceArn":"` + hub("a") + `"}`
	wantAnswer(t, ask(t, h, "guest", http.MethodPost, "/listEdgeAgentConfigurations", body, nil), 403, denied)
}
