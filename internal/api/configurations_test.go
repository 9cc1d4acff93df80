package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/mem"
)

const noRetention = "NoDataRetentionException"

// A configured is one of the configurations that stand beside a stream.
type configured struct {
	describe, update string // paths
	member           string
	full             string // with every member that there is
	other            string
}

func configurations() []configured {
	return []configured{
		{
			"/describeNotificationConfiguration", "/updateNotificationConfiguration", "NotificationConfiguration",
			`{"Status":"ENABLED","DestinationConfig":{"Uri":"arn:aws:sns:us-west-2:111122223333:fragments"}}`,
			`{"Status":"DISABLED","DestinationConfig":{"Uri":"https://example.com/hook?a=<b>"}}`,
		},
		{
			"/describeImageGenerationConfiguration", "/updateImageGenerationConfiguration", "ImageGenerationConfiguration",
			`{"Status":"ENABLED","ImageSelectorType":"PRODUCER_TIMESTAMP","DestinationConfig":{"Uri":"s3://pictures","DestinationRegion":"us-west-2"},` +
				`"SamplingInterval":3000,"Format":"JPEG","FormatConfig":{"JPEGQuality":"80"},"WidthPixels":640,"HeightPixels":480}`,
			`{"Status":"DISABLED","ImageSelectorType":"SERVER_TIMESTAMP","DestinationConfig":{"Uri":"s3://others/x","DestinationRegion":"us-west-2"},` +
				`"SamplingInterval":200,"Format":"PNG"}`,
		},
	}
}

func (c configured) put(value string) string {
	return `{"StreamName":"cam","` + c.member + `":` + value + `}`
}

func wantFine(t *testing.T, got reply) {
	t.Helper()
	if got.status != http.StatusOK {
		t.Fatalf("answered %d %q: %s", got.status, got.errorType(), got.body)
	}
}

// wantBody compares answers as JSON.
func wantBody(t *testing.T, got reply, want string) {
	t.Helper()
	wantFine(t, got)
	var a, b any
	if err := json.Unmarshal([]byte(got.body), &a); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(want), &b); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(b, a); diff != "" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
}

func TestConfigurationsAreReturnedAsTheyWereGiven(t *testing.T) {
	eachStore(t, func(t *testing.T, control store.Control) {
		h := newHandler(t, config(control))
		arn := create(t, h, "cam")
		for _, c := range configurations() {
			ask := func() reply { return post(t, h, c.describe, `{"StreamARN":"`+arn+`"}`) }
			wantBody(t, ask(), `{}`)
			for _, value := range []string{c.full, c.other, c.full} {
				wantBody(t, post(t, h, c.update, c.put(value)), `{}`)
				wantBody(t, ask(), `{"`+c.member+`":`+value+`}`)
			}
			wantBody(t, post(t, h, c.update, c.put(`null`)), `{}`)
			wantBody(t, ask(), `{}`)
			wantBody(t, post(t, h, c.update, c.put(c.other)), `{}`)
			wantBody(t, post(t, h, c.update, `{"StreamName":"cam"}`), `{}`)
			wantBody(t, ask(), `{}`)
			wantBody(t, post(t, h, c.update, `{"StreamName":"cam"}`), `{}`)
		}
	})
}

func TestConfigurationsLeaveTheStreamAsItIs(t *testing.T) {
	h := memHandler(t)
	create(t, h, "cam")
	before := post(t, h, "/describeStream", `{"StreamName":"cam"}`)
	for _, c := range configurations() {
		wantFine(t, post(t, h, c.update, c.put(c.full)))
	}
	wantFine(t, post(t, h, "/startEdgeConfigurationUpdate", edgeBody("cam", hub("a"))))
	wantBody(t, post(t, h, "/describeStream", `{"StreamName":"cam"}`), before.body)
}

func TestAConfigurationNeedsRetention(t *testing.T) {
	h := memHandler(t)
	create(t, h, "cam")
	retention := func(operation string) {
		wantFine(t, post(t, h, "/updateDataRetention", `{"StreamName":"cam","CurrentVersion":"`+version(t, h, "cam")+
			`","Operation":"`+operation+`_DATA_RETENTION","DataRetentionChangeInHours":24}`))
	}
	for _, c := range configurations() {
		wantFine(t, post(t, h, c.update, c.put(c.full)))
	}
	wantFine(t, post(t, h, "/startEdgeConfigurationUpdate", edgeBody("cam", hub("a"))))
	edge := post(t, h, "/describeEdgeConfiguration", `{"StreamName":"cam"}`)

	retention("DECREASE")
	for _, c := range configurations() {
		wantBody(t, post(t, h, c.describe, `{"StreamName":"cam"}`), `{"`+c.member+`":`+c.full+`}`)
		wantAnswer(t, post(t, h, c.update, c.put(c.other)), 400, noRetention)
		wantBody(t, post(t, h, c.describe, `{"StreamName":"cam"}`), `{"`+c.member+`":`+c.full+`}`)
	}
	wantBody(t, post(t, h, "/describeEdgeConfiguration", `{"StreamName":"cam"}`), edge.body)
	wantAnswer(t, post(t, h, "/startEdgeConfigurationUpdate", edgeBody("cam", hub("a"))), 400, noRetention)

	retention("INCREASE")
	for _, c := range configurations() {
		wantFine(t, post(t, h, c.update, c.put(c.other)))
	}
	retention("DECREASE")
	for _, c := range configurations() { // one may always be removed
		wantFine(t, post(t, h, c.update, c.put(`null`)))
		wantBody(t, post(t, h, c.describe, `{"StreamName":"cam"}`), `{}`)
	}
}

// TestConfigurationsGoWithTheirStream: a stream that is created again under the
// name has none.
func TestConfigurationsGoWithTheirStream(t *testing.T) {
	eachStore(t, func(t *testing.T, control store.Control) {
		h := newHandler(t, config(control))
		arn := create(t, h, "cam")
		for _, c := range configurations() {
			wantFine(t, post(t, h, c.update, c.put(c.full)))
		}
		wantFine(t, post(t, h, "/startEdgeConfigurationUpdate", edgeBody("cam", hub("a"))))
		wantFine(t, post(t, h, "/deleteStream", `{"StreamARN":"`+arn+`"}`))
		for _, c := range configurations() {
			wantAnswer(t, post(t, h, c.describe, `{"StreamName":"cam"}`), 404, missing)
			wantAnswer(t, post(t, h, c.update, c.put(c.full)), 400, inUse)
		}
		wantBody(t, post(t, h, "/listEdgeAgentConfigurations", `{"HubDeviceArn":"`+hub("a")+`"}`), `{"EdgeConfigs":[]}`)
		s, err := control.Stream(t.Context(), "cam")
		if err != nil {
			t.Fatal(err)
		}
		if err := control.FinishDelete(t.Context(), s.Key); err != nil {
			t.Fatal(err)
		}
		create(t, h, "cam")
		for _, c := range configurations() {
			wantBody(t, post(t, h, c.describe, `{"StreamName":"cam"}`), `{}`)
		}
		wantAnswer(t, post(t, h, "/describeEdgeConfiguration", `{"StreamName":"cam"}`), 404, noEdge)
		wantBody(t, post(t, h, "/listEdgeAgentConfigurations", `{"HubDeviceArn":"`+hub("a")+`"}`), `{"EdgeConfigs":[]}`)
	})
}

// TestUpdatesOfAConfigurationAtOnceLeaveOneWhole: what stays is one of those
// that were given, and nothing mixed of two.
func TestUpdatesOfAConfigurationAtOnceLeaveOneWhole(t *testing.T) {
	eachStore(t, func(t *testing.T, control store.Control) {
		h := newHandler(t, config(control))
		url := listen(t, h)
		create(t, h, "cam")
		c := configurations()[1]
		value := func(i int) string {
			return fmt.Sprintf(`{"Status":"ENABLED","ImageSelectorType":"SERVER_TIMESTAMP","DestinationConfig":{"Uri":"s3://b%d",`+
				`"DestinationRegion":"us-west-2"},"SamplingInterval":%d,"Format":"PNG","WidthPixels":%d}`, i, 1000+i, 1+i)
		}
		got := tally(atOnce(12, func(i int) reply { return send(t, url, "root", c.update, c.put(value(i))) }))
		if got[fine] != 12 {
			t.Errorf("answers: %v", got)
		}
		after := post(t, h, c.describe, `{"StreamName":"cam"}`)
		var i int
		if _, err := fmt.Sscanf(after.field(t, c.member, "WidthPixels"), "%d", &i); err != nil {
			t.Fatal(err)
		}
		wantBody(t, after, `{"`+c.member+`":`+value(i-1)+`}`)
	})
}

// An interposed control state does something before the next document is put.
type interposed struct {
	store.Control
	once   sync.Once
	before func()
}

func (c *interposed) PutDocument(ctx context.Context, d store.Document) (store.Document, error) {
	c.once.Do(c.before)
	return c.Control.PutDocument(ctx, d)
}

func TestAStreamThatIsDeletedMeanwhile(t *testing.T) {
	paths := map[string]string{"/startEdgeConfigurationUpdate": edgeBody("cam", hub("a"))}
	for _, c := range configurations() {
		paths[c.update] = c.put(c.full)
	}
	remove := func(t *testing.T, c store.Control) {
		s, err := c.Stream(t.Context(), "cam")
		if err == nil {
			err = c.BeginDelete(t.Context(), s.Key, "")
		}
		if err == nil {
			err = c.FinishDelete(t.Context(), s.Key)
		}
		if err != nil {
			t.Error(err)
		}
	}
	for path, body := range paths {
		t.Run(path[1:]+": it has gone", func(t *testing.T) {
			c := &interposed{Control: mem.NewControl()}
			c.before = func() { remove(t, c.Control) }
			h := newHandler(t, config(c))
			create(t, h, "cam")
			wantAnswer(t, post(t, h, path, body), 404, missing)
		})
		t.Run(path[1:]+": it is going", func(t *testing.T) {
			c := &interposed{Control: mem.NewControl()}
			h := newHandler(t, config(c))
			arn := create(t, h, "cam")
			c.before = func() { wantFine(t, post(t, h, "/deleteStream", `{"StreamARN":"`+arn+`"}`)) }
			wantAnswer(t, post(t, h, path, body), 400, inUse)
		})
		t.Run(path[1:]+": it has gone, and come again", func(t *testing.T) {
			c := &interposed{Control: mem.NewControl()}
			h := newHandler(t, config(c))
			arn := create(t, h, "cam")
			c.before = func() {
				remove(t, c.Control)
				create(t, h, "cam")
			}
			byARN := strings.Replace(body, `"StreamName":"cam"`, `"StreamARN":"`+arn+`"`, 1)
			wantAnswer(t, post(t, h, path, byARN), 404, missing)
			for _, kind := range documentKinds() {
				if left, err := c.Documents(t.Context(), kind, store.DocumentPage{}); err != nil || len(left) != 0 {
					t.Errorf("left: %v, %v", left, err)
				}
			}
		})
	}
}

func documentKinds() []string { return []string{"notification", "image-generation", "edge"} }

func TestStorageTiers(t *testing.T) {
	eachStore(t, func(t *testing.T, control store.Control) {
		h := newHandler(t, config(control))
		arn := post(t, h, "/createStream", `{"StreamName":"cam","StreamStorageConfiguration":{"DefaultStorageTier":"WARM"}}`).field(t, "StreamARN")
		shown := func(tier string) {
			t.Helper()
			wantBody(t, post(t, h, "/describeStreamStorageConfiguration", `{"StreamName":"cam"}`),
				`{"StreamName":"cam","StreamARN":"`+arn+`","StreamStorageConfiguration":{"DefaultStorageTier":"`+tier+`"}}`)
		}
		shown("WARM")
		was := version(t, h, "cam")
		change := `{"StreamARN":"` + arn + `","CurrentVersion":"` + was + `","StreamStorageConfiguration":{"DefaultStorageTier":"HOT"}}`
		wantBody(t, post(t, h, "/updateStreamStorageConfiguration", change), `{}`)
		shown("HOT")
		if version(t, h, "cam") == was {
			t.Error("the version is the same after an update")
		}
		wantAnswer(t, post(t, h, "/updateStreamStorageConfiguration", change), 400, staleV)
		wantFine(t, post(t, h, "/createStream", `{"StreamName":"door"}`))
		got := post(t, h, "/describeStreamStorageConfiguration", `{"StreamName":"door"}`)
		if tier := got.field(t, "StreamStorageConfiguration", "DefaultStorageTier"); tier != millrace.TierHot.String() {
			t.Errorf("the tier of a stream that was created without one is %s", tier)
		}
	})
}

// TestADestinationIsInTheRegionOfItsStream, also where the server has been moved
// to another since.
func TestADestinationIsInTheRegionOfItsStream(t *testing.T) {
	control := mem.NewControl()
	create(t, newHandler(t, config(control)), "cam")
	moved := config(control)
	moved.Region = "eu-west-1"
	h := newHandler(t, moved)
	c := configurations()[1]
	wantFine(t, post(t, h, c.update, c.put(c.full)))
	wantAnswer(t, post(t, h, c.update, c.put(strings.ReplaceAll(c.full, "us-west-2", "eu-west-1"))), 400, badArg)
}

func TestAStreamHasNoMappedResource(t *testing.T) {
	h := memHandler(t)
	create(t, h, "cam")
	wantBody(t, post(t, h, "/describeMappedResourceConfiguration", `{"StreamName":"cam","MaxResults":1}`), `{"MappedResourceConfigurationList":[]}`)
}

func TestThereIsNoChannel(t *testing.T) {
	h := memHandler(t)
	const channel = `"ChannelARN":"arn:aws:kinesisvideo:us-west-2:111122223333:channel/c/1705489836421"`
	for path, body := range map[string]string{
		"/describeMediaStorageConfiguration": `{` + channel + `}`,
		"/updateMediaStorageConfiguration":   `{` + channel + `,"MediaStorageConfiguration":{"Status":"DISABLED"}}`,
	} {
		got := post(t, h, path, body)
		wantAnswer(t, got, 404, missing)
		if text := got.field(t, "message"); text != "The requested channel is not found or not active." {
			t.Errorf("message: %s", text)
		}
		wantAnswer(t, ask(t, h, "guest", http.MethodPost, path, body, nil), 403, denied)
	}
}
